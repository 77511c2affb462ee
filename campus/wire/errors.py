"""What a payload or topic that breaks the contract raises."""


class WireError(ValueError):
    """A message outside the contract. Nothing of it is to be used.

    `cause` is one of those in campus/wire/causes.py, which says what is right; the text names it and the part of the
    message that is wrong. `boot` and `seqs`, the record numbers it names, rising, say what to settle, so that the board
    does not send it for ever; both are None where they could not be read, or nobody looked (campus/wire/server.py).
    """

    def __init__(self, cause, part, boot=None, seqs=None):
        super().__init__(cause + ": " + part)
        self.cause = cause
        self.boot = boot
        self.seqs = seqs

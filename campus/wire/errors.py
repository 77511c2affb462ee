"""What a payload or topic that breaks the contract raises."""


class WireError(ValueError):
    """A message outside the contract. Nothing of it is to be used.

    `cause` is one of CAUSES. Where the message's boot and seq could be read, they say what to settle, so
    that the board does not send it for ever: `boot`, and `seqs`, the record numbers it names, rising;
    `first` and `last` bound the unbroken run at the start of `seqs`. All four are None where they could
    not be read.
    """

    def __init__(self, cause, message, boot=None, seqs=None):
        super().__init__(message)
        self.cause = cause
        self.settles(boot, seqs)

    def settles(self, boot, seqs):
        """Set what this rejected message settles. A gap in `seqs` is left to the message that fills it."""
        self.boot = self.seqs = self.first = self.last = None
        if boot is None or not seqs:
            return
        self.boot = boot
        self.seqs = seqs
        self.first = self.last = seqs[0]
        for seq in seqs[1:]:
            if seq != self.last + 1:
                break
            self.last = seq


CAUSES = {
    "json": "not UTF-8 JSON, nested too deeply, or a number JSON does not have",
    "version": "a version of the contract this program does not know",
    "shape": "a key is missing or has another type",
    "id": "an id outside [a-z0-9-]{1,64}, or a reserved word",
    "boot": "a boot outside [0-9a-f]{8,16}",
    "seq": "a record number outside 0..2^32-1, not rising, or below low",
    "time": "a time that is not an integer of milliseconds, out of range, or not rising for a point",
    "rows": "no row, more than 512 rows, or a row of another length than its columns",
    "size": "more bytes than allowed",
    "point": "a point name outside the syntax, or twice",
    "value": 'a value that is not a finite number, null or "-"',
    "topic": "a topic that the contract does not have",
}

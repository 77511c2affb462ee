"""When records leave the RAM for the flash."""

BATCH = 30  # records that may wait in RAM while there is no connection
TICK_MS = 5000
TICKS = 5  # after so many a record that waits is written: at the latest 30 s old


class Spill:
    """Moves records from the outbox to the spool when nobody answers: so many, or so old, that a power cut would cost
    more than 30 records or 30 s. `log(text)` is told once when the flash refuses; the outbox then drops its oldest."""

    def __init__(self, outbox, spool, log):
        self.outbox = outbox
        self.spool = spool
        self.log = log
        self._marks = [outbox.next_seq] * TICKS  # the next number at each of the last ticks
        self._failed = False

    def added(self, connected):
        """Call after each record: moves all when there are too many."""
        outbox = self.outbox
        if outbox.depth >= (outbox.capacity - 1 if connected else BATCH):
            self.move()

    def tick(self):
        """Call every 5 s: moves all when one has waited for so long."""
        oldest = self._marks.pop(0)
        self._marks.append(self.outbox.next_seq)
        if self.outbox.depth and self.outbox.low < oldest:
            self.move()

    def move(self):
        """All of the outbox goes to the flash, a message at a time: there is no memory for more."""
        outbox = self.outbox
        while outbox.depth:
            message = outbox.oldest()
            try:
                self.spool.append(message)
            except OSError as error:
                if not self._failed:
                    self.log("spool: %r" % (error,))
                self._failed = True
                return
            self._failed = False
            outbox.moved(message)

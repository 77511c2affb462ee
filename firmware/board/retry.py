"""When to try again: pauses that grow, and records that stayed without an answer."""

import os


class Backoff:
    """Pauses that double from `first_ms` to `most_ms`, each cut by up to half at random, so that boards which lost
    the same broker do not return at once. random() -> 0..255."""

    def __init__(self, first_ms, most_ms, random=lambda: os.urandom(1)[0]):
        self.first_ms = first_ms
        self.most_ms = most_ms
        self.random = random
        self.reset()

    def reset(self):
        self._ms = self.first_ms

    def next_ms(self):
        ms = self._ms
        self._ms = min(ms * 2, self.most_ms)
        return ms - ms * self.random() // 512


class Unanswered:
    """Sends records again when the oldest one in flight stays uncommitted, after pauses that grow until it moves, or
    until someone answers again after a silence. A full outbox that drops its oldest is no answer.

    kept: an Outbox or a Spool. uptime() -> rising integer ms.
    """

    def __init__(self, kept, uptime, first_ms):
        self.kept = kept
        self.uptime = uptime
        self._backoff = Backoff(first_ms, 300000)
        self._silent = False  # the latest records sent again were met with silence, as all before them
        self._watch()

    def all_again(self):
        """A new connection: what the old one carried may have gone with it."""
        self.kept.resend()
        self._begin()

    def look(self):
        """Called often; acts when the time has come."""
        kept = self.kept
        if kept.answers != self._answers or not kept.in_flight:
            self._begin()
        elif self._silent and kept.freed != self._freed:
            self._begin()
        elif self.uptime() - self._since > self._patience_ms:
            self._silent = kept.freed == self._freed
            kept.resend(16)  # enough to learn that the collector is back
            self._watch()

    def _begin(self):
        self._silent = False
        self._backoff.reset()
        self._watch()

    def _watch(self):
        self._answers = self.kept.answers
        self._freed = self.kept.freed
        self._since = self.uptime()
        self._patience_ms = self._backoff.next_ms()

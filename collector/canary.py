"""A message to ourselves through the broker: a connection that lives and delivers nothing looks like a quiet school."""

EVERY_S = 10.0
PATIENCE_S = 30.0
LONGEST_PATIENCE_S = 600.0
BLINK_S = 5.0
"""Not asked for so long, we did not listen ourselves: the process was stopped, or the machine slept."""


class Canary:
    """Sent at QoS 0: it needs no acknowledgement, and none waits for us while we are away. Times are monotonic seconds.
    Whatever arrives shows that the broker delivers; the canary makes something arrive.

    Each time that connecting anew has not helped, the patience doubles, up to LONGEST_PATIENCE_S.
    """

    def __init__(self, topic: str, every_s: float = EVERY_S, patience_s: float = PATIENCE_S) -> None:
        self.topic = topic
        self._every_s, self._first_patience_s = every_s, patience_s
        self._patience_s = patience_s
        self._doubtful = False  # nothing has arrived since the broker was silent for too long
        self._quiet_since = self._sent_at = self._asked_at = 0.0

    def begin(self, now: float) -> bool:
        """A connection was made; whether one more silence is to be feared."""
        self._quiet_since = self._asked_at = now
        self._sent_at = now - self._every_s
        return self._doubtful

    def alive(self, now: float) -> None:
        """A message arrived."""
        self._quiet_since = now
        self._doubtful = False
        self._patience_s = self._first_patience_s

    def due(self, now: float) -> bool:
        """Whether to send one now; it counts as sent."""
        if now - self._sent_at < self._every_s:
            return False
        self._sent_at = now
        return True

    def silence(self, now: float, listening: bool) -> str | None:
        """What the broker did, for a sentence, where it has been silent for too long.

        While we do not listen, its silence proves nothing.
        """
        if not listening or now - self._asked_at > BLINK_S:
            self._quiet_since = now
        self._asked_at = now
        patience_s = self._patience_s
        if now - self._quiet_since < patience_s:
            return None
        self._doubtful = True
        self._patience_s = min(2 * patience_s, LONGEST_PATIENCE_S)
        return (
            f"has delivered nothing for {patience_s:.0f} s, not even our own message, and we connect anew: look at the "
            f"broker, and whether we may write and read {self.topic}."
        )

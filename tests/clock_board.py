"""A board that measures each minute of a day, and whose clock is what a test makes of it."""

from test_collector_derive import messages

from campus.wire.lifecycle import encode_birth
from campus.wire.telemetry import Telemetry, decode, encode
from campus.wire.topics import board_topic

BOOTS = ("9f3a61c200000101", "9f3a61c200000102")
COLUMNS = ("motion", "co2_ppm")
BIRTH, TELEMETRY = (board_topic("school", "board-1", leaf) for leaf in ("birth", "telemetry"))


def measured(days=1):
    """(true Unix ms, values) of each minute."""
    for _, _, payload in messages(days):
        whole = decode(payload)
        yield from ((whole.ts_ms + row[1], tuple(row[2:])) for row in whole.rows)


def born(boot=BOOTS[0], offset_ms=None):
    return BIRTH, encode_birth(boot, "1", "esp32", "power_on", "up", {}, up_offset_ms=offset_ms)


class Boot:
    """One boot: `counted_ms` is the true time at which its clock would show 0. It numbers its records."""

    def __init__(self, counted_ms=0, clock="ntp", boot=BOOTS[0]):
        self.counted_ms, self.clock, self.boot = counted_ms, clock, boot
        self.seq = 0

    def send(self, samples, rows=30):
        """(true Unix ms of the last sample, topic, payload) of each message of the samples."""
        samples = list(samples)
        for first in range(0, len(samples), rows):
            part = samples[first : first + rows]
            begin = part[0][0]
            told = [[n, at - begin, *values] for n, (at, values) in enumerate(part)]
            shown = begin - self.counted_ms
            message = Telemetry(self.boot, self.seq, 0, shown, self.clock, list(COLUMNS), told, None)
            self.seq += len(part)
            yield part[-1][0], TELEMETRY, encode(message)


def rows(samples, quality, shift_ms=0, received_ms=None):
    """What the store should hold of the samples: (point, observed_at_ms, value, quality, received_at_ms)."""
    return sorted(
        (point, at + shift_ms, float(value), quality, received_ms and received_ms(at))
        for at, values in samples
        for point, value in zip(COLUMNS, values, strict=True)
    )


def stored(school, board="board-1"):
    return sorted(
        tuple(row[1:]) for chunk in school.telemetry.rows("school", board, None, None) for row in chunk
    )

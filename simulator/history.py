"""The past of a virtual school as the messages its boards would have sent: one-minute samples, in time order."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from campus.wire.telemetry import encode
from campus.wire.topics import board_topic
from simulator.boards import HistoryBoard
from simulator.faults import DEFAULT
from simulator.people import MINUTES
from simulator.school import MINUTE_MS, School, local_days
from simulator.world import World

CHUNK_MINUTES = 40


class Message(NamedTuple):
    """One MQTT message; `observed_at_ms` is the true time of its last row."""

    topic: str
    payload: bytes
    observed_at_ms: int


def history(
    school: School, start_ms: int, end_ms: int, faults: Sequence[str] = DEFAULT, world: World | None = None
) -> Iterator[Message]:
    """Every telemetry message with samples in [start_ms, end_ms).

    In order of time per board, and within an hour across boards. A minute has the same values and the same
    (board, boot, seq) in every range that holds it, so that running a range again, or an overlapping one, adds nothing.
    Asking for the next message commits the one before. A `world` is used in place of `faults`.
    """
    world = world or World(school, faults)
    boards = [HistoryBoard(school, room) for room in school.rooms]
    topics = [board_topic(school.site, board.room.board, "telemetry") for board in boards]
    for date in local_days(start_ms, end_ms):
        day = world.day(date)
        for board in boards:
            board.load(day)
        for chunk in range(0, MINUTES, CHUNK_MINUTES):
            begin_ms = day.start_ms + chunk * MINUTE_MS
            after_ms = begin_ms + CHUNK_MINUTES * MINUTE_MS
            if after_ms <= start_ms or begin_ms >= end_ms:
                continue
            last = chunk + CHUNK_MINUTES == MINUTES or after_ms >= end_ms
            for board, topic in zip(boards, topics, strict=True):
                at_ms = day.start_ms + board.phase_ms  # of minute 0
                first = max(chunk, -((at_ms - start_ms) // MINUTE_MS))
                end = min(chunk + CHUNK_MINUTES, -((at_ms - end_ms) // MINUTE_MS))
                for telemetry in board.run(first, end, last):
                    last_ms = telemetry.ts_ms + telemetry.rows[-1][1] - board.offset_ms
                    yield Message(topic, encode(telemetry), last_ms)

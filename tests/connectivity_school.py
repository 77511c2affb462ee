"""Boards of a school that speak and fall silent, in the time of the test, through the collector's pipeline."""

from test_collector_derive import MINUTE, START, School

from campus.wire.lifecycle import encode_availability, encode_birth
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic

SITE = "school"
SECOND = 1000
STEP = 30 * SECOND  # as far apart as the looks of a collector that listens may be
HOUR = 60 * MINUTE
POINTS = {"co2_ppm": {"unit": "ppm", "max_interval_ms": MINUTE}}


class Boards(School):
    """`speaking`: boards that send each minute. Time goes on by `run`, in steps in which the collector looks."""

    def __init__(self, folder, boards=("board-1", "board-2"), now_ms=START, connected=True):
        super().__init__(folder, now_ms)
        self.boots = {}
        self.speaking = set(boards)
        self.boards = list(boards)
        self.seq = 0
        if connected:
            self.connect()

    def connect(self):
        self.pipeline.boards.listening_ms = self.now_ms

    def disconnect(self):
        self.pipeline.boards.listening_ms = None

    def run(self, minutes, look=True):
        """Minutes of the time in which boards speak, and the collector looks and stores."""
        until = self.now_ms + round(minutes * MINUTE)
        while self.now_ms < until:
            self.now_ms += STEP
            for n, board in enumerate(self.boards):
                if board in self.speaking and (self.now_ms - START) // STEP % 2 == n % 2:
                    self.speak(board)
            self.take_in()
            if look:
                self.pipeline.boards.judge_silence(self.now_ms)
                self.pipeline.follow()

    def take_in(self):
        """What was sent is durable and heard; not in the time series, which is of no weight here."""
        while self.pipeline.collector.ingest():
            pass

    def boot_of(self, board):
        return self.boots.setdefault(board, f"{self.boards.index(board):08x}00000000")

    def speak(self, board, at_ms=None):
        self.seq += 1
        message = Telemetry(
            self.boot_of(board), self.seq, 0, at_ms or self.now_ms, "ntp", ["co2_ppm"], [[0, 0, 500]], None
        )
        self.pipeline.offer(board_topic(SITE, board, "telemetry"), encode(message))

    def birth(self, board, reset_cause="power-on", access_point=None, new=True):
        if new:
            boot = int(self.boot_of(board), 16) + 1
            self.boots[board] = f"{boot:016x}"
        payload = encode_birth(
            self.boot_of(board), "1.0.0", "esp32", reset_cause, "ntp", POINTS, None, access_point
        )
        self.pipeline.offer(board_topic(SITE, board, "birth"), payload)

    def say(self, board, state, boot=None):
        payload = encode_availability(boot or self.boot_of(board), state)
        self.pipeline.offer(board_topic(SITE, board, "availability"), payload)

    def availability(self, board="board-1", since=START):
        """(start, end, state) in minutes since START, of whole stretches."""
        found = self.records.availability(SITE, board, since, self.now_ms)
        return [((one.start_ms - START) / MINUTE, (one.end_ms - START) / MINUTE, one.state) for one in found]

    def incidents(self):
        """(cause, start, end, boards) in minutes since START."""
        return [
            (
                one.cause,
                (one.start_ms - START) / MINUTE,
                None if one.end_ms is None else (one.end_ms - START) / MINUTE,
                one.boards,
            )
            for one in self.records.incidents(SITE, START, self.now_ms + 1)
        ]

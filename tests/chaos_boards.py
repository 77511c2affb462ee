"""A fleet of boards as the contract has them: firmware/board's own Outbox and Link on CPython, a connection each.

They run on one thread of this process. `frees="puback"` is the defect of a control run: a board that takes the broker's
word for the collector's.
"""

import asyncio
import re
import threading
import time
from collections import namedtuple
from secrets import token_hex

from broker_client import until

from campus.wire.lifecycle import encode_birth
from firmware.board import link as board_link
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.sampling import Record
from simulator.shelf import Shelf

SITE = "school"
CAPACITY = 4096  # records; a board on the wall keeps 256 in memory, and more on its flash
LONGEST_MS = 5_000  # between two attempts to connect; a board on the wall waits up to a minute
TICK_S = 0.01

BROKEN = re.compile("Type|Value|Attribute|Key|Index|Name|Wire|Assertion|telemetry:")  # ...Error

Broker = namedtuple("Broker", "host port user password")
Config = namedtuple("Config", "site board broker resend_ms")


class WatchedOutbox(Outbox):
    """Notes how long each record waited for its `committed` since it was sent first, in seconds."""

    def __init__(self, boot, waits):
        super().__init__(boot, CAPACITY, Shelf(CAPACITY))
        self._sent_at = {}
        self._took = waits

    def sent(self, telemetry):
        super().sent(telemetry)
        for row in telemetry.rows:
            self._sent_at.setdefault(telemetry.seq + row[0], time.monotonic())

    def committed(self, boot, seq, also=()):
        if boot == self.boot:
            at = time.monotonic()
            ranges = [(0, seq), *also]
            for each in [n for n in self._sent_at if any(first <= n <= last for first, last in ranges)]:
                self._took.append(at - self._sent_at.pop(each))
        return super().committed(boot, seq, also)


class PubackLink(Link):
    """The defect: what the broker acknowledged is let go of."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._owed = []
        self.alive = self._let_go

    async def send(self, message, source=None):
        await super().send(message, source)
        self._owed.append((self._session, self._session._packet_id, message))

    def _let_go(self):
        waiting = []
        for session, number, message in self._owed:
            if session is not self._session:
                continue
            if session.answered(number):
                self.outbox.moved(message)
            else:
                waiting.append((session, number, message))
        self._owed = waiting


class Clock:
    """Right, and set."""

    def quality(self):
        return "ntp"


class Board:
    """`add()` measures: the record's one number is its own, so that the store shows which ones it has."""

    def __init__(self, name, broker, resend_ms, link_class, waits, log):
        self.name = name
        self.outbox = WatchedOutbox(token_hex(8), waits)
        self._latest_ms = 0
        points = {"uptime_s": {"unit": "s"}, "motion": {"unit": "1"}}
        birth = encode_birth(self.outbox.boot, "chaos", "CPython", "power_on", "ntp", points)
        self.link = link_class(
            Config(SITE, name, broker, resend_ms), self.outbox, Clock(), lambda: birth, log=log
        )

    def add(self):
        self._latest_ms = max(time.time_ns() // 1_000_000, self._latest_ms + 1)
        number = self.outbox.next_seq
        self.outbox.add(Record(self._latest_ms, "ntp", {"uptime_s": number, "motion": number // 5 % 2}, None))
        self.link.wake()


class Fleet:
    """`boards` boards of one school; `with` connects them and says goodbye. Counts are over all of them."""

    def __init__(
        self, port, boards, *, frees="committed", resend_ms=2_000, account=lambda name: (None, None)
    ):
        link_class = PubackLink if frees == "puback" else Link
        self.faults = []  # what a board logged and no broker can have caused
        self.waits = []  # s from the first send to `committed`, of each record
        self.boards = []
        for n in range(boards):
            name = f"board-{n}"
            broker = Broker("127.0.0.1", port, *account(name))
            self.boards.append(Board(name, broker, resend_ms, link_class, self.waits, self._note))
        self.added = 0
        self._goal = self.added
        self._per_second = 0.0
        self._links = {}  # of the boards that have power
        self._loop = asyncio.new_event_loop()
        self._stopping = False
        self._thread = threading.Thread(target=self._live, name="boards", daemon=True)

    def __enter__(self):
        self._was = board_link.LONGEST_MS
        board_link.LONGEST_MS = LONGEST_MS
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stopping = True
        self._thread.join(20)
        board_link.LONGEST_MS = self._was

    def stream(self, records, per_second):
        """Measure so many more records, turn by turn, at this rate over all boards."""
        self._per_second = per_second
        self._goal += records

    def enough(self):
        """Measure nothing more."""
        self._goal = self.added

    @property
    def streaming(self):
        return self.added < self._goal

    @property
    def connected(self):
        return sum(board.link.connected for board in self.boards)

    @property
    def kept(self):
        """Records that no board was told to be settled."""
        return sum(board.outbox.depth for board in self.boards)

    @property
    def dropped(self):
        return sum(board.outbox.dropped for board in self.boards)

    @property
    def freed(self):
        return self.added - self.kept - self.dropped

    def wanted(self):
        """(board, number) of every record measured."""
        return {(board.name, n) for board in self.boards for n in range(board.outbox.next_seq)}

    def settled(self):
        """(board, number) of every record that a board has let go of, so somebody else has to have it."""
        return {(board.name, n) for board in self.boards for n in range(board.outbox.low)}

    def vanish(self, count):
        """So many boards lose their power: no goodbye, and they do not come back."""
        for board in self.boards[:count]:
            self._loop.call_soon_threadsafe(self._cut, board)

    def drained(self, within_s):
        """Wait until everything was measured and settled; whether that came."""
        return until(lambda: not self.streaming and not self.kept, within_s)

    def percentile(self, share):
        """Of the seconds that records waited for `committed`; None without any."""
        waits = sorted(self.waits)
        return round(waits[min(len(waits) - 1, int(share * len(waits)))], 3) if waits else None

    def _cut(self, board):
        self._links.pop(board).cancel()
        if board.link._session is not None:
            board.link._session._writer.transport.abort()

    def _note(self, text):
        if BROKEN.search(text):
            self.faults.append(text)

    def _live(self):
        self._loop.run_until_complete(self._run())

    async def _run(self):
        for board in self.boards:
            self._links[board] = asyncio.ensure_future(board.link.run())
            await asyncio.sleep(0.002)  # not all in the same moment
        owed, at = 0.0, time.monotonic()
        while not self._stopping:
            await asyncio.sleep(TICK_S)
            owed, at = owed + (time.monotonic() - at) * self._per_second, time.monotonic()
            if not self.streaming:
                owed = 0.0
            while owed >= 1 and self.streaming:
                self.boards[self.added % len(self.boards)].add()
                self.added += 1
                owed -= 1
        await asyncio.gather(*[board.link.stop(2_000) for board in self._links])
        for link in self._links.values():
            link.cancel()
        await asyncio.gather(*self._links.values(), return_exceptions=True)

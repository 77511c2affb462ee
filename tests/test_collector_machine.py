"""Boards, a broker and a collector in any order of events, against a model that keeps it all; and each defect put back.

The collector is the real pipeline over its real files. A crash is an image of those files, taken at that moment and
opened again; the broker then sends again what was not acknowledged, and boards send what was not committed.

    MACHINE=nightly python -m pytest tests/test_collector_machine.py
"""

import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from machine_boards import BOARDS, CAPACITY, COLUMNS, SITE, Board, Packet, Record
from test_collector_derive import INVENTORY
from test_collector_ingest import Bench, sample

from campus.errors import StoreError
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry import Row
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import decode_committed
from campus.wire.telemetry import decode
from campus.wire.topics import board_topic
from collector.journal import Journal, JournalError
from collector.journal_view import find_gaps
from collector.ledger import BootKey, Ledger
from collector.messages import Message, unpack
from collector.pipeline import Pipeline

NOW = 1_790_000_000_000
STEP_MS = 6_000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
COMMON = {
    "deadline": None,
    "database": None,
    "report_multiple_bugs": False,
    "suppress_health_check": list(HealthCheck),
}
PROFILES = {
    "test": settings(max_examples=40, stateful_step_count=40, derandomize=True, **COMMON),
    "nightly": settings(max_examples=5_000, stateful_step_count=100, **COMMON),
}
PROFILE = PROFILES[os.environ.get("MACHINE", "test")]
POINTS_IN_TIME = ("append", "appended", "acknowledged", "write", "written")
TROUBLES = ("full", "away", *POINTS_IN_TIME)


class Crash(BaseException):
    """The process ends here: nothing catches it."""


class CollectorMachine(RuleBasedStateMachine):
    """`defects`: what is put back. With `watching` off, only what a defect leads to is seen, not the defect itself."""

    records: object = None
    defects: frozenset[str] = frozenset()

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="campus-machine-", dir=MEMORY))
        self.made: set[Record] = set()
        self.dropped: set[Record] = set()
        self.ingested: set[Record] = set()
        self.exact: set[Record] = set()  # that must stand at their own time: others may, or at an estimate
        self.waiting: set[Record] = set()  # for their boot to tell its time
        self.clocks_told: set[BootKey] = set()
        self.heard: set[BootKey] = set()
        self.latest: dict[str, str] = {}  # boot of the latest birth
        self.lows: dict[BootKey, int] = {}
        self.boards = {name: Board(name) for name in BOARDS}
        for board in self.boards.values():
            board.start(NOW, synced=True)
        self.flight: list[Packet] = []
        self.sent: list[Packet] = []
        self.queue: list[Packet] = []
        self.pending: list[Packet] = []
        self.unacknowledged: dict[tuple[int, int], Packet] = {}
        self.acknowledged: list[Packet] = []
        self.answers: list[tuple[str, object]] = []
        self.told: list[tuple[str, object]] = []
        self.promised: set[Record] = set()
        self.tickets = self.images = self.noted = 0
        self.now_ms, self.monotonic = NOW, 0.0
        self.full = self.away = False
        self.crash_at: str | None = None
        self.broken = False
        self.open(self.folder / "0")

    # the collector

    def open(self, folder: Path) -> None:
        machine = self

        class TheJournal(Journal):
            def append(self, *batch, **more):
                machine.reach("append")
                machine.hasten()
                number = super().append(*batch, **more)
                machine.durable_now()
                machine.reach("appended")
                return number

        class TheStore:
            def __getattr__(self, name):
                return getattr(machine.telemetry, name)

            def write(self, *batch):
                machine.reach("write")
                if machine.away:
                    raise StoreError("The store is away.")
                machine.telemetry.write(*batch[: 2 if "estimates stay" in machine.defects else 3])
                machine.reach("written")

        folder.mkdir(exist_ok=True)
        self.data = folder
        self.telemetry = open_telemetry("duckdb", folder)
        self.live = Live()
        self.shown: dict[tuple[str, str], float] = {}
        self.live.listen(self.saw)
        journal = TheJournal(folder / "journal.sqlite", free_bytes=lambda _: 0 if machine.full else 1 << 40)
        self.pipeline = Pipeline(
            folder, self.records, TheStore(), self.live, lambda: self.now_ms,
            acknowledge=self.acknowledge, publish=self.publish, journal=journal,
            unique="repeating" not in self.defects,
        )  # fmt: skip
        self.collector = self.pipeline.collector
        self.collector._monotonic = lambda: self.monotonic

    def reach(self, point: str) -> None:
        if self.crash_at == point:
            self.crash_at = None
            raise Crash

    def hasten(self) -> None:
        """The defects: to acknowledge, and to commit, before the journal has the batch."""
        messages, batch, *rest = self.collector._pending
        if "acknowledges early" in self.defects:
            self.collector._acknowledge([message.ticket for message in messages])
        if "commits early" in self.defects:
            self.collector._due |= batch.due
            self.collector._pending = None
            self.collector.tell_committed()
            self.collector._pending = (messages, batch, *rest)

    def durable_now(self) -> None:
        """The batch in hand is in the journal."""
        pending, self.noted = self.pending[self.noted :], len(self.pending)
        for packet in pending:
            board, boot = packet.boot.board, packet.boot.boot
            if packet.leaf == "birth":
                self.note_birth(packet)
                continue
            new = set(packet.records) - self.ingested
            self.heard.add(packet.boot)
            self.ingested |= new
            self.lows[packet.boot] = max(self.lows.get(packet.boot, 0), packet.low)
            if self.boards[board].started_ms[boot] is None or packet.boot in self.clocks_told:
                self.exact |= new
            elif self.latest.get(board, boot) == boot:
                self.waiting |= new

    def note_birth(self, packet: Packet) -> None:
        """A new boot's ends the waiting of others; one that tells the time ends it well."""
        board, boot = packet.boot.board, packet.boot.boot
        if packet.boot not in self.heard:
            self.heard.add(packet.boot)
            self.latest[board] = boot
            self.waiting = {r for r in self.waiting if r.board != board or r.boot == boot}
        if packet.tells:
            self.clocks_told.add(packet.boot)
            told = {r for r in self.waiting if (r.board, r.boot) == (board, boot)}
            self.exact |= told
            self.waiting -= told

    def acknowledge(self, tickets) -> None:
        waiting = list(self.unacknowledged)
        for ticket in tickets:
            if ticket in self.unacknowledged:
                self.expect(ticket == waiting.pop(0), "acknowledged out of order")
                self.acknowledged.append(self.unacknowledged.pop(ticket))
        self.reach("acknowledged")

    def publish(self, topic: str, payload: bytes) -> None:
        self.told.append((topic.split("/")[3], decode_committed(payload)))

    def saw(self, change) -> None:
        if change.kind == "room":
            for name in ("co2_ppm", "motion_at_ms"):
                value = change.body["values"].get(name) or change.body.get(name) or 0
                before = self.shown.get((change.body["room"], name), 0)
                self.expect(not value or value >= before, f"{name} went back from {before} to {value}")
                self.shown[change.body["room"], name] = max(value, before)

    def guarded(self, step, *allowed: type[Exception]) -> bool:
        """Do a step of the collector, which may crash in it, or may not be possible now; whether it was done."""
        try:
            step()
        except Crash:
            self.restart()
            return False
        except allowed:
            return False
        return True

    def restart(self) -> None:
        """The process is gone, and a new one opens its files as they were at that moment."""
        self.images += 1
        image = self.folder / str(self.images)
        shutil.copytree(self.data, image)
        self.pipeline.close()
        self.telemetry.close()
        self.flight += self.unacknowledged.values()
        self.unacknowledged, self.queue, self.pending, self.noted, self.crash_at = {}, [], [], 0, None
        self.open(image)
        durable = self.durable()
        lost = {r for packet in self.acknowledged for r in packet.records} - durable
        self.expect(not lost, f"acknowledged to the broker and not kept: {lost}")
        self.expect(self.promised <= durable, f"promised and not kept: {self.promised - durable}")
        if "forgetting" in self.defects:
            self.pipeline.intake.ledger = Ledger()
        else:
            self.compare_ledger()

    # what is asked of it

    def expect(self, right: bool, wrong: str) -> None:
        if not right:
            self.broken = True
            raise AssertionError(wrong)

    def stored(self) -> list[Row]:
        return [row for chunk in self.telemetry.rows(None, None, None, None) for row in chunk]

    def durable(self) -> set[Record]:
        """The records of which a reader of the files finds every value: in the store, or in a batch it lacks."""
        found = {(row.board, row.value) for row in self.stored() if row.point == COLUMNS[0]}
        with closing(sqlite3.connect(self.data / "journal.sqlite")) as db:
            blobs = db.execute("SELECT messages FROM batches WHERE number > ?", (self.telemetry.cursor(),))
            for kept in (one for (blob,) in blobs for one in unpack(blob)):
                board, leaf = kept.message.topic.split("/")[3:]
                told = decode(kept.message.payload) if leaf == "telemetry" else None
                for row in told.rows if told else ():
                    if kept.only is None or told.seq + row[0] in kept.only:
                        found.add((board, row[2]))
        return {record for record in self.made if (record.board, record.value) in found}

    def missing(self, boot: BootKey) -> set[int]:
        known = {r.seq for r in self.ingested if (r.board, r.boot) == boot[1:]}
        return set(range(self.lows.get(boot, 0))) - known

    def compare_ledger(self) -> None:
        for key, boot in self.pipeline.intake.ledger:
            settled = {seq for first, last in boot.ranges for seq in range(first, last + 1)}
            known = {r.seq for r in self.ingested if (r.board, r.boot) == key[1:]}
            self.expect(settled == known, f"{key}: settled are {settled}, received were {known}")
            self.expect(boot.low == self.lows.get(key, 0), f"{key}: low {boot.low}")

    @invariant()
    def gaps_are_counted(self):
        if not self.pending and "forgetting" not in self.defects:
            told = self.pipeline.intake.ledger.gaps()
            expected = sum(len(self.missing(boot)) for boot in self.lows)
            self.expect(told == expected, f"{told} gaps, not {expected}")

    # boards and network

    @rule(name=st.sampled_from(BOARDS), count=st.integers(1, 3))
    def measure(self, name, count):
        board = self.boards[name]
        for _ in range(count):
            self.now_ms += STEP_MS
            seq = board.next_seq[board.boot]
            board.next_seq[board.boot] = seq + 1
            record = Record(name, board.boot, seq, self.now_ms, 400 + len(self.made))
            self.made.add(record)
            board.kept[record.boot, seq] = record
            if len(board.kept) > CAPACITY:
                self.dropped.add(board.kept.pop(next(iter(board.kept))))

    @rule(name=st.sampled_from(BOARDS), which=st.integers(0, 3), picks=st.integers(1, 2**CAPACITY - 1))
    def send(self, name, which, picks):
        board = self.boards[name]
        boots = board.boots()
        if boots and (packet := board.packet(boots[-1 - which % len(boots)], picks)):
            self.flight.append(packet)
            self.sent.append(packet)

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 50), lost=st.booleans())
    def lose_or_repeat(self, which, lost):
        """What is on its way is lost, or comes twice; so may what came long ago."""
        if not lost:
            self.flight.append(self.sent[which % len(self.sent)])
        elif self.flight:
            self.flight.pop(which % len(self.flight))

    @precondition(lambda self: self.flight)
    @rule(order=st.lists(st.integers(0, 20), min_size=1, max_size=6))
    def arrive(self, order):
        for which in order[: len(self.flight)]:
            packet = self.flight.pop(which % len(self.flight))
            self.tickets += 1
            ticket = (1, self.tickets)
            self.unacknowledged[ticket] = packet
            self.queue.append(packet)
            topic = board_topic(SITE, packet.boot.board, packet.leaf)
            taken = self.collector.on_message(Message(topic, packet.payload, self.now_ms, False, ticket))
            self.expect(taken, "a queue that is nearly empty is full")

    @rule(name=st.sampled_from(BOARDS), synced=st.booleans())
    def reboot(self, name, synced):
        self.now_ms += STEP_MS
        self.boards[name].start(self.now_ms, synced)

    @rule(name=st.sampled_from(BOARDS), tells=st.booleans())
    def birth(self, name, tells):
        """A board tells its boot, and perhaps its time, at every connection."""
        packet = self.boards[name].birth(tells)
        self.flight.append(packet)
        self.sent.append(packet)

    @precondition(lambda self: self.answers)
    @rule(which=st.integers(0, 10), lost=st.booleans(), twice=st.booleans())
    def answer(self, which, lost, twice):
        at = which % len(self.answers)
        name, told = self.answers[at] if twice else self.answers.pop(at)
        if not lost:
            freed = self.boards[name].free(told)
            gone = set(freed) - self.durable() if freed else set()
            self.expect(not gone, f"freed and not kept: {gone}")

    # the collector's steps

    @rule(step=st.sampled_from(["ingest", "project", "tick"]))
    def work(self, step):
        {"ingest": self.ingest, "project": self.project, "tick": self.tick}[step]()

    def ingest(self):
        if not self.pending:
            self.pending, self.queue, self.noted = self.queue, [], 0
        if self.guarded(self.collector.ingest, JournalError):
            self.durable_now()
            self.pending = []
        elif self.pending:
            self.expect(self.full, "a journal with room refused a batch")

    def project(self):
        self.guarded(self.pipeline.projector.project, StoreError)

    @rule(seconds=st.sampled_from([0.4, 1.0, 2.0]))
    def tell(self, seconds):
        self.monotonic += seconds
        self.collector.tell_committed()
        self.take_answers()

    def take_answers(self) -> None:
        durable = self.durable() if self.told and not self.defects else set()
        for name, told in self.told:
            low = self.lows.get(BootKey(SITE, name, told.boot), 0)
            covered = {
                r
                for r in self.made
                if (r.board, r.boot) == (name, told.boot)
                and (low <= r.seq <= told.seq or any(first <= r.seq <= last for first, last in told.also))
            }
            self.expect(bool(self.defects) or covered <= durable, f"{told} covers {covered - durable}")
            self.promised |= covered
        self.answers += self.told
        self.told = []

    def tick(self):
        self.now_ms += 60_000
        self.guarded(self.pipeline.tick, StoreError)

    @rule(what=st.sampled_from([*TROUBLES, "crash", "none"]))
    def trouble(self, what):
        """From now on the disk is full or the store is away, or there is a crash, now or at a point to come."""
        self.full, self.away = what == "full", what == "away"
        self.crash_at = what if what in POINTS_IN_TIME else None
        if what == "crash":
            self.restart()

    # what is likely: by single rules alone few records would come all the way

    @rule(name=st.sampled_from(BOARDS), count=st.integers(1, 3), picks=st.integers(1, 2**CAPACITY - 1))
    def flow(self, name, count, picks):
        self.measure(name, count)
        self.send(name, 0, picks)
        while self.flight:
            self.arrive([len(self.flight) - 1])
        self.ingest()

    @rule(what=st.sampled_from(TROUBLES), name=st.sampled_from(BOARDS), seconds=st.sampled_from([0.4, 1.0]))
    def bad_day(self, what, name, seconds):
        """Trouble begins while a board waits for its answer, and it goes on sending."""
        self.flow(name, 1, -1)
        self.trouble(what)
        self.flow(name, 1, -1)
        self.project()
        self.tell(seconds)
        while self.answers:
            self.answer(0, False, False)

    @rule(name=st.sampled_from(BOARDS), project=st.booleans(), what=st.sampled_from((*TROUBLES, "none")))
    def late_clock(self, name, project, what):
        """A board starts without the time, sends records, and tells later when it started."""
        self.reboot(name, False)
        self.birth(name, False)
        self.flow(name, 2, -1)
        if project:
            self.project()
        self.trouble(what)
        self.birth(name, True)
        self.flow(name, 1, -1)
        self.project()

    @rule()
    def exchange(self):
        """The collector does all it has to do, and boards hear of it."""
        self.ingest()
        self.project()
        self.tell(1.0)
        while self.answers:
            self.answer(0, False, False)

    # the end

    def teardown(self):
        if not hasattr(self, "pipeline"):
            return
        try:
            if not self.broken:
                self.settle()
                self.compare_all()
        finally:
            self.pipeline.close()
            self.telemetry.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def settle(self) -> None:
        """All is well again, and every board sends what it keeps until nothing is left."""
        self.full, self.away, self.crash_at = False, False, None
        for name in BOARDS:
            self.measure(name, 1)
        for _ in range(10):
            for board in self.boards.values():
                self.flight += [board.packet(boot) for boot in board.boots()]
            while self.flight:
                self.arrive([0])
            while self.queue or self.pending:
                self.ingest()
            while self.pipeline.projector.project():
                pass
            while self.collector.tell_committed() or self.collector._due:
                self.monotonic += 1
            self.take_answers()
            while self.answers:
                self.answer(0, False, False)
            if not any(board.kept for board in self.boards.values()):
                return
        self.expect(False, "boards are still waiting for their answer")

    def compare_all(self) -> None:
        rows = self.stored()
        wanted = {(r.board, point, r.value): r for r in self.ingested for point in COLUMNS[:2]}
        found = Counter((row.board, row.point, row.value) for row in rows if row.point != COLUMNS[2])
        once = Counter(dict.fromkeys(wanted, 1))
        self.expect(found == once, f"too much: {found - once}, lost: {once - found}")
        motion = Counter((row.board, row.value) for row in rows if row.point == COLUMNS[2])
        self.expect(motion == Counter((r.board, r.seq % 2) for r in self.ingested), f"motion is {motion}")
        for row in rows:
            record = wanted.get((row.board, row.point, row.value))
            right = record is None or (row.observed_at_ms == record.at_ms and row.quality in ("good", "hold"))
            self.expect(
                right or (record not in self.exact and row.quality == "unsynced"),
                f"{row} is not at its time: {record}",
            )
        told = {
            BootKey(gap.site, gap.board, gap.boot): {
                seq for first, last in gap.ranges for seq in range(first, last + 1)
            }
            for gap in find_gaps(self.data)
        }
        expected = {boot: missing for boot in self.lows if (missing := self.missing(boot))}
        self.expect("forgetting" in self.defects or told == expected, f"gaps {told}, not {expected}")
        counted = {r for r in self.made if r.seq in expected.get(BootKey(SITE, r.board, r.boot), ())}
        self.expect(counted <= self.dropped, f"false gaps: {counted - self.dropped}")
        silent = self.made - self.ingested - counted
        # Where a board dropped the last records of an earlier boot, no message with a higher low is left to tell it.
        untold = {r for r in self.dropped if r.boot != self.boards[r.board].boot}
        self.expect(silent <= untold, f"neither stored nor a gap: {silent - untold}")


@pytest.fixture(scope="module")
def records():
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, open_records("sqlite", Path(folder)) as opened:
        opened.import_inventory(Inventory.model_validate(INVENTORY))
        yield opened


def machine(opened, *put_back):
    return type("Machine", (CollectorMachine,), {"records": opened, "defects": frozenset(put_back)})


def test_whatever_happens_every_record_is_stored_once_or_a_gap(records):
    """In any order of losses, duplicates, reboots, crashes, a full disk and a store that is away."""
    run(machine(records), settings=PROFILE)


@pytest.mark.parametrize(
    "defect", ["repeating", "acknowledges early", "commits early", "forgetting", "estimates stay"]
)
def test_the_machine_finds_each_defect(records, defect):
    """Within as many examples as the sound collector passes."""
    with pytest.raises(AssertionError):
        run(machine(records, defect), settings=settings(PROFILE, phases=[Phase.generate]))


REPLAYS = 10_000


def test_ten_thousand_replays_of_settled_messages_change_nothing(tmp_path):
    """The store's rows and every table of the journal stay as they were, and each board is answered."""
    bench = Bench(tmp_path)
    chance = random.Random(5)
    sent = []
    for board in range(20):
        topic = board_topic(SITE, f"board-{board}", "telemetry")
        for seq in range(0, 50, 2):
            rows = [[0, 0, 600, seq % 4 // 2], [1, 1000, None, "-"]]
            sent.append((topic, sample(seq, low=seq // 3, rows=rows)))
            bench.arrive(sent[-1][1], topic=topic)
        bench.arrive(sample(60, low=20).replace(b"640", b"[]"), topic=topic)  # rejected, and settled
    bench.pipeline.pump()
    before = tables(tmp_path), bench.stored()
    assert len(before[1]) == 20 * 25 * 3 and len(before[0]["settled"]) == 20
    received = bench.collector.duplicates
    told = Counter()
    for n in range(REPLAYS):
        topic, payload = chance.choice(sent)
        while (
            topic.endswith("telemetry") and b"[]" in payload
        ):  # a dead letter is counted each time that it comes
            topic, payload = chance.choice(sent)
        bench.arrive(payload, (1, n + 1), topic)
        if n % 500 == 499:
            bench.told.clear()
            bench.monotonic += 1.0
            bench.pipeline.pump()
            (acknowledged,) = [tickets for kind, tickets in bench.told if kind == "ack"]
            assert acknowledged == [(1, ticket) for ticket in range(n - 498, n + 2)]
            told.update(kind for kind, answer in bench.told if kind != "ack" and answer.seq == 49)
    assert bench.collector.duplicates - received == 2 * REPLAYS
    assert (tables(tmp_path), bench.stored()) == before
    assert set(told) == {board_topic(SITE, f"board-{board}", "committed") for board in range(20)}
    assert min(told.values()) == REPLAYS // 500
    bench.close()


def tables(data: Path) -> dict[str, list]:
    """Every row of the journal's file."""
    with closing(sqlite3.connect(data / "journal.sqlite")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}

"""Clocks told and not told, crashes, duplicates, in any order: the store holds what a few lines of a model say."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import encode_birth
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector import journal, unsynced
from collector.messages import Message
from collector.pipeline import Pipeline

NOW = 1_790_000_000_000
SECOND = 1000
NUMBERS = count()


@dataclass
class Boot:
    """One start of the board, as the model knows it. `known`: heard by the collector. `records`: by seq."""

    name: str
    residue: int  # of when its messages come, so that no two boots' estimates meet in one millisecond
    seq: int = 0
    up_ms: int = 0
    offset_ms: int | None = None
    told: bool = False
    known: bool = False
    records: dict = field(default_factory=dict)


@dataclass
class Record:
    value: int
    up_ms: int
    at_ms: int | None = None
    quality: str = "unsynced"
    waits: bool = False  # for the time of its boot


class Model:
    """What the store should hold after each batch; knows nothing of journals."""

    def __init__(self):
        self.current = None  # the latest boot that was born since the process started

    def batch(self, messages):
        estimated = []
        for kind, boot, told in messages:
            if kind == "birth":
                self.birth(boot, told, estimated)
            else:
                self.telemetry(boot, told, estimated)
        for boot, record in estimated:
            if record.at_ms is None:
                record.at_ms = boot.offset_ms + record.up_ms
                record.waits = self.current in (None, boot)

    def birth(self, boot, offset_ms, estimated):
        if not boot.known:
            self.current, boot.known = boot, True
            for other in self.boots:
                for record in other.records.values() if other is not boot else ():
                    record.waits = False
        if offset_ms is None:
            return
        boot.offset_ms, boot.told = offset_ms, True
        waiting = [r for b, r in estimated if b is boot and r.at_ms is None]
        for record in [*waiting, *(r for r in boot.records.values() if r.waits)]:
            record.at_ms, record.quality, record.waits = offset_ms + record.up_ms, "hold", False

    def telemetry(self, boot, told, estimated):
        boot.known = True
        received_ms, rows = told
        fresh = [(seq, up_ms, value) for seq, up_ms, value in rows if seq not in boot.records]
        for seq, up_ms, value in fresh:
            record = boot.records[seq] = Record(value, up_ms)
            if boot.told:
                record.at_ms, record.quality = boot.offset_ms + up_ms, "hold"
            else:
                estimated.append((boot, record))
        if fresh and not boot.told:
            estimate = received_ms - fresh[-1][1]
            boot.offset_ms = estimate if boot.offset_ms is None else min(boot.offset_ms, estimate)

    def holds(self):
        return Counter(
            (r.at_ms, float(r.value), r.quality) for boot in self.boots for r in boot.records.values()
        )


class Run:
    """A board, the collector and the model, one step after the other."""

    def __init__(self, folder, records, telemetry):
        self.folder, self.records, self.telemetry = folder, records, telemetry
        self.board = f"board-{next(NUMBERS)}"
        self.model = Model()
        self.model.boots = [Boot("9f3a61c200000000", 1)]
        self.now_ms, self.values = NOW, count()
        self.sent, self.queue = [], []  # (message, what the model is told of it)
        self.open()

    def open(self):
        folder = self.folder / self.board
        self.pipeline = Pipeline(folder, self.records, self.telemetry, Live(), lambda: self.now_ms)

    @property
    def boot(self):
        return self.model.boots[-1]

    def send(self, leaf, payload, told):
        received_ms = self.now_ms + self.boot.residue
        message = Message(board_topic("school", self.board, leaf), payload, received_ms)
        self.arrive((message, told))
        self.sent.append((message, told))

    def arrive(self, each):
        self.queue.append(each)
        self.pipeline.collector.on_message(each[0])

    def measure(self, boot, size, delay_s):
        rows = []
        begin = boot.up_ms
        for n in range(size):
            rows.append((boot.seq + n, boot.up_ms, next(self.values)))
            boot.up_ms += 60 * SECOND
        told = [[seq - boot.seq, up_ms - begin, value] for seq, up_ms, value in rows]
        payload = encode(Telemetry(boot.name, boot.seq, 0, begin, "up", ["uptime_s"], told, None))
        boot.seq += size
        self.now_ms += delay_s * SECOND
        received_ms = self.now_ms + self.boot.residue
        self.send("telemetry", payload, ("telemetry", boot, (received_ms, rows)))

    def step(self, step):
        kind, *rest = step
        if kind == "measure":
            self.measure(self.boot, *rest)
        elif kind == "spool":  # what an earlier boot left is sent by a later one
            self.measure(self.model.boots[rest[0] % len(self.model.boots)], 2, 1)
        elif kind == "birth":
            offset_ms = None if rest[0] is None else NOW - 3_600_000 + rest[0] * 7 + self.boot.residue
            payload = encode_birth(self.boot.name, "1", "e", "x", "up", {}, up_offset_ms=offset_ms)
            self.send("birth", payload, ("birth", self.boot, offset_ms))
        elif kind == "reboot":
            number = len(self.model.boots)
            self.model.boots.append(Boot(f"9f3a61c2{number:08x}", number + 1))
            self.step(("birth", None))
        elif kind == "again" and self.sent:
            self.arrive(self.sent[rest[0] % len(self.sent)])
        elif kind == "ingest":
            self.ingest()
        elif kind == "project":
            self.pipeline.projector.project()
        elif kind == "crash":  # what the journal does not have, the broker sends again
            self.pipeline.close()
            self.model.current = None
            self.open()
            for message, _ in self.queue:
                self.pipeline.collector.on_message(message)

    def ingest(self):
        self.pipeline.collector.ingest()
        if self.queue:
            self.model.batch([told for _, told in self.queue])
        self.queue = []

    def finish(self):
        self.ingest()
        self.pipeline.pump()
        found = Counter(
            (row.observed_at_ms, row.value, row.quality)
            for chunk in self.telemetry.rows("school", self.board, None, None)
            for row in chunk
        )
        waits = {key.boot for key in self.pipeline.journal.unsynced.boots_kept()}
        self.pipeline.close()
        assert found == self.model.holds()
        assert waits == {
            boot.name for boot in self.model.boots if any(r.waits for r in boot.records.values())
        }


MEASURE = st.tuples(st.just("measure"), st.integers(1, 4), st.integers(1, 100))
ACTIONS = st.one_of(
    MEASURE,
    MEASURE,
    st.tuples(st.just("spool"), st.integers(0, 3)),
    st.tuples(st.just("birth"), st.integers(0, 3)),
    st.tuples(st.just("birth"), st.one_of(st.none(), st.integers(0, 3))),
    st.just(("reboot",)),
    st.tuples(st.just("again"), st.integers(0, 9)),
)
THEN = st.sampled_from([(), (), ("ingest",), ("ingest", "project"), ("crash",), ("ingest", "crash")])
STEPS = st.lists(st.tuples(ACTIONS, THEN), min_size=3, max_size=20)
PLAIN = [(("measure", 3, 5), ("ingest", "project")), (("birth", 1), ("ingest", "crash"))]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """One pair of stores for all runs, each with a journal of its own, and a board."""
    folder = tmp_path_factory.mktemp("stores")
    with open_records("sqlite", folder) as records:
        telemetry = open_telemetry("duckdb", folder)
        yield folder, records, telemetry
        telemetry.close()


def whatever_happens(stores, examples, phases=tuple(Phase)):
    @settings(
        max_examples=examples,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS)
    @example(PLAIN)
    def run(steps):
        made = Run(*stores)
        for action, then in steps:
            for step in (action, *((each,) for each in then)):
                made.step(step)
        made.finish()

    run()


def test_whatever_happens_each_record_is_stored_once_at_what_is_known_of_its_time(stores):
    """Births with and without a time, restarts of the board, spooled and repeated messages, kills between any steps."""
    whatever_happens(stores, 80)


@pytest.mark.parametrize("defect", ["removed", "again", "offset"])
def test_the_same_fails_with_a_defect_put_back(stores, monkeypatch, defect):
    """The estimates stay in the store; what waits is forgotten by a crash; a replay estimates anew."""
    _, _, telemetry = stores
    if defect == "removed":
        monkeypatch.setattr(telemetry, "write", lambda number, made, removed=None: type(telemetry).write(
            telemetry, number, made))  # fmt: skip
    elif defect == "again":
        monkeypatch.setattr(unsynced.Unsynced, "apply", lambda self, db, change: unsynced.Applied())
    else:
        unpack = journal.unpack
        monkeypatch.setattr(journal, "unpack", lambda blob: [e._replace(up=None) for e in unpack(blob)])
    with pytest.raises(AssertionError):
        whatever_happens(stores, 80, (Phase.explicit, Phase.generate))

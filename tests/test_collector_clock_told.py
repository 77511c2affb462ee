"""Boards that start without a clock: their records stand at an estimate, flagged, until the board tells the time."""

import json
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from clock_board import BOOTS, TELEMETRY, Boot, born, measured, rows, stored
from test_collector_derive import DAY, HOUR, MINUTE, START, School

from campus.errors import StoreError
from campus.telemetry import Readings
from collector import starts, unsynced
from collector.ledger import BootKey
from collector.messages import Kept, Message, Up, pack, unpack

MORNING = list(measured())[: 12 * 60]
STARTED_MS = START - 7 * MINUTE - 1234
END_MS = START + DAY + HOUR
PROGRAM = Path(__file__).with_name("clock_process.py")
POINTS = [
    "before the journal",
    "within the journal's transaction",
    "after the journal",
    "before the store",
    "within the store's transaction",
    "after the store",
    "before the facts",
]
KEY = BootKey("school", "board-1", BOOTS[0])


def up(samples, offset_ms=STARTED_MS, boot=BOOTS[0]):
    return list(Boot(offset_ms, "up", boot).send(samples))


def offer(school, told):
    for at, topic, payload in told:
        school.now_ms = max(at + 700, school.now_ms)
        school.pipeline.offer(topic, payload)


def send(school, told, every=4):
    """A batch for each four messages, written and derived from."""
    for first in range(0, len(told), every):
        offer(school, told[first : first + every])
        school.pipeline.pump()
        school.pipeline.derive()


def tell(school, boot=BOOTS[0], offset_ms=STARTED_MS):
    school.pipeline.offer(*born(boot, offset_ms))


def ended(school):
    school.now_ms = END_MS
    school.pipeline.pump()
    school.pipeline.derive()
    return school.outcome()


def kept(school):
    return school.pipeline.journal.unsynced.boots_kept()


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What is derived where the clock was right from the start."""
    school = School(tmp_path_factory.mktemp("right"))
    send(school, list(Boot().send(MORNING)), 24)
    found = ended(school)
    assert found[0] and found[1]
    school.close()
    return found


def test_what_came_before_the_time_was_told_is_put_in_its_place(tmp_path, right):
    """Flagged at an estimate first, and out of the facts; then each record once, at its time, and the facts follow."""
    school = School(tmp_path)
    send(school, up(MORNING))
    before = stored(school)
    assert len(before) == 2 * len(MORNING) and {row[3] for row in before} == {"unsynced"}
    assert school.outcome() == ([], [])  # nothing was measured at a time that is known
    assert kept(school) == [KEY]
    tell(school)
    school.pipeline.pump()
    assert stored(school) == rows(MORNING, "hold")
    assert kept(school) == [] and school.pipeline.journal.late()
    assert ended(school) == right
    assert school.pipeline.journal.late() == []
    school.close()


@pytest.mark.parametrize("point", ["ingested", "born", "written"])
def test_a_crash_changes_nothing_of_it(tmp_path, right, point):
    """Before the birth, between journal and store, and between store and facts; the estimates were written before."""
    school = School(tmp_path)
    told = up(MORNING)
    send(school, told[:12])
    offer(school, told[12:])
    school.pipeline.collector.ingest()
    if point != "ingested":
        tell(school)
        school.pipeline.collector.ingest()
    if point == "written":
        school.pipeline.pump()
    school.close()
    again = School(tmp_path, school.now_ms)
    if point == "ingested":
        tell(again)
    again.pipeline.pump()
    assert stored(again) == rows(MORNING, "hold") and kept(again) == []
    assert ended(again) == right
    again.close()


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_changes_nothing_of_it(tmp_path, right, point):
    """At every point of the batch that tells the time, on real files; the broker repeats what was not acknowledged."""
    killed_at(tmp_path, point)
    school = School(tmp_path, MORNING[-1][0] + 700)
    assert (stored(school) == rows(MORNING, "hold")) == (point in ("after the store", "before the facts"))
    tell(school)
    assert ended(school) == right and stored(school) == rows(MORNING, "hold") and kept(school) == []
    school.close()


def test_the_same_fails_where_what_was_estimated_is_not_taken_away(tmp_path, monkeypatch):
    """The journal's batch, read again after the kill, without what it removes: records stand twice."""
    killed_at(tmp_path, "before the store")
    school = School(tmp_path, MORNING[-1][0] + 700)
    replay = school.pipeline.intake.replay

    def lost(messages):
        batch = replay(messages)
        batch.removed = Readings()
        return batch

    monkeypatch.setattr(school.pipeline.intake, "replay", lost)
    school.pipeline.pump()
    assert len(stored(school)) > 2 * len(MORNING)
    school.close()


def killed_at(folder, point):
    process = subprocess.run([sys.executable, str(PROGRAM), str(folder), point])
    assert process.returncode == -signal.SIGKILL


def test_told_again_it_holds_for_what_comes_then(tmp_path, right):
    """What is in its place stays, also when the journal is read again; late, the birth counts for what waits."""
    school = School(tmp_path)
    told = up(MORNING)
    send(school, told[:8])
    tell(school)
    send(school, told[8:16])
    tell(school, offset_ms=STARTED_MS + 40)
    offer(school, told[16:20])
    school.pipeline.collector.ingest()
    tell(school, offset_ms=STARTED_MS + 90)
    school.pipeline.collector.ingest()
    school.close()
    again = School(tmp_path, school.now_ms)
    send(again, told[20:])
    parts = [(MORNING[:480], 0), (MORNING[480:600], 40), (MORNING[600:], 90)]
    assert stored(again) == sorted(row for part, shift in parts for row in rows(part, "hold", shift))
    assert ended(again) == right
    again.close()


def test_told_in_the_batch_of_its_records_there_is_no_estimate(tmp_path, right):
    """A board that synchronises soon: what it says before and after its birth, in one batch."""
    school = School(tmp_path)
    told = up(MORNING)
    offer(school, told[:12])
    tell(school)
    offer(school, told[12:])
    school.pipeline.collector.ingest()
    assert kept(school) == []
    assert ended(school) == right and stored(school) == rows(MORNING, "hold")
    school.close()


def test_a_boot_that_never_told_it_stays_flagged(tmp_path):
    """Restarted without having been synchronised: kept at the estimate, out of the facts, and no longer waited for."""
    first, second = MORNING[:300], MORNING[300:]
    school = School(tmp_path)
    school.pipeline.offer(*born(BOOTS[0]))
    boot = Boot(STARTED_MS, "up")
    send(school, list(boot.send(first)))
    estimates = stored(school)
    assert kept(school) == [KEY]
    school.pipeline.offer(*born(BOOTS[1]))
    # Spooled, sent by the second boot, and estimated to the very milliseconds of its own.
    send(school, list(boot.send(MORNING[300:330])))
    assert kept(school) == []
    send(school, up(second, STARTED_MS + HOUR, BOOTS[1]))
    tell(school, BOOTS[1], STARTED_MS + HOUR)
    school.pipeline.pump()
    found = stored(school)
    assert [row for row in found if row[3] == "hold"] == rows(second, "hold")
    flagged = [row for row in found if row[3] != "hold"]
    assert {row[3] for row in flagged} == {"unsynced"} and len(flagged) == len(estimates) + 60
    assert set(estimates) <= set(flagged)
    only = School(tmp_path / "only")
    send(only, list(Boot().send(second)))
    assert ended(school) == ended(only)
    for each in (school, only):
        each.close()


def test_a_birth_that_is_sent_again_lets_nothing_go(tmp_path):
    """After a crash the broker repeats an earlier boot's birth, and a retained one may be as old: nothing follows."""
    school = School(tmp_path)
    school.pipeline.offer(*born(BOOTS[0]))
    school.pipeline.offer(*born(BOOTS[1]))
    send(school, up(MORNING[:60], STARTED_MS, BOOTS[1]))
    school.pipeline.offer(*born(BOOTS[0]))
    retained = Message(*born("9f3a61c2000001ff"), school.now_ms, True)
    school.pipeline.collector.on_message(retained)
    school.pipeline.pump()
    assert kept(school) == [BootKey("school", "board-1", BOOTS[1])]
    tell(school, BOOTS[1])
    school.pipeline.pump()
    assert stored(school) == rows(MORNING[:60], "hold")
    school.close()


def test_a_record_that_came_twice_is_put_in_its_place_once(tmp_path):
    """Of messages that came again in part, and of ones told apart by what was settled, only the new rows wait."""
    school = School(tmp_path)
    whole, halves = up(MORNING[:60]), list(Boot(STARTED_MS, "up").send(MORNING[:60], 20))
    send(school, [halves[0], *whole, *halves, *whole])
    tell(school)
    school.pipeline.pump()
    assert stored(school) == rows(MORNING[:60], "hold")
    school.close()


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("influxdb", marks=pytest.mark.influxdb)])
def test_each_engine_takes_away_what_was_estimated(tmp_path, request, engine):
    """The estimates are gone, the records stand once at their times, also where the batch is written twice."""
    url = "duckdb" if engine == "duckdb" else request.getfixturevalue("influxdb").database() + "?api=v1"
    school = School(tmp_path, START, url)
    told = up([*MORNING[:90], (START + 90 * MINUTE, (None, 99_999))])
    send(school, told)
    assert {row[3] for row in stored(school)} == {"unsynced"}
    tell(school)
    school.pipeline.pump()
    wrong = START + 90 * MINUTE
    expected = [
        *rows(MORNING[:90], "hold"),
        ("co2_ppm", wrong, 99_999.0, "out_of_range", None),
        ("motion", wrong, None, "invalid", None),
    ]
    assert stored(school) == sorted(expected)
    for number, messages in school.pipeline.journal.batches(0):
        batch = school.pipeline.intake.replay(messages)
        school.telemetry._cursor = (
            number - 1 if engine == "influxdb" else number
        )  # as after a crash before it
        school.telemetry.write(number, batch.readings, batch.removed)
    assert stored(school) == sorted(expected)
    school.close()


def test_what_waits_is_bounded_and_the_oldest_is_let_go(tmp_path, monkeypatch):
    """Per boot and in all; what was let go stays flagged, is counted, and the rest is put in its place."""
    monkeypatch.setattr(unsynced.Unsynced.__init__, "__defaults__", (6_000, 9_000))
    school = School(tmp_path)
    told = up(MORNING)
    send(school, told, 1)
    held = school.pipeline.journal.unsynced
    size = sum(len(m.message.payload) for m in held.read(KEY))
    assert 4_000 < size <= 6_000 and 0 < held.let_go < len(told)
    left = len(held.read(KEY))
    assert held.let_go == len(told) - left
    other = up(MORNING[:300], STARTED_MS, BOOTS[1])
    send(school, other, 1)
    assert held._held == sum(
        len(blob) for (blob,) in held._file.db.execute("SELECT messages FROM unsynced").fetchall()
    )
    assert 7_000 < held._held <= 9_000
    school.close()
    again = School(tmp_path, school.now_ms)
    assert again.pipeline.journal.unsynced._held == held._held
    remain = len(again.pipeline.journal.unsynced.read(KEY))
    tell(again)
    again.pipeline.pump()
    found = [row for row in stored(again) if row[3] == "hold"]
    assert found == rows(MORNING[len(MORNING) - 30 * remain :], "hold") and remain < left
    again.close()


def test_many_boots_that_are_told_at_once_come_one_batch_after_the_other(tmp_path, monkeypatch):
    """A batch takes in no more than some of it; the rest comes with the next ones, also those after a crash."""
    monkeypatch.setattr(starts, "AGAIN_BYTES", 1)
    school = School(tmp_path)
    parts = [MORNING[:60], MORNING[60:120]]
    for boot, part in zip(BOOTS, parts, strict=True):
        send(school, up(part, STARTED_MS, boot))
    for boot in BOOTS:
        tell(school, boot)
    school.pipeline.pump()
    assert stored(school)[:60] != rows(parts[1], "hold")[:60] and len(kept(school)) == 1
    school.close()
    again = School(tmp_path, school.now_ms)
    assert len(kept(again)) == 1
    again.pipeline.offer(*born(BOOTS[1], STARTED_MS))
    again.pipeline.pump()
    assert kept(again) == [] and stored(again) == rows(MORNING[:120], "hold")
    again.close()


def test_what_cannot_be_read_now_comes_with_a_later_batch(tmp_path, monkeypatch):
    """The journal fails to give what waits: the birth is taken in, and nothing is forgotten."""
    school = School(tmp_path)
    send(school, up(MORNING[:60]))

    def failing(self, key):
        raise StoreError("The journal cannot be read.")

    with monkeypatch.context() as broken:
        broken.setattr(unsynced.Unsynced, "read", failing)
        tell(school)
        school.pipeline.pump()
        assert kept(school) == [KEY] and {row[3] for row in stored(school)} == {"unsynced"}
    send(school, up(MORNING[60:90]), 1)
    school.pipeline.pump()
    assert kept(school) == [] and len({row[:2] for row in stored(school)}) == len(stored(school))
    school.close()


def test_a_batch_that_the_journal_refuses_is_not_half_of_it(tmp_path, monkeypatch):
    """The birth's batch fails to commit and comes again: what waited is neither lost nor taken twice."""
    school = School(tmp_path)
    send(school, up(MORNING[:60]))
    append = school.pipeline.journal.append

    def failing(*batch):
        with monkeypatch.context() as full:
            full.setattr(unsynced.Unsynced, "apply", _no_space)
            return append(*batch)

    tell(school)
    with monkeypatch.context() as broken:
        broken.setattr(school.pipeline.journal, "append", failing)
        for _ in range(2):
            with pytest.raises(StoreError):
                school.pipeline.collector.ingest()
    assert kept(school) == [KEY]
    school.pipeline.pump()
    assert kept(school) == [] and stored(school) == rows(MORNING[:60], "hold")
    school.close()


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_how_a_message_got_its_times_is_kept_with_it():
    """Packed and unpacked; a blob of an earlier version, which kept none of it, still unpacks."""
    message = Message(TELEMETRY, b"{}", START)
    every = [Kept(message), Kept(message, [3]), Kept(message, None, Up(START, False)),
             Kept(message, [1, 2], Up(START, True, START - 7))]  # fmt: skip
    assert unpack(pack(every)) == every
    earlier = json.dumps({"0": [3]}).encode()
    blob = b"".join(
        (
            struct.pack("<II", 1, len(earlier)),
            struct.pack("<HIqB", len(TELEMETRY), 2, START, 0),
            earlier,
            TELEMETRY.encode(),
            b"{}",
        )
    )
    assert unpack(blob) == [Kept(message, [3])]


def test_a_batch_of_an_earlier_version_is_written_at_what_the_ledger_knows(tmp_path):
    """Its messages do not say how they got their times: told or estimated, the ledger has the latest."""
    school = School(tmp_path)
    offer(school, up(MORNING[:30]))
    tell(school)
    school.pipeline.collector.ingest()
    with school.pipeline.journal._file.writing() as db:
        ((number, blob),) = db.execute("SELECT number, messages FROM batches").fetchall()
        old = pack([each._replace(up=None) for each in unpack(blob)])
        db.execute("UPDATE batches SET messages = ? WHERE number = ?", (old, number))
    school.close()
    again = School(tmp_path, school.now_ms)
    again.pipeline.pump()
    assert stored(again) == rows(MORNING[:30], "hold")
    again.close()

"""From a message to journal, acknowledgement, `committed` and store: the order, and what happens when a step fails."""

import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from campus.errors import StoreError
from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import decode_committed, encode_availability, encode_birth
from campus.wire.telemetry import Telemetry, decode, encode
from campus.wire.topics import board_topic
from collector.dead_letters import MAX_DEAD_LETTERS
from collector.journal import Journal, JournalError
from collector.messages import DeadLetter, Kept, Message, pack, unpack
from collector.pipeline import Pipeline

BOOT, OTHER_BOOT = "9f3a61c20000002a", "9f3a61c20000002b"
NOW = 1_790_000_000_000
TOPIC = board_topic("school", "board-1", "telemetry")
GOLDEN = Path(__file__).with_name("golden")


def sample(seq, *, low=0, boot=BOOT, values=(640,), at=None, clock="ntp", rows=None):
    rows = rows or [[0, 0, *values]]
    columns = ["co2_ppm", "motion", "temperature_c"][: len(rows[0]) - 2]
    return encode(
        Telemetry(boot, seq, low, NOW + seq * 1000 if at is None else at, clock, columns, rows, None)
    )


class Bench:
    """A pipeline with what it told the broker, in one list in the order it happened."""

    def __init__(self, folder, **options):
        self.now_ms = NOW + 60_000
        self.monotonic = 0.0
        self.told = []
        self.live = Live()
        self.records = open_records("sqlite", folder)
        self.telemetry = open_telemetry("duckdb", folder)
        self.pipeline = Pipeline(
            folder, self.records, self.telemetry, self.live, lambda: self.now_ms,
            acknowledge=lambda tickets: self.told.append(("ack", [t for t in tickets if t is not None])),
            publish=lambda topic, payload: self.told.append((topic, decode_committed(payload))),
            **options,
        )  # fmt: skip
        self.collector = self.pipeline.collector
        self.collector._monotonic = lambda: self.monotonic

    def arrive(self, payload, ticket=None, topic=TOPIC, retain=False):
        return self.collector.on_message(Message(topic, payload, self.now_ms, retain, ticket))

    def stored(self):
        """(board, point, observed_at_ms, value, quality) of everything in the store."""
        return [tuple(row) for chunk in self.telemetry.rows(None, None, None, None) for row in chunk]

    def close(self):
        self.pipeline.close()
        self.telemetry.close()
        self.records.close()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_message_is_durable_before_it_is_acknowledged_and_committed_comes_last(bench):
    """Journal, acknowledgement in order of arrival, `committed`, store; a second file handle sees the batch by then."""
    seen = []
    reader = sqlite3.connect(bench.pipeline.journal.path)
    bench.collector._acknowledge = lambda tickets: seen.append(
        (tickets, reader.execute("SELECT count(*) FROM batches").fetchone())
    )
    for seq in range(3):
        bench.arrive(sample(seq), (1, seq + 1))
    bench.collector.ingest()
    assert seen == [([(1, 1), (1, 2), (1, 3)], (1,))]
    assert bench.told == [] and bench.stored() == []
    bench.collector.tell_committed()
    assert bench.told == [(board_topic("school", "board-1", "committed"), (BOOT, 2, ()))]
    bench.pipeline.pump()
    assert [row[3] for row in bench.stored()] == [640.0] * 3
    reader.close()


def test_a_journal_that_fails_stops_everything_and_the_same_batch_goes_on_later(bench):
    """A full disk (here: SQLite's page limit): no acknowledgement, no `committed`, not ready; then all of it, once."""
    journal = bench.pipeline.journal
    pages = journal._file.db.execute("PRAGMA page_count").fetchone()[0]
    journal._file.db.execute(f"PRAGMA max_page_count = {pages + 1}")
    for seq in range(200):
        bench.arrive(sample(seq, values=(640, 1, 20.5)), (1, seq + 1))
    for _ in range(3):
        with pytest.raises(JournalError, match="cannot be written"):
            bench.collector.ingest()
    bench.collector.tell_committed()
    assert bench.told == [] and bench.collector.problem and bench.collector.queued == 200
    journal._file.db.execute("PRAGMA max_page_count = 1000000")
    bench.pipeline.pump()
    assert bench.told[0] == ("ack", [(1, seq + 1) for seq in range(200)])
    assert bench.told[1][1] == (BOOT, 199, ())
    assert bench.collector.problem is None and bench.collector.queued == 0
    assert len(bench.stored()) == len(set(bench.stored())) == 600


def test_low_disk_space_or_a_full_spool_takes_nothing(tmp_path):
    """The journal stops before the disk is full, and at its own limit when the store stays away."""
    free = [10]
    journal = Journal(tmp_path / "a.sqlite", min_free_bytes=100, free_bytes=lambda folder: free[0])
    kept = [Kept(Message(TOPIC, b"x" * 600, NOW))]
    with pytest.raises(JournalError, match="disk"):
        journal.append(kept, [])
    free[0] = 1000
    assert journal.append(kept, []) == 1
    small = Journal(tmp_path / "b.sqlite", max_bytes=1000)
    small.append(kept, [])
    with pytest.raises(JournalError, match="full"):
        small.append(kept, [])
    small.drop(1)
    assert small.append(kept, []) == 2
    journal.close()
    small.close()


def test_a_store_that_is_away_leaves_the_batches_in_the_journal(bench, monkeypatch):
    """Boards are acknowledged meanwhile; when the store is back everything is written once, in order."""
    monkeypatch.setattr(bench.telemetry, "write", _away)
    for seq in range(20):
        bench.arrive(sample(seq), (1, seq + 1))
        bench.collector.ingest()
        with pytest.raises(StoreError):
            bench.pipeline.projector.project()
    assert sum(len(tickets) for kind, tickets in bench.told if kind == "ack") == 20
    assert bench.pipeline.journal.waiting_bytes > 0
    monkeypatch.undo()
    bench.pipeline.pump()
    assert len(bench.stored()) == len(set(bench.stored())) == 20
    bench.pipeline.pump()
    assert bench.pipeline.journal.waiting_bytes == 0, "what every store has is dropped"


def _away(*batch):
    raise StoreError("The store is away.")


def test_a_restart_goes_on_from_the_journal(tmp_path):
    """Batches that no store has yet are projected, and what was settled before is still known."""
    first = Bench(tmp_path)
    first.arrive(sample(0), (1, 1))
    first.arrive(sample(2), (1, 2))
    first.collector.ingest()
    first.close()
    second = Bench(tmp_path)
    second.arrive(sample(2), (1, 1))
    second.arrive(sample(1), (1, 2))
    second.pipeline.pump()
    assert second.collector.duplicates == 1
    assert [row[2] for row in second.stored()] == [NOW, NOW + 1000, NOW + 2000]
    assert second.told[-1][1] == (BOOT, 2, ())
    second.close()


def test_a_new_journal_beside_an_older_store_does_not_hide_new_batches(tmp_path):
    """Batch numbers start above the store's cursor when the journal was lost."""
    first = Bench(tmp_path)
    first.arrive(sample(0))
    first.pipeline.pump()
    first.close()
    for left in tmp_path.glob("journal.sqlite*"):
        left.unlink()
    second = Bench(tmp_path)
    second.arrive(sample(1))
    second.pipeline.pump()
    assert len(second.stored()) == 2
    second.close()


def test_duplicates_and_disorder_store_each_record_once_and_are_answered(bench):
    """A partly known batch gives its new rows only; a duplicate repeats `committed`, at most once a second."""
    bench.arrive(sample(4, rows=[[0, 0, 500], [1, 1000, 510]]))
    bench.arrive(sample(3, rows=[[0, 0, 490], [1, 1000, 999], [2, 2000, 999], [3, 3000, 520]]))
    bench.pipeline.pump()
    assert [row[3] for row in bench.stored()] == [490, 500, 510, 520]
    assert bench.told[-1][1] == (BOOT, -1, ((3, 6),))
    for again in range(10):
        bench.monotonic = again / 8
        bench.arrive(sample(4, low=3, rows=[[0, 0, 500], [1, 1000, 510]]))
        bench.pipeline.pump()
    committed = [each for topic, each in bench.told if topic != "ack"]
    assert len(committed) == 2 and committed[-1] == (BOOT, 6, ())
    assert len(bench.stored()) == 4 and bench.pipeline.intake.ledger.gaps() == 3
    bench.monotonic += 1
    bench.collector.tell_committed()
    assert len([each for topic, each in bench.told if topic != "ack"]) == 3


def test_two_boots_of_one_board_are_both_told(bench):
    """A restarted board's old records and its new ones have a `committed` each, one per second."""
    bench.arrive(sample(0))
    bench.arrive(sample(0, boot=OTHER_BOOT))
    bench.pipeline.pump()
    bench.monotonic = 2
    bench.pipeline.pump()
    assert [each.boot for topic, each in bench.told if topic != "ack"] == [BOOT, OTHER_BOOT]


def test_every_hostile_payload_is_a_dead_letter_and_the_valid_ones_between_are_stored(bench):
    """Nothing stops the stream: all are acknowledged; those whose boot and seq are readable are settled."""
    hostile = [json.loads(file.read_text()) for file in sorted((GOLDEN / "hostile").glob("*.json"))]
    assert len(hostile) > 10
    sent = 0
    for seq, each in enumerate(hostile):
        kind = each.get("kind", "telemetry")
        leaf = kind if kind in ("telemetry", "birth", "availability") else "telemetry"
        payload = (
            bytes.fromhex(each["payload_hex"]) if "payload_hex" in each else each.get("payload", "").encode()
        )
        bench.arrive(payload, (1, 2 * seq + 1), each.get("topic") or board_topic("school", "bad", leaf))
        bench.arrive(sample(seq), (1, 2 * seq + 2))
        sent += 1
    bench.pipeline.pump()
    acknowledged = [ticket for kind, tickets in bench.told if kind == "ack" for ticket in tickets]
    assert acknowledged == [(1, n) for n in range(1, 2 * sent + 1)]
    assert len([row for row in bench.stored() if row[0] == "board-1"]) == sent
    counts = bench.pipeline.journal.dead_counts()
    assert sum(counts.values()) == bench.collector.rejected == len(bench.pipeline.journal.dead_letters())
    assert {"json", "seq", "rows"} <= set(counts)


def test_a_readable_reject_is_settled_so_that_the_board_stops_sending_it(bench):
    """A row with text for a value is dead, and `committed` covers its seq."""
    bench.arrive(sample(0))
    bench.arrive(sample(1).replace(b"640", b'"warm"'))
    bench.pipeline.pump()
    assert bench.told[-1][1] == (BOOT, 1, ())
    assert bench.pipeline.journal.dead_counts() == {"value": 1}


def test_dead_letters_are_bounded_and_still_counted(tmp_path):
    """Only the newest stay; the counts are of all."""
    journal = Journal(tmp_path / "journal.sqlite")
    for part in range(3):
        letters = [DeadLetter(n, "json", TOPIC, b"x" * 10_000) for n in range(part * 900, part * 900 + 900)]
        journal.append([], [], letters)
    found = journal.dead_letters(limit=10_000)
    assert (
        len(found) == MAX_DEAD_LETTERS and found[0].received_at_ms == 2699 and len(found[0].payload) < 10_000
    )
    assert journal.dead_counts() == {"json": 2700}
    journal.close()


def test_the_queue_is_bounded_and_counts_what_it_drops(tmp_path):
    """on_message only enqueues, and says no when the queue is full."""
    bench = Bench(tmp_path, capacity=5)
    assert [bench.arrive(sample(seq)) for seq in range(7)] == [True] * 5 + [False] * 2
    assert bench.collector.dropped == 2
    bench.pipeline.offer(TOPIC, sample(7))  # in-process: waits instead, here by ingesting
    bench.pipeline.pump()
    assert len(bench.stored()) == 6
    bench.close()


def test_a_board_that_nobody_declared_is_kept_apart_and_visible(bench):
    """Its readings are stored, it is listed as unassigned, and the live state shows it without a room."""
    birth = encode_birth(BOOT, "1.0", "esp32", "power_on", "ntp", {"co2_ppm": {"unit": "ppm"}})
    bench.arrive(birth, topic=board_topic("nowhere", "stray", "birth"))
    bench.arrive(sample(0), topic=board_topic("nowhere", "stray", "telemetry"))
    bench.pipeline.pump()
    (board,) = bench.records.unassigned_boards()
    assert (board.site, board.id, board.boot, board.availability) == ("nowhere", "stray", BOOT, "online")
    assert bench.live.board("nowhere", "stray").room is None
    assert len(bench.stored()) == 1


def test_the_will_of_an_earlier_boot_is_ignored(bench):
    """Only the current boot's availability counts; silence beyond three intervals is "lost"."""
    for boot in (BOOT, OTHER_BOOT):
        birth = encode_birth(
            boot, "1", "esp32", "power_on", "ntp", {"co2_ppm": {"unit": "ppm", "max_interval_ms": 60_000}}
        )
        bench.arrive(birth, topic=board_topic("school", "board-1", "birth"))
    will = board_topic("school", "board-1", "availability")
    bench.arrive(encode_availability(BOOT, "lost"), topic=will)
    bench.pipeline.pump()
    assert bench.live.board("school", "board-1").availability == "online"
    bench.arrive(encode_availability(OTHER_BOOT, "lost"), topic=will)
    bench.pipeline.pump()
    assert bench.live.board("school", "board-1").availability == "lost"
    bench.arrive(sample(0))
    bench.pipeline.pump()
    assert bench.live.board("school", "board-1").availability == "online"
    bench.now_ms += 200_000
    bench.pipeline.tick()
    assert bench.live.board("school", "board-1").availability == "online", "we were not listening ourselves"
    bench.pipeline.boards.listening_ms = NOW
    bench.pipeline.tick()
    bench.pipeline.pump()
    assert bench.records.board("school", "board-1").availability == "lost"


def test_time_and_value_that_cannot_be_true_are_kept_and_flagged(bench):
    """1970, a day and more ahead, an unset clock, and values out of range: quality says it, nothing is dropped."""
    for seq, (at, clock, value) in enumerate(
        [
            (5_000, "ntp", 600),
            (NOW + 25 * 3_600_000, "ntp", 600),
            (NOW, "ntp", 99_999),
            (NOW, "hold", 600),
            (NOW, "ntp", None),
        ]
    ):
        bench.arrive(sample(seq, at=at, clock=clock, values=(value,)))
    bench.arrive(sample(5, at=30_000, clock="up"))
    bench.pipeline.pump()
    found = sorted(row[4] for row in bench.stored())
    assert found == ["hold", "implausible_time", "implausible_time", "invalid", "out_of_range", "unsynced"]
    assert [row[2] for row in bench.stored() if row[4] == "unsynced"] == [bench.now_ms]
    birth = encode_birth(BOOT, "1", "esp32", "power_on", "ntp", {}, up_offset_ms=NOW - 40_000)
    bench.arrive(birth, topic=board_topic("school", "board-1", "birth"))
    bench.arrive(sample(6, at=41_000, clock="up"))
    bench.pipeline.pump()
    assert (NOW + 1000, "hold") in [(row[2], row[4]) for row in bench.stored()]


def test_a_packed_batch_unpacks_to_the_same_messages():
    """Unicode topics, empty payloads, retained ones and partial ones."""
    kept = [
        Kept(Message("campus/v1/trường/x/telemetry", b"", NOW, True)),
        Kept(Message(TOPIC, bytes(range(256)) * 300, NOW + 1), [3, 9]),
    ]
    assert unpack(pack(kept)) == kept and decode(sample(0)).seq == 0


def test_a_journal_of_a_newer_version_is_refused(tmp_path):
    """One sentence that says what to do, and the file is left as it is."""
    Journal(tmp_path / "journal.sqlite").close()
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer version"):
        Journal(tmp_path / "journal.sqlite")
    (tmp_path / "not").write_bytes(b"this is no database, and never was one. " * 200)
    with pytest.raises(StoreError, match="cannot be opened"):
        Journal(tmp_path / "not")


def test_history_can_be_offered_faster_than_it_is_ingested(tmp_path):
    """offer() waits for the ingesting thread instead of dropping."""
    bench = Bench(tmp_path, capacity=20)
    bench.collector.threaded = True
    sender = threading.Thread(target=lambda: [bench.pipeline.offer(TOPIC, sample(seq)) for seq in range(200)])
    sender.start()
    while sender.is_alive() or bench.collector.queued:
        bench.collector.ingest()
        time.sleep(0)
    sender.join()
    bench.pipeline.pump()
    assert bench.collector.records == 200 and bench.collector.dropped == 0
    bench.close()

"""The embedded store's own promises: one owner, days rewritten without loss, faults as one sentence."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telemetry_model import Model, batch, write_schema_1

from campus.errors import StoreError
from campus.telemetry import (
    GOOD,
    IMPLAUSIBLE_TIME,
    INVALID,
    QUALITY_NAMES,
    UNSYNCED,
    Readings,
    Row,
    SeriesKey,
    duckdb_schema,
)
from campus.telemetry.duckdb import DuckDBTelemetry

DAY = 86_400_000
START = 20_780 * DAY
LATER = START + 40 * DAY
KEYS = [SeriesKey("school", f"board-{n}", point) for n in range(3) for point in ("co2_ppm", "motion")]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "telemetry.duckdb"


def everything(store: DuckDBTelemetry) -> list[Row]:
    return [row for part in store.rows(None, None, None, None) for row in part]


def minutes(day: int, count: int = 200) -> Readings:
    """A batch as boards send it: for each minute a reading of every series."""
    batch = Readings(series=KEYS)
    for minute in range(count):
        for which in range(len(KEYS)):
            batch.which.append(which)
            batch.observed_at_ms.append(START + day * DAY + minute * 60_000)
            batch.value.append(round(400 + which + minute / 10, 1))
            batch.quality.append(GOOD)
    return batch


def test_closed_day_is_rewritten_sorted(path):
    """Maintenance sorts a day an hour after its end and not before, changes no reading, and rests afterwards."""
    store = DuckDBTelemetry(path)
    store.write(1, minutes(0))
    store.write(2, minutes(1, 5))
    before = everything(store)
    assert store.maintain(START + DAY + 3_599_999) == 0
    assert store.maintain(START + DAY + 3_600_000) == 1
    assert store.maintain(START + DAY + 3_600_000) == 0
    assert everything(store) == before
    assert store.read(KEYS, START, START + 3 * DAY)[KEYS[3]][-1] == (START + DAY + 4 * 60_000, 403.4, GOOD)
    store.close()
    keys = duckdb.connect(str(path)).execute(f'SELECT key FROM "day_{START // DAY}"').fetchall()
    assert keys == sorted(keys)


def test_late_readings_sort_a_day_again(path):
    """A sorted day takes late readings; it is rewritten once they are one in fifty, and read right at any time."""
    store = DuckDBTelemetry(path)
    store.write(1, minutes(0))
    store.write(2, minutes(9, 1))
    assert store.maintain(LATER) == 1
    late = [START + 5 + i for i in range(40)]
    for number, (first, rewritten) in enumerate([(0, 0), (20, 1)], 3):
        part = late[first : first + 20]
        store.write(number, Readings([KEYS[0]], [0] * 20, part, [1.0] * 20, [GOOD] * 20))
        assert [at for at, _, _ in store.read([KEYS[0]], START + 1, START + 60_000)[KEYS[0]]] == late[
            : first + 20
        ]
        store.maintain(START + 10 * DAY)  # the day just written is left alone this time
        assert store.maintain(START + 10 * DAY) == rewritten
    assert len(everything(store)) == 200 * 6 + 6 + 40
    store.close()


def test_wild_clock_makes_no_tables(path):
    """Readings of 500 implausible days share one table; without the flag each would make its own (the control)."""
    tables = {}
    for quality in (IMPLAUSIBLE_TIME, GOOD):
        file = path.with_name(f"{quality}.duckdb")
        store = DuckDBTelemetry(file)
        times = [day * 37 * DAY for day in range(500)]
        store.write(1, Readings([KEYS[0]], [0] * 500, times, [1.0] * 500, [quality] * 500))
        assert [row.observed_at_ms for row in everything(store)] == times
        store.close()
        tables[quality] = len(duckdb.connect(str(file)).execute("SELECT * FROM duckdb_tables()").fetchall())
    assert tables == {IMPLAUSIBLE_TIME: 6, GOOD: 506}


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 12),
            st.lists(
                st.tuples(
                    st.integers(0, len(KEYS) - 1),
                    st.integers(0, 4 * DAY),
                    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64)),
                    st.sampled_from([GOOD, INVALID, IMPLAUSIBLE_TIME]),
                ),
                max_size=20,
            ),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(-1, 4 * DAY),
    st.integers(-1, 4 * DAY),
)
def test_store_equals_a_list(tmp_path_factory, batches, start, end):
    """Any batches in any order, repeated, with maintenance and reopening between, read as a plain list would."""
    path = tmp_path_factory.mktemp("model") / "telemetry.duckdb"
    store, held, cursor = DuckDBTelemetry(path), [], 0
    for number, rows, reopen in batches:
        batch = (
            Readings(list(KEYS), *(list(column) for column in zip(*rows, strict=True)))
            if rows
            else Readings()
        )
        batch.observed_at_ms = [START + at for at in batch.observed_at_ms]
        store.write(number, batch)
        if number > cursor:
            cursor = number
            held += [(KEYS[which], START + at, value, quality) for which, at, value, quality in rows]
        store.maintain(LATER)
        if reopen:
            store.close()
            store = DuckDBTelemetry(path)
    low, high = START + start, START + end
    inside = [reading for reading in held if low <= reading[1] < high]
    found = store.read(KEYS, low, high)

    def order(sample):
        return sample[0], sample[1] is not None, sample[1] or 0.0, sample[2]

    for key in KEYS:
        assert sorted(found[key], key=order) == sorted((r[1:] for r in inside if r[0] == key), key=order)
        assert [at for at, _, _ in found[key]] == sorted(at for at, _, _ in found[key])
    rows = [row for part in store.rows(None, None, low, high, chunk=3) for row in part]
    assert [row[:3] for row in rows] == sorted((r[0].board, r[0].point, r[1]) for r in inside)
    assert sorted(row.quality for row in rows) == sorted(QUALITY_NAMES[r[3]] for r in inside)
    assert store.cursor() == cursor
    store.close()


def test_readers_beside_rewriting_see_each_reading_once(path):
    """While days are rewritten again and again, readers in two threads see every reading, once, without an error."""
    store = DuckDBTelemetry(path)
    store.write(1, minutes(0))
    store.write(2, minutes(1))
    problems, done = [], threading.Event()

    def look():
        try:
            while not done.is_set():
                samples = store.read([KEYS[1]], START, START + 2 * DAY)[KEYS[1]]
                assert len({at for at, _, _ in samples}) == len(samples) >= 400
                rows = [row[:3] for row in everything(store)]
                assert len(set(rows)) == len(rows) >= 2400
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    rewritten = 0
    for number in range(3, 23):
        at = [START + number % 2 * DAY + number * 1000 + i for i in range(100)]
        store.write(number, Readings([KEYS[0]], [0] * 100, at, [1.0] * 100, [GOOD] * 100))
        rewritten += store.maintain(LATER)
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert rewritten >= 10
    assert len(everything(store)) == 4400
    store.close()


HOLDER = """
import sys
from pathlib import Path
from campus.telemetry.duckdb import DuckDBTelemetry
store = DuckDBTelemetry(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_second_owner_is_refused(path):
    """While another process holds the file, opening says which process, and what to do."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout and holder.stdin
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=rf"held by process {holder.pid} .*API"):
            DuckDBTelemetry(path)
    finally:
        holder.communicate()
    DuckDBTelemetry(path).close()


def test_two_writers_in_one_process_cannot_store_twice(path):
    """A second store on the same file in the same process is refused at its first conflicting batch."""
    first, second = DuckDBTelemetry(path), DuckDBTelemetry(path)
    first.write(1, minutes(0, 2))
    with pytest.raises(StoreError):
        second.write(1, minutes(0, 2))
    assert len(everything(first)) == 12
    second.write(1, minutes(0, 2))  # it has learnt the cursor
    second.write(2, minutes(1, 2))
    assert len(everything(second)) == 24
    first.close()
    second.close()


def test_newer_schema_is_refused(path):
    """A file of a newer program is left as it is, with the advice to upgrade."""
    DuckDBTelemetry(path).close()
    with duckdb.connect(str(path)) as file:
        file.execute("UPDATE about SET schema = 99")
    with pytest.raises(StoreError, match=r"newer version .*schema 99.*upgrade"):
        DuckDBTelemetry(path)
    with duckdb.connect(str(path)) as file:
        assert file.execute("SELECT schema FROM about").fetchall() == [(99,)]


def test_schema_1_is_migrated_with_all_it_holds(path):
    """A file of version 0.2.0 opens with its cursor, series and readings, and is thinned in its time."""
    write_schema_1(path, 20)
    model = Model()
    model.extend(20, with_received=False)
    for _ in range(2):
        store = DuckDBTelemetry(path)
        assert (store.cursor(), store.raw_from(), model.differs(store)) == (20, 0, "")
        store.close()
    with duckdb.connect(str(path)) as file:
        assert file.execute("SELECT schema FROM about").fetchall() == [(2,)]
    store = DuckDBTelemetry(path)
    store.write(21, *batch(21))
    assert store.maintain(LATER) > 0  # sorted; kept for 30 days from now, whenever they came
    assert store.maintain(LATER + 29 * DAY) <= 1 and store.raw_from() == 0
    while store.maintain(LATER + 61 * DAY):
        pass
    assert store.raw_from() > 0
    store.close()


def test_a_migration_that_fails_leaves_the_old_file(path, monkeypatch):
    """A step to the newer schema that breaks off leaves the file as it was; in two transactions, the control, not."""
    write_schema_1(path, 3)
    whole = duckdb_schema.MIGRATIONS[1]
    for broken, schema in (
        (whole + "SELECT 1 FROM nowhere;", 1),
        (f"{whole} COMMIT; BEGIN; FROM nowhere;", 2),
    ):
        monkeypatch.setitem(duckdb_schema.MIGRATIONS, 1, broken)
        with pytest.raises(StoreError):
            DuckDBTelemetry(path)
        with duckdb.connect(str(path)) as file:
            assert file.execute("SELECT schema FROM about").fetchall() == [(schema,)]


def test_foreign_file_is_refused(path):
    """A DuckDB file of something else is not taken over."""
    with duckdb.connect(str(path)) as file:
        file.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(StoreError, match="other tables"):
        DuckDBTelemetry(path)
    with duckdb.connect(str(path)) as file:
        assert file.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("mine",)]


@pytest.mark.parametrize("content", [b"x", b"not a database " * 1000, bytes(20_000)])
def test_damaged_file_is_one_sentence(path, content):
    """Garbage in place of the file is one line with what to do, and the file is not touched."""
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"^[^\n]*restore it from a backup[^\n]*$"):
        DuckDBTelemetry(path)
    assert path.read_bytes() == content


def test_damaged_inside_is_one_sentence(path):
    """A file overwritten in its middle raises StoreError at opening or reading, nothing else."""
    store = DuckDBTelemetry(path)
    store.write(1, minutes(0))
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(size - 3 * 4096))
    with pytest.raises(StoreError, match=r"^[^\n]*$"):
        everything(DuckDBTelemetry(path))


def test_folder_that_cannot_be_used(tmp_path):
    """A file where the data folder should be is one sentence that names --data."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="--data"):
        DuckDBTelemetry(tmp_path / "data" / "telemetry.duckdb")


FULL = """
import resource, signal, sys
from pathlib import Path
from campus.errors import StoreError
from campus.telemetry import Readings, SeriesKey
from campus.telemetry.duckdb import DuckDBTelemetry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store, stored = DuckDBTelemetry(Path(sys.argv[1])), 0
def write(number):
    at = [int(sys.argv[2]) + number * 1000 + i for i in range(1000)]
    store.write(number, Readings([SeriesKey("s", "b", "motion")], [0] * 1000, at, [i / 7 for i in at], [0] * 1000))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
try:
    while True:
        write(stored + 1)
        stored += 1
except StoreError as error:
    print("full", stored, error, flush=True)
for _ in range(3):
    try:
        write(stored + 1)
        sys.exit("a full disk took a batch")
    except StoreError:
        pass
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
write(stored + 1)
rows = sum(len(part) for part in store.rows(None, None, None, None))
print("goes on", rows == 1000 * (stored + 1) and store.cursor() == stored + 1, flush=True)
"""


def test_full_disk_loses_no_batch_and_is_left_behind(path):
    """When files cannot grow, write() raises; with room again the same open store goes on, each batch once."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, path, str(START)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("full ") and done.stdout.endswith("goes on True\n")


def test_bytes_per_reading_of_a_school_day(path):
    """Sorted days cost at most 3 bytes a reading in a copy and under 4 in the file, loose ones more than 4."""
    store = DuckDBTelemetry(path)
    assert store.bytes_per_reading() is None
    batch = Readings(series=[SeriesKey("s", f"board-{n:02}", "co2_ppm") for n in range(60)])
    for day in range(6):
        for part in range(4):
            chunk = Readings(series=batch.series)
            for minute in range(part * 360, part * 360 + 360):
                for which in range(60):
                    chunk.which.append(which)
                    chunk.observed_at_ms.append(START + day * DAY + minute * 60_000 + which * 700)
                    chunk.value.append(float(450 + (minute * 7 + which * 31 + day * 13) % 97))
                    chunk.quality.append(GOOD)
            store.write(day * 4 + part + 1, chunk)
    loose = store.bytes_per_reading()
    store.maintain(LATER)
    store.maintain(LATER)
    tight = store.bytes_per_reading()
    assert loose and tight and tight < 4 < loose
    copy = path.with_name("copy.duckdb")
    store.snapshot(copy)
    assert copy.stat().st_size / (6 * 1440 * 60) <= 3
    store.close()


def test_memory_stays_flat_over_a_long_export(path):
    """Streaming a million readings keeps under 64 MB beyond what the open store takes."""
    script = """
import resource, sys
from pathlib import Path
from campus.telemetry import Readings, SeriesKey
from campus.telemetry.duckdb import DuckDBTelemetry
store, start = DuckDBTelemetry(Path(sys.argv[1])), int(sys.argv[2])
keys = [SeriesKey("s", f"b-{n}", "motion") for n in range(20)]
for number in range(1, 26):
    at = [start + number * 40_000_000 + i // 20 * 1000 for i in range(40_000)]
    which, value = [i % 20 for i in range(40_000)], [float(i % 9) for i in range(40_000)]
    store.write(number, Readings(keys, which, at, value, [0] * 40_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(len(part) for part in store.rows(None, None, None, None))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path, str(START)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    rows, grown_mb = map(int, done.stdout.split())
    assert rows == 1_000_000
    assert grown_mb < 64


def test_of_two_readings_of_one_millisecond_only_the_named_one_is_removed(path):
    """Two boots without a clock, estimated alike: one tells its time, and the other's record stays."""
    store = DuckDBTelemetry(path)
    qualities = [UNSYNCED, UNSYNCED, IMPLAUSIBLE_TIME, IMPLAUSIBLE_TIME]
    store.write(1, Readings([KEYS[0]], [0] * 4, [START, START, 5, 5], [611.0, 622.0, 1.0, None], qualities))
    gone = Readings([KEYS[0]], [0, 0], [START, 5], [622.0, None], [UNSYNCED, IMPLAUSIBLE_TIME])
    store.write(2, Readings(), gone)
    assert [(row.observed_at_ms, row.value) for row in everything(store)] == [(5, 1.0), (START, 611.0)]
    store.write(3, Readings(), gone)
    assert [row.value for row in everything(store)] == [], (
        "what equals it in all but the value goes, where it is alone"
    )
    store.close()

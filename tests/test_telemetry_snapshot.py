"""A copy of the store while it is written: of one moment, whole, and a store of its own."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from campus.errors import StoreError, UsageError
from campus.telemetry import GOOD, IMPLAUSIBLE_TIME, UNSYNCED, Readings, SeriesKey
from campus.telemetry.duckdb import DuckDBTelemetry
from campus.telemetry.influx import open_influx

DAY = 86_400_000
START = 20_780 * DAY
KEYS = [SeriesKey("school", f"board-{n}", "co2_ppm") for n in range(3)]


def batch(number: int) -> tuple[Readings, Readings | None]:
    """Batch `number`: readings over three days, a stray one, and every fourth time the removal of earlier ones."""
    day = START + number % 3 * DAY
    made = Readings(series=KEYS)
    for i in range(60):
        made.which.append(i % 3)
        made.observed_at_ms.append(day + number * 1000 + i)
        made.value.append(float(number))
        made.quality.append(UNSYNCED if i < 6 else GOOD)
    made.which.append(0)
    made.observed_at_ms.append(number)
    made.value.append(float(number))
    made.quality.append(IMPLAUSIBLE_TIME)
    made.received[60] = START + number
    if number % 4:
        return made, None
    gone, _ = batch(number - 1)
    return made, Readings(KEYS, gone.which[:6], gone.observed_at_ms[:6], gone.value[:6], gone.quality[:6])


def held(store: DuckDBTelemetry) -> list[tuple]:
    return sorted(tuple(row) for part in store.rows(None, None, None, None) for row in part)


def test_a_copy_is_of_one_moment(tmp_path):
    """Copies made while batches are written and days rewritten hold, row by row, the batches up to their cursor."""
    store, plain = DuckDBTelemetry(tmp_path / "store.duckdb"), DuckDBTelemetry(tmp_path / "plain.duckdb")
    done, problems = threading.Event(), []

    def write():
        try:
            while not done.is_set():
                number = store.cursor() + 1
                store.write(number, *batch(number))
                if number % 5 == 0:
                    store.maintain(START + 9 * DAY)
        except BaseException as error:
            problems.append(error)

    for number in range(1, 31):
        store.write(number, *batch(number))
    writer = threading.Thread(target=write)
    writer.start()
    cursors = []
    for copy in range(6):
        target, before = tmp_path / f"copy-{copy}.duckdb", store.cursor()
        store.snapshot(target)
        cursors.append(store.cursor())
        while store.cursor() < before + 6 and writer.is_alive():
            time.sleep(0.01)
    done.set()
    writer.join()
    assert problems == []
    for copy, latest in enumerate(cursors):
        with_copy = DuckDBTelemetry(tmp_path / f"copy-{copy}.duckdb")
        cursor = with_copy.cursor()
        assert (cursors[copy - 1] if copy else 0) <= cursor <= latest
        for number in range(plain.cursor() + 1, cursor + 1):
            plain.write(number, *batch(number))
        assert held(with_copy) == held(plain)
        assert with_copy.means(KEYS, START, START + 9 * DAY) == plain.means(KEYS, START, START + 9 * DAY)
        with_copy.write(cursor + 1, *batch(cursor + 1))  # it goes on as a store
        assert with_copy.cursor() == cursor + 1
        with_copy.close()
    assert len(set(cursors)) == 6
    assert sorted(file.name for file in tmp_path.glob(".*")) == []
    store.close()
    plain.close()


def test_control_the_file_alone_is_no_copy(tmp_path):
    """The control: the file as it lies on the disk lacks what is still in the log."""
    store = DuckDBTelemetry(tmp_path / "store.duckdb")
    store.write(1, *batch(1))
    store.maintain(START + 9 * DAY)
    store.write(2, *batch(2))
    shutil.copy(tmp_path / "store.duckdb", tmp_path / "bare.duckdb")
    store.snapshot(tmp_path / "copy.duckdb")
    bare, copy = DuckDBTelemetry(tmp_path / "bare.duckdb"), DuckDBTelemetry(tmp_path / "copy.duckdb")
    assert (held(copy), copy.cursor()) == (held(store), 2)
    assert bare.cursor() < 2 and held(bare) != held(store)
    for each in (bare, copy, store):
        each.close()


def test_a_copy_while_days_are_thinned(tmp_path):
    """A copy holds each reading or its mean, never both nor neither, while days are thinned."""
    store = DuckDBTelemetry(tmp_path / "store.duckdb")
    for number in range(1, 31):
        at = [START + number % 10 * DAY + number * 1000 + i for i in range(200)]
        store.write(number, Readings(KEYS, [0] * 200, at, [1.0] * 200, [GOOD] * 200))
    for _ in range(3):
        store.maintain(START + 12 * DAY)
    keeper = threading.Thread(target=lambda: [store.maintain(START + 43 * DAY) for _ in range(3)])
    keeper.start()
    copies = 0
    while keeper.is_alive() or copies < 3:
        target = tmp_path / f"copy-{copies}.duckdb"
        store.snapshot(target)
        copies += 1
    keeper.join()
    for copy in range(copies):
        found = DuckDBTelemetry(tmp_path / f"copy-{copy}.duckdb")
        assert sum(mean.count for mean in found.means(KEYS, START, START + 20 * DAY)[KEYS[0]]) == 6000
        assert len(held(found)) == 600 * len(found._days)
        found.close()
    assert store._days == {}
    store.close()


def test_a_copy_takes_the_place_of_an_older_one_whole(tmp_path):
    """A file that is there is replaced when the copy is complete, and not before."""
    store = DuckDBTelemetry(tmp_path / "store.duckdb")
    store.write(1, *batch(1))
    target = tmp_path / 'it\'s a "copy".duckdb'
    target.write_text("before")
    (tmp_path / f".{target.name}.part").write_text("left by a crash")
    store.snapshot(target)
    copy = DuckDBTelemetry(target)
    assert (copy.cursor(), held(copy)) == (1, held(store))
    copy.close()
    assert target.stat().st_size < 2_000_000
    store.close()


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    """A folder that is not there or a folder in the target's place is one sentence; the store goes on."""
    store = DuckDBTelemetry(tmp_path / "store.duckdb")
    store.write(1, *batch(1))
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "absent" / "copy", tmp_path / "folder"):
        with pytest.raises(UsageError, match=r"^Cannot write [^\n]*choose another place\.$"):
            store.snapshot(target)
    store.write(2, *batch(2))
    assert store.cursor() == 2
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.snapshot(tmp_path / "copy")


def test_a_server_is_not_copied(influxdb):
    """What InfluxDB holds is backed up with the server's own tool, and the error says so."""
    store = open_influx(influxdb.database() + "?api=v1")
    with pytest.raises(UsageError, match="its own tool"):
        store.snapshot(Path("copy"))
    store.close()

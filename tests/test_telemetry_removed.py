"""Readings that are taken back, and times that are not plausible, on every engine, also when killed in between."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from telemetry_places import CO2, DAY, FAR, NOON, PLACES, POWER, everything, places, readings

from campus.errors import StoreError
from campus.telemetry import (
    GOOD,
    HOLD,
    IMPLAUSIBLE_TIME,
    INVALID_WARMUP,
    OUT_OF_RANGE,
    UNSYNCED,
    Mean,
    Readings,
    SeriesKey,
)

TESTS = str(Path(__file__).parent)


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    yield from places(request, tmp_path)


@pytest.fixture
def store(place):
    opened = place.open()
    yield opened
    opened.close()


def held(store) -> list[tuple[str, str, int, float | None, str]]:
    return sorted((row[:5] for row in everything(store)), key=str)


def test_received_stands_beside_a_time_that_cannot_be(store):
    """When a reading of implausible time came is kept with it, and shown in its row and no other."""
    batch = readings(
        (CO2, NOON, 1.0, GOOD), (CO2, 5000, 2.0, IMPLAUSIBLE_TIME), (POWER, 7000, None, IMPLAUSIBLE_TIME)
    )
    batch.received = {1: NOON + 11, 2: NOON + 22}
    store.write(1, batch)
    assert [(row.observed_at_ms, row.value, row.received_at_ms) for row in everything(store)] == [
        (5000, 2.0, NOON + 11),
        (NOON, 1.0, None),
        (7000, None, NOON + 22),
    ]
    store.write(2, readings((CO2, 6000, 3.0, IMPLAUSIBLE_TIME)))
    assert [row.received_at_ms for row in everything(store)] == [NOON + 11, None, None, NOON + 22]


@pytest.mark.parametrize("received", [{9: NOON}, {0: "x"}, {"x": 1}])
def test_malformed_received_is_refused(store, received):
    """A `received` that fits no reading raises StoreError or is left out; the store goes on."""
    batch = Readings([CO2], [0], [5], [1.0], [IMPLAUSIBLE_TIME], received)
    try:
        store.write(1, batch)
    except StoreError:
        store.write(1, readings())
    assert store.cursor() == 1


def test_removed_are_exactly_those(store):
    """Only a doubtful reading of that series, time and quality goes, whatever its value."""
    old = [
        (CO2, NOON, 1.0, UNSYNCED),
        (CO2, NOON + 1, None, UNSYNCED),
        (CO2, NOON + 2, 3.0, UNSYNCED),
        (CO2, NOON + 2 + DAY, 4.0, UNSYNCED),
        (POWER, NOON, 5.0, UNSYNCED),
        (FAR, NOON, 6.0, UNSYNCED),
        (CO2, NOON + 9, 7.0, GOOD),
        (CO2, 5000, 8.0, IMPLAUSIBLE_TIME),
        (CO2, 6000, 9.0, IMPLAUSIBLE_TIME),
    ]
    store.write(1, readings(*old))
    gone = readings(
        (CO2, NOON, 99.0, UNSYNCED),
        (CO2, NOON + 1, 99.0, UNSYNCED),
        (CO2, NOON + 1, 99.0, UNSYNCED),
        (CO2, NOON + 2 + DAY, None, UNSYNCED),
        (CO2, NOON + 9, 7.0, UNSYNCED),
        (CO2, 5000, None, IMPLAUSIBLE_TIME),
        (CO2, 6000, None, UNSYNCED),
        (CO2, NOON + 9, 7.0, GOOD),
        (POWER, NOON + 1, 5.0, UNSYNCED),
        (SeriesKey("school", "board-9", "co2_ppm"), NOON, 1.0, UNSYNCED),
    )
    new = [(CO2, NOON + 100, 1.0, HOLD), (CO2, NOON + 101, None, INVALID_WARMUP)]
    store.write(2, readings(*new), gone)
    left = [old[2], *old[4:7], old[8], *new]
    assert sorted(
        (key, at, value, quality) for key in store.series() for at, value, quality in samples(store, key)
    ) == (sorted(left, key=lambda row: row[:2]))
    assert store.extent() == (NOON, NOON + 101)


def samples(store, key):
    return store.read([key], 0, NOON + 9 * DAY)[key]


def test_removed_and_written_again_in_one_batch(store):
    """What is removed and written in one batch is there once, as written."""
    store.write(1, readings((CO2, NOON, 1.0, UNSYNCED), (CO2, NOON + 1, 2.0, UNSYNCED)))
    store.write(2, readings((CO2, NOON, 3.0, UNSYNCED)), readings((CO2, NOON, 1.0, UNSYNCED)))
    assert samples(store, CO2) == [(NOON, 3.0, UNSYNCED), (NOON + 1, 2.0, UNSYNCED)]


def test_a_whole_day_removed_leaves_no_trace(store):
    """A day of which nothing is left is not part of the extent, and can be written again."""
    store.write(1, readings((CO2, NOON, 1.0, GOOD), (CO2, NOON + DAY, 1.0, UNSYNCED)))
    store.write(2, readings(), readings((CO2, NOON + DAY, 1.0, UNSYNCED)))
    assert (store.extent(), samples(store, CO2)) == ((NOON, NOON), [(NOON, 1.0, GOOD)])
    store.write(3, readings((CO2, NOON + DAY, 2.0, GOOD)))
    assert store.extent() == (NOON, NOON + DAY)


def test_removal_in_a_sorted_day_keeps_it_right(store):
    """After a removal a sorted day reads right, before and after it is rewritten."""
    rows = [(CO2, NOON + i * 1000, float(i), UNSYNCED if i % 2 else GOOD) for i in range(400)]
    store.write(1, readings(*rows))
    for _ in range(2):
        store.maintain(NOON + 3 * DAY)
    gone = [row for row in rows if row[3] == UNSYNCED][50:]
    new = [(CO2, NOON + i * 1000 + 500, float(i), HOLD) for i in range(399, 249, -1)]
    store.write(2, readings(*new), readings(*gone))
    left = sorted(row[1:] for row in {*rows} - {*gone} | {*new})
    for _ in range(3):
        assert samples(store, CO2) == left
        store.maintain(NOON + 3 * DAY)


def test_a_batch_offered_again_removes_nothing(store):
    """A number at or below the cursor removes nothing, whatever it names."""
    store.write(4, readings((CO2, NOON, 1.0, UNSYNCED)))
    for number in (4, 3, 0):
        store.write(number, readings(), readings((CO2, NOON, 1.0, UNSYNCED)))
    assert len(everything(store)) == 1


def test_malformed_removal_is_refused_whole(store):
    """Unequal columns in what is to be removed raise StoreError, and nothing of the batch is stored."""
    store.write(1, readings((CO2, NOON, 1.0, UNSYNCED)))
    with pytest.raises(StoreError, match="not stored"):
        store.write(
            2, readings((CO2, NOON + 1, 1.0, GOOD)), Readings([CO2], [0, 0], [NOON], [1.0], [UNSYNCED])
        )
    assert (store.cursor(), len(everything(store))) == (1, 1)


def test_means_are_of_usable_values(store):
    """Windows of 15 minutes of good and held values: count, mean, low, high and the last; others weigh nothing."""
    start = NOON
    rows = [
        (CO2, start + minute * 60_000, float(minute), HOLD if minute % 2 else GOOD) for minute in range(40)
    ]
    bad = [
        (CO2, start + 1 + i, 9999.0, code)
        for i, code in enumerate((OUT_OF_RANGE, UNSYNCED, IMPLAUSIBLE_TIME))
    ]
    store.write(
        1, readings(*rows, *bad, (CO2, start + 5, None, INVALID_WARMUP), (POWER, start, 9.0, UNSYNCED))
    )
    assert store.means([CO2, POWER, FAR], start - DAY, start + DAY) == {
        CO2: [
            Mean(start, 900_000, 15, 7.0, 0.0, 14.0, 14.0),
            Mean(start + 900_000, 900_000, 15, 22.0, 15.0, 29.0, 29.0),
            Mean(start + 1_800_000, 900_000, 10, 34.5, 30.0, 39.0, 39.0),
        ],
        POWER: [],
        FAR: [],
    }
    assert [mean.start_ms for mean in store.means([CO2], start + 1, start + 900_001)[CO2]] == [
        start + 900_000
    ]
    assert store.means([CO2], start + 1, start + 2)[CO2] == store.means([CO2], start, start)[CO2] == []
    assert store.raw_from() == 0
    assert len(store.means([CO2], -(1 << 50), 1 << 50)[CO2]) == 3


WRITER = """
import random, sys
from pathlib import Path
from campus.telemetry.stores import open_telemetry
sys.path.insert(0, sys.argv[3])
from test_telemetry_removed import step
store = open_telemetry(sys.argv[1], Path(sys.argv[2]))
while True:
    number = store.cursor() + 1
    store.write(number, *step(number))
    if number % 9 == 0:
        store.maintain(20_800 * 86_400_000)
    print(number, flush=True)
"""


def step(number: int) -> tuple[Readings, Readings | None]:
    """Batch `number` of a history: doubtful readings, of which a later batch takes some back and writes them right."""
    rng = random.Random(number)
    day = NOON + number % 4 * DAY
    doubtful = [(CO2, day + number * 1000 + i, float(number), UNSYNCED) for i in range(20)]
    wild = [(POWER, number * 100 + i, float(number), IMPLAUSIBLE_TIME) for i in range(3)]
    if number % 3:
        return readings(*doubtful, *wild), None
    earlier = _keyed(step(number - 1)[0]) + _keyed(step(number - 2)[0])
    taken = [(key, at, None, quality) for key, at, quality in earlier if rng.random() < 0.7]
    return readings(
        *((CO2, at + 500, float(number), HOLD) for _, at, _, q in taken if q == UNSYNCED)
    ), readings(*taken)


def after(number: int) -> list[tuple]:
    """What a store holds after batch `number`."""
    rows: dict[tuple, float | None] = {}
    for each in range(1, number + 1):
        batch, removed = step(each)
        for key in _keyed(removed) if removed else ():
            rows.pop(key, None)
        rows |= dict(zip(_keyed(batch), batch.value, strict=True))
    return sorted((*key, value) for key, value in rows.items())


def _keyed(batch: Readings) -> list[tuple]:
    return [
        (batch.series[which], at, quality)
        for which, at, quality in zip(batch.which, batch.observed_at_ms, batch.quality, strict=True)
    ]


def stored(store) -> list[tuple]:
    keys = store.series()
    found = store.read(keys, 0, NOON + 9 * DAY)
    return sorted((key, at, quality, value) for key in keys for at, value, quality in found[key])


def test_killed_between_removing_and_writing(place):
    """After each of five kill -9 the store holds the batches up to its cursor, and the next one once offered again."""
    for lines in (2, 3, 7, 12, 20):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, place.url, str(place.data), TESTS],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout
        for _ in range(lines):
            last = int(writer.stdout.readline())
        writer.kill()
        writer.communicate()
        store = place.open()
        number = store.cursor()
        assert number >= last
        if place.url == "duckdb":
            assert stored(store) == after(number)
        store.write(number + 1, *step(number + 1))
        assert stored(store) == after(number + 1)
        store.close()


DIES = """
import contextlib, os, signal, sys
from pathlib import Path
from campus.telemetry import duckdb_days
from campus.telemetry.stores import open_telemetry
sys.path.insert(0, sys.argv[3])
from test_telemetry_removed import step
store = open_telemetry(sys.argv[1], Path(sys.argv[2]))
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
number = store.cursor() + 1
batch, removed = step(number)
if sys.argv[1] == "duckdb":
    if sys.argv[4] == "control":
        store._file.transaction = contextlib.contextmanager(lambda: iter([store._file._connection]))
    duckdb_days.insert = die
else:
    if sys.argv[4] == "control":
        store._link.write(f"campus_cursor number={number}i {store._today()}")
    store._link.write = die
store.write(number, batch, removed)
"""


@pytest.mark.parametrize("order", ["one step", "control"])
def test_removal_and_batch_are_one_step(place, order):
    """A process killed after the deletion and before the batch: offered again, the batch is whole.

    The control, a deletion of its own transaction or a cursor that goes first, leaves the store wrong.
    """
    store = place.open()
    for number in (1, 2):
        store.write(number, *step(number))
    store.close()
    died = subprocess.run(
        [sys.executable, "-c", DIES, place.url, str(place.data), TESTS, order],
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    store = place.open()
    assert store.cursor() == (3 if order == "control" and place.url != "duckdb" else 2)
    if place.url == "duckdb":
        assert (stored(store) == after(2)) == (order != "control")
    store.write(3, *step(3))
    if order != "control" or place.url != "duckdb":
        assert (stored(store) == after(3)) == (order != "control")
    store.close()

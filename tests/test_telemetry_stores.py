"""What every telemetry store promises, on the real engines: DuckDB, and InfluxDB by both of its interfaces."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from telemetry_places import (
    CO2,
    DAY,
    ENERGY,
    FAR,
    NOON,
    PLACES,
    POWER,
    Place,
    everything,
    places,
    readings,
)

from campus.errors import StoreError, UsageError
from campus.telemetry import (
    GOOD,
    HOLD,
    IMPLAUSIBLE_TIME,
    INVALID_WARMUP,
    QUALITY_NAMES,
    Readings,
)
from campus.telemetry.stores import open_telemetry


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    yield from places(request, tmp_path)


@pytest.fixture
def store(place):
    opened = place.open()
    yield opened
    opened.close()


def test_new_store_is_empty(store):
    """A new store has cursor 0, no series, no extent and no rows."""
    assert store.cursor() == 0
    assert store.series() == []
    assert store.extent() is None
    assert everything(store) == []
    assert store.read([CO2], 0, NOON) == {CO2: []}


def test_values_come_back_exactly(store):
    """Floats of full precision, negative ones, counters up to 2^53 - 1 and nulls come back as they were."""
    values = [812.0, 0.1 + 0.2, -25.5, 1e-7, 2.0**53 - 1, 1_234_567_891.0, 0.0, None, 3.4028234663852886e38]
    store.write(1, readings(*((POWER, NOON + i, value, GOOD) for i, value in enumerate(values))))
    assert [value for _, value, _ in store.read([POWER], NOON, NOON + 100)[POWER]] == values


def test_invalid_reading_keeps_its_reason(store):
    """A reading without a value is kept with its quality, beside valid ones, and is no zero."""
    store.write(1, readings((CO2, NOON, None, INVALID_WARMUP), (CO2, NOON + 1, 0.0, HOLD)))
    assert store.read([CO2], NOON, NOON + 2)[CO2] == [(NOON, None, INVALID_WARMUP), (NOON + 1, 0.0, HOLD)]
    assert [(row.value, row.quality) for row in everything(store)] == [
        (None, "invalid:warmup"),
        (0.0, "hold"),
    ]


def test_every_quality_has_its_name_in_rows(store):
    """All quality codes survive, and rows show their names."""
    store.write(1, readings(*((CO2, NOON + code, 1.0, code) for code in QUALITY_NAMES)))
    assert [row.quality for row in everything(store)] == [
        QUALITY_NAMES[code] for code in sorted(QUALITY_NAMES)
    ]


def test_ranges_are_half_open(store):
    """A read holds its start and not its end, also at midnight, and an empty range is empty."""
    midnight = 20_781 * DAY
    times = [midnight - 1, midnight, midnight + 1]
    store.write(1, readings(*((CO2, at, float(i), GOOD) for i, at in enumerate(times))))

    def read(start, end):
        return [at for at, _, _ in store.read([CO2], start, end)[CO2]]

    assert read(midnight, midnight + 1) == [midnight]
    assert read(midnight - 1, midnight) == [midnight - 1]
    assert read(midnight - 1, midnight + 2) == times
    assert read(midnight, midnight) == read(midnight + 1, midnight - 1) == read(0, midnight - 1) == []
    assert [
        row.observed_at_ms for part in store.rows(None, None, midnight, midnight + 1) for row in part
    ] == [midnight]


def test_late_and_disordered_readings_are_read_in_order(store):
    """Batches that arrive late, out of order and spread over days are read ascending."""
    times = [NOON + day * DAY + minute * 60_000 for day in range(-3, 4) for minute in range(30)]
    shuffled = times[:]
    random.Random(7).shuffle(shuffled)
    for number in range(1, 8):
        part = shuffled[(number - 1) * 30 : number * 30]
        store.write(number, readings(*((key, at, at % 1000, GOOD) for at in part for key in (CO2, ENERGY))))
    found = store.read([ENERGY, CO2], times[0], times[-1] + 1)
    assert list(found) == [ENERGY, CO2]
    assert [at for at, _, _ in found[CO2]] == [at for at, _, _ in found[ENERGY]] == times
    assert store.extent() == (times[0], times[-1])


def test_rows_stream_by_board_point_and_time(store):
    """Rows come by board, point and time in chunks no larger than asked, narrowed by site, board and range."""
    keys = [POWER, FAR, ENERGY, CO2]
    store.write(1, readings(*((key, NOON + i * DAY // 4, 1.0, GOOD) for i in range(20) for key in keys)))
    chunks = list(store.rows(None, None, None, None, chunk=7))
    assert all(0 < len(chunk) <= 7 for chunk in chunks)
    rows = [row[:3] for chunk in chunks for row in chunk]
    assert rows == sorted(rows) and len(rows) == 80
    assert {row.board for part in store.rows("other", None, None, None) for row in part} == {"board-0"}
    assert {row.point for part in store.rows(None, "board-1", None, None) for row in part} == {
        "co2_ppm",
        "power_w.1",
    }
    assert list(store.rows("nowhere", None, None, None)) == list(store.rows(None, None, 0, 1)) == []
    assert list(store.rows(None, None, NOON + 1, NOON + 1)) == []


def test_series_are_sorted_and_narrowed(store):
    """Every series written is listed once, sorted, and by site or board where asked."""
    store.write(1, readings(*((key, NOON, 1.0, GOOD) for key in (POWER, FAR, ENERGY, CO2))))
    assert store.series() == [FAR, CO2, POWER, ENERGY]
    assert store.series("school", "board-2") == store.series(board="board-2") == [ENERGY]
    assert store.series("nowhere") == store.series("other", "board-1") == []


def test_batch_is_stored_once(store):
    """A batch offered again, or an older one, changes nothing, whatever it holds."""
    first = readings((CO2, NOON, 1.0, GOOD), (POWER, NOON, 2.0, GOOD))
    store.write(1, first)
    store.write(5, readings((CO2, NOON + 1, 3.0, GOOD)))
    before = everything(store)
    for number in (1, 3, 5, 0, -1):
        store.write(number, first)
        store.write(number, readings((ENERGY, NOON + 7, 9.0, GOOD)))
    assert everything(store) == before
    assert store.cursor() == 5


def test_empty_batch_moves_the_cursor(place):
    """A batch without readings is a batch: its number is kept over a reopening."""
    store = place.open()
    store.write(3, Readings())
    store.write(4, Readings(series=[CO2]))
    store.close()
    again = place.open()
    assert again.cursor() == 4
    again.close()


def test_reopened_store_goes_on(place):
    """After closing and opening, the cursor, the series and the readings are there and writing goes on."""
    for number in range(1, 4):
        store = place.open()
        assert store.cursor() == number - 1
        key = (CO2, POWER, ENERGY)[number - 1]
        store.write(number, readings((key, NOON + number, float(number), GOOD), (CO2, NOON + 9, 1.0, GOOD)))
        store.close()
        with pytest.raises(StoreError):
            store.write(number + 1, readings((CO2, NOON, 1.0, GOOD)))
    store = place.open()
    assert store.series() == [CO2, POWER, ENERGY]
    assert store.read([POWER], NOON, NOON + 9) == {POWER: [(NOON + 2, 2.0, GOOD)]}
    store.close()


def test_implausible_times_are_kept_apart(store):
    """A reading flagged for its time is kept and read at the time it claims, and does not stretch the extent."""
    wild = [0, 946_684_800_000, NOON + 400 * DAY]
    store.write(1, readings((CO2, NOON, 1.0, GOOD), *((CO2, at, 2.0, IMPLAUSIBLE_TIME) for at in wild)))
    assert store.extent() == (NOON, NOON)
    assert [at for at, _, _ in store.read([CO2], 0, NOON + 401 * DAY)[CO2]] == sorted([NOON, *wild])
    assert [row.observed_at_ms for row in everything(store)] == sorted([NOON, *wild])
    assert store.read([CO2], 1, 2) == {CO2: []}


@pytest.mark.parametrize(
    "broken",
    [
        Readings([CO2], [0], [NOON], [1.0], []),
        Readings([CO2], [0, 0], [NOON], [1.0], [0]),
        Readings([CO2], [1], [NOON], [1.0], [0]),
        Readings([CO2], [0], [NOON], ["x"], [0]),  # type: ignore[list-item]
        Readings([CO2], [0], [2**70], [1.0], [0]),
    ],
)
def test_malformed_batch_is_refused_whole(store, broken):
    """A batch with unequal or impossible columns raises StoreError, and the store goes on."""
    with pytest.raises(StoreError):
        store.write(1, broken)
    assert (store.cursor(), everything(store)) == (0, [])
    store.write(1, readings((CO2, NOON, 1.0, GOOD)))
    assert len(everything(store)) == 1


def test_readers_beside_a_writer(store):
    """Three readers and one writer in their own threads: no error, and each read sees whole batches only."""
    batches, errors, done = 40, [], threading.Event()

    def look():
        try:
            while not done.is_set():
                found = store.read([CO2, POWER], NOON, NOON + batches)
                assert [at for at, _, _ in found[CO2]] == [NOON + i for i in range(len(found[CO2]))]
                store.series()
                store.extent()
                sum(len(part) for part in store.rows(None, None, None, None))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(batches):
        store.write(number + 1, readings((CO2, NOON + number, 1.0, GOOD), (POWER, NOON + number, 1.0, GOOD)))
        store.maintain(NOON + 2 * DAY)
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(everything(store)) == 2 * batches


WRITER = """
import sys
from pathlib import Path
from campus.telemetry import Readings, SeriesKey
from campus.telemetry.stores import open_telemetry
store = open_telemetry(sys.argv[1], Path(sys.argv[2]))
number = store.cursor()
while True:
    number += 1
    keys = [SeriesKey("school", f"board-{number % 5}", point) for point in ("co2_ppm", "motion")]
    at = [int(sys.argv[3]) + (number % 3) * 86_400_000 + number * 100 + i // 2 for i in range(40)]
    store.write(number, Readings(keys, [i % 2 for i in range(40)], at, [float(number)] * 40, [0] * 40))
    print(number, flush=True)
    if number % 20 == 0:
        store.maintain(int(sys.argv[3]) + 30 * 86_400_000)
"""


def write_until_killed(place: Place, after: int) -> int:
    """The last batch whose write() returned in a process that is killed -9 after `after` of them."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, place.url, str(place.data), str(NOON)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout
    last = 0
    for _ in range(after):
        last = int(writer.stdout.readline())
    writer.kill()
    for line in writer.stdout:
        last = int(line) if line.endswith("\n") else last
    writer.wait()
    return last


def test_killed_writer_loses_and_repeats_nothing(place):
    """After each of three kill -9 of a writing process, every batch whose write() returned is there exactly once."""
    last = 0
    for after in (3, 25, 38):
        last = write_until_killed(place, after)
        store = place.open()
        cursor = store.cursor()
        assert cursor >= last
        counts: dict[float | None, int] = {}
        for row in everything(store):
            counts[row.value] = counts.get(row.value, 0) + 1
        # InfluxDB may hold the batch after the cursor, whole or in part; it is written again over itself.
        assert {number: counts[number] for number in range(1, cursor + 1)} == dict.fromkeys(
            range(1, cursor + 1), 40
        )
        assert set(counts) <= set(range(1, cursor + (1 if place.url == "duckdb" else 2)))
        store.close()
    assert last >= 66


def test_control_duckdb_repeats_a_batch_without_its_cursor(tmp_path):
    """The control: were the cursor not in the batch's transaction, a batch offered again would be stored twice."""
    import duckdb

    place = Place("duckdb", tmp_path)
    batch = readings((CO2, NOON, 1.0, GOOD))
    store = place.open()
    store.write(1, batch)
    store.close()
    with duckdb.connect(str(tmp_path / "telemetry.duckdb")) as file:
        file.execute("UPDATE about SET cursor = 0")  # what a kill between two transactions would leave
    store = place.open()
    store.write(1, batch)
    assert len(everything(store)) == 2
    store.close()


@pytest.mark.influxdb
def test_influx_needs_no_cursor_to_store_once(influxdb):
    """InfluxDB without its cursor stores a batch offered again over itself."""
    url = influxdb.database()
    place = Place(url + "?api=v1", Path())
    batch = readings((CO2, NOON, 1.0, GOOD), (CO2, NOON + 1, None, INVALID_WARMUP))
    for _ in range(2):
        store = place.open()
        store.write(1, batch)
        assert len(everything(store)) == 2
        store.close()
        influxdb.query('DROP MEASUREMENT "campus_cursor"', url.rsplit("/", 1)[1])


@pytest.mark.parametrize(
    "url", ["", "sqlite", "duckdb://x", "http://host/db", "influxdb", "influxdb://", "influxdb://h"]
)
def test_wrong_url_is_a_usage_error(tmp_path, url):
    """A URL that names no store is one sentence, and nothing is made."""
    with pytest.raises(UsageError):
        open_telemetry(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_time_that_a_board_can_claim_stops_the_stream(store):
    """The year 9999, and times before Christ: kept where the store can hold them, and what follows is written."""
    wild = [253_402_300_799_999, 500_000_000_000_000, -253_402_300_799_999]
    store.write(1, readings((CO2, NOON, 1.0, GOOD), *((CO2, at, 2.0, IMPLAUSIBLE_TIME) for at in wild)))
    store.write(2, readings((CO2, NOON + 1, 3.0, GOOD)))
    assert store.cursor() == 2
    kept = [row.observed_at_ms for row in everything(store)]
    assert set(kept) - set(wild) == {NOON, NOON + 1}
    assert store.read([CO2], NOON, NOON + 2) == {CO2: [(NOON, 1.0, GOOD), (NOON + 1, 3.0, GOOD)]}
    assert len(kept) == (5 if type(store).__name__ == "DuckDBTelemetry" else 2)

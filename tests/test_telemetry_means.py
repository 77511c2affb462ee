"""Retention: readings become 15-minute means and these daily ones, with right weights, and nothing sooner than said."""

import math
import random
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from campus.telemetry import (
    GOOD,
    HOLD,
    IMPLAUSIBLE_TIME,
    INVALID,
    OUT_OF_RANGE,
    UNSYNCED,
    USABLE,
    Mean,
    Readings,
    SeriesKey,
)
from campus.telemetry.duckdb import DuckDBTelemetry

DAY = 86_400_000
QUARTER = 900_000
START = 20_780 * DAY
KEYS = [SeriesKey("school", f"board-{n}", point) for n in range(3) for point in ("co2_ppm", "energy_mwh.1")]
OTHER = SeriesKey("other", "board-0", "co2_ppm")
QUALITIES = [GOOD] * 6 + [HOLD, INVALID, OUT_OF_RANGE, UNSYNCED, IMPLAUSIBLE_TIME]

Held = list[tuple[SeriesKey, int, float | None, int]]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "telemetry.duckdb"


def batch_of(rows: Held) -> Readings:
    batch = Readings(series=list(dict.fromkeys(key for key, *_ in rows)))
    place = {key: which for which, key in enumerate(batch.series)}
    for key, at, value, quality in rows:
        batch.which.append(place[key])
        batch.observed_at_ms.append(at)
        batch.value.append(value)
        batch.quality.append(quality)
    return batch


def random_rows(rng: random.Random, day: int, count: int) -> Held:
    """`count` readings of one day at distinct times, of every quality, some without a value."""
    return [
        (
            rng.choice([*KEYS, OTHER]),
            START + day * DAY + at,
            None if rng.random() < 0.1 else round(rng.uniform(-20, 2000), rng.choice([0, 1, 3])),
            rng.choice(QUALITIES),
        )
        for at in rng.sample(range(DAY), count)
    ]


def model(held: Held, width: int = QUARTER) -> dict[SeriesKey, list[Mean]]:
    """Means as a plain list gives them."""
    windows: dict[SeriesKey, dict[int, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for key, at, value, quality in held:
        if quality in USABLE and value is not None:
            windows[key][at // width * width].append((at, value))
    return {
        key: [
            Mean(start, width, len(part), math.fsum(v for _, v in part) / len(part), *extremes(part))
            for start, part in sorted(of.items())
        ]
        for key, of in windows.items()
    }


def extremes(part: list[tuple[int, float]]) -> tuple[float, float, float]:
    values = [value for _, value in part]
    return min(values), max(values), max(part)[1]


def close(found: dict[SeriesKey, list[Mean]], wanted: dict[SeriesKey, list[Mean]]) -> bool:
    """Equal, the mean to a millionth."""
    return all(
        len(found[key]) == len(wanted.get(key, []))
        and all(
            a[:3] == b[:3] and a[4:] == b[4:] and abs(a.mean - b.mean) <= 1e-6
            for a, b in zip(found[key], wanted.get(key, []), strict=True)
        )
        for key in found
    )


def everything(store: DuckDBTelemetry) -> list[int]:
    return [row.observed_at_ms for part in store.rows(None, None, None, None) for row in part]


def means(store: DuckDBTelemetry) -> dict[SeriesKey, list[Mean]]:
    return store.means([*KEYS, OTHER], START - DAY, START + 1000 * DAY)


def at_rest(store: DuckDBTelemetry, now_ms: int) -> int:
    """Maintain until nothing is left to do; how many days were worked on."""
    done = store.maintain(now_ms)  # leaves alone what was written just before
    while step := store.maintain(now_ms):
        done += step
    return done


def test_means_are_the_same_before_and_after_thinning(path):
    """Computed from readings or kept in their place, the means are those of a plain list, and usable values only."""
    rng = random.Random(5)
    held = [row for day in range(3) for row in random_rows(rng, day, 3000)]
    store = DuckDBTelemetry(path)
    for number in range(1, 10):
        store.write(number, batch_of(held[(number - 1) * 1000 : number * 1000]))
    assert close(means(store), model(held))
    store.maintain(START + 4 * DAY)
    store.maintain(START + 4 * DAY)
    strays = sorted(row[1] for row in held if row[3] == IMPLAUSIBLE_TIME)
    assert (store.raw_from(), len(everything(store))) == (0, 9000)
    assert at_rest(store, START + 34 * DAY - 1) == 0
    assert at_rest(store, START + 34 * DAY) == 3
    assert sorted(everything(store)) == strays
    assert store.raw_from() == START + 3 * DAY
    assert close(means(store), model(held))
    store.close()
    again = DuckDBTelemetry(path)
    assert again.raw_from() == START + 3 * DAY and close(means(again), model(held))
    tables = {name for (name,) in again._file.ask("SELECT table_name FROM duckdb_tables()")}
    assert tables == {"about", "series", "days", "stray", "quarters", "daily"}
    again.close()


def test_late_readings_join_the_means_with_their_weight(path):
    """Readings that come for a thinned day are kept as such for 30 days more, counted at once, and merged later."""
    rng = random.Random(6)
    held = random_rows(rng, 0, 4000)
    store = DuckDBTelemetry(path)
    store.write(1, batch_of(held[:2000]))
    at_rest(store, START + 2 * DAY)
    assert at_rest(store, START + 32 * DAY) == 1
    store.write(2, batch_of(held[2000:]))
    late = sorted(row[1] for row in held[2000:])
    for now in (START + 33 * DAY, START + 63 * DAY - 1):
        at_rest(store, now)
        assert [at for at in sorted(everything(store)) if at in set(late)] == late
        assert close(means(store), model(held))
    assert at_rest(store, START + 63 * DAY) == 1
    assert set(everything(store)) == {row[1] for row in held if row[3] == IMPLAUSIBLE_TIME}
    assert close(means(store), model(held))
    store.close()


def test_control_a_mean_of_means_has_wrong_weights(path):
    """The control: averaging the two parts of a window without their counts gives another mean."""
    store = DuckDBTelemetry(path)
    store.write(1, batch_of([(KEYS[0], START + i, 1.0, GOOD) for i in range(9)]))
    at_rest(store, START + 2 * DAY)
    at_rest(store, START + 32 * DAY)
    store.write(2, batch_of([(KEYS[0], START + 9, 11.0, GOOD)]))
    assert means(store)[KEYS[0]] == [Mean(START, QUARTER, 10, 2.0, 1.0, 11.0, 11.0)]
    assert (1.0 + 11.0) / 2 != 2.0
    store.close()


def test_last_is_the_latest_whenever_it_came(path):
    """`last`, what counts of a counter, is that of the latest time, also where an earlier reading comes later."""
    store = DuckDBTelemetry(path)
    counter = KEYS[1]
    store.write(1, batch_of([(counter, START + 800_000, 9_007_199_254_740_000.0, GOOD)]))
    at_rest(store, START + 2 * DAY)
    at_rest(store, START + 32 * DAY)
    store.write(2, batch_of([(counter, START + 100, 9_007_199_254_000_000.0, GOOD)]))
    for now in (START + 33 * DAY, START + 70 * DAY, START + 500 * DAY):
        at_rest(store, now)
        assert means(store)[counter][0].last == 9_007_199_254_740_000.0
    store.close()


def test_old_means_become_daily(path):
    """Means 13 months old become means of UTC days, and a reading later still joins the day."""
    rng = random.Random(7)
    held = [row for day in range(4) for row in random_rows(rng, day, 1500)]
    store = DuckDBTelemetry(path, raw_days=30, mean_months=13)
    store.write(1, batch_of(held))
    at_rest(store, START + 5 * DAY)
    assert at_rest(store, START + 40 * DAY) == 4
    now = START + (2 + 13 * 31) * DAY  # the second day is 13 months of 31 days old
    assert at_rest(store, now) == 2
    new = START + 2 * DAY
    daily = model([row for row in held if row[1] < new], DAY)
    fine = model([row for row in held if row[1] >= new])
    assert close(means(store), {key: daily[key] + fine[key] for key in daily})
    late = (KEYS[0], START + 5 * QUARTER + 1, 12.5, GOOD)
    store.write(2, batch_of([late]))
    for later in (now, now + 31 * DAY):
        at_rest(store, later)
        found = store.means([KEYS[0]], START, START + DAY)
        assert close(found, {KEYS[0]: model([*held, late], DAY)[KEYS[0]][:1]})
    at_rest(store, START + 900 * DAY)
    assert close(means(store), model([*held, late], DAY))
    assert store._file.ask("SELECT count(*) FROM quarters") == [(0,)]
    store.close()


def test_zero_keeps_for_ever(path):
    """With `raw_days` 0 readings stay, and with `mean_months` 0 the 15-minute means."""
    store = DuckDBTelemetry(path, raw_days=0)
    held = random_rows(random.Random(1), 0, 300)
    store.write(1, batch_of(held))
    at_rest(store, START + 2 * DAY)
    assert at_rest(store, START + 5000 * DAY) == 0 and len(everything(store)) == 300
    store.close()
    store = DuckDBTelemetry(path, raw_days=1, mean_months=0)
    assert at_rest(store, START + 5001 * DAY) == 1
    assert at_rest(store, START + 9000 * DAY) == 0
    assert close(means(store), model(held))
    store.close()


def test_retention_counts_from_the_last_reading_that_came(path):
    """An old day replayed today is kept 30 days from today, also when the process ended before it was dated."""
    store = DuckDBTelemetry(path)
    now = START + 200 * DAY
    store.write(1, batch_of(random_rows(random.Random(2), 0, 100)))
    store.close()
    store = DuckDBTelemetry(path)
    assert at_rest(store, now) == 1  # sorted
    store.write(2, batch_of([(KEYS[0], START + 3, 1.0, GOOD)]))
    store.close()
    store = DuckDBTelemetry(path)
    at_rest(store, now + 20 * DAY)
    assert at_rest(store, now + 50 * DAY - 1) == 0
    assert at_rest(store, now + 50 * DAY) == 1
    store.close()


def test_a_replaced_reading_is_a_change(path):
    """A batch that takes one reading away and brings one is noticed, though the day has as many as before."""
    store = DuckDBTelemetry(path)
    old = batch_of([(KEYS[0], START + 5, 1.0, UNSYNCED)])
    store.write(1, old)
    at_rest(store, START + 2 * DAY)
    store.write(2, batch_of([(KEYS[0], START + 6, 1.0, GOOD)]), old)
    at_rest(store, START + 12 * DAY)
    assert at_rest(store, START + 42 * DAY - 1) == 0
    assert at_rest(store, START + 42 * DAY) == 1
    assert [mean.count for mean in means(store)[KEYS[0]]] == [1]
    store.close()


def test_means_are_of_whole_windows(path):
    """A range that begins or ends inside a window holds the windows that begin in it, whole."""
    store = DuckDBTelemetry(path)
    held = [(KEYS[0], START + minute * 60_000, float(minute), GOOD) for minute in range(60)]
    store.write(1, batch_of(held))
    found = store.means([KEYS[0], OTHER], START + 1, START + 2 * QUARTER + 1)
    assert [(mean.start_ms, mean.count) for mean in found[KEYS[0]]] == [
        (START + QUARTER, 15),
        (START + 2 * QUARTER, 15),
    ]
    assert found[OTHER] == [] == store.means([KEYS[0]], START + 5, START + 5)[KEYS[0]]
    store.close()


def test_readers_beside_thinning_see_each_reading_or_its_mean(path):
    """While days are thinned, what three readers see at any moment is the means of everything, without an error."""
    store = DuckDBTelemetry(path)
    for day in range(12):
        rows = [(KEYS[0], START + day * DAY + i * 60_000, 1.0, GOOD) for i in range(600)]
        store.write(day + 1, batch_of(rows))
    at_rest(store, START + 14 * DAY)
    problems, done = [], threading.Event()

    def look():
        try:
            while not done.is_set():
                found = means(store)[KEYS[0]]
                assert (len(found), sum(mean.count for mean in found)) == (480, 7200)
                raw = [row.observed_at_ms for part in store.rows(None, None, None, None) for row in part]
                assert len(raw) % 600 == 0 and len(set(raw)) == len(raw)
                store.extent()
                store.bytes_per_reading()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    thinned = sum(store.maintain(START + 44 * DAY + hour * DAY // 24) for hour in range(24))
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert thinned == 12 and everything(store) == []
    store.close()


def test_a_day_comes_back_beside_a_long_reader(path):
    """A reading for a thinned day is written also while a reader still sees the day as it was."""
    store = DuckDBTelemetry(path)
    store.write(1, batch_of(random_rows(random.Random(3), 0, 50)))
    at_rest(store, START + 2 * DAY)
    with store._file.reading() as reader:
        assert reader.execute("SELECT count(*) FROM days").fetchall() == [(1,)]
        at_rest(store, START + 40 * DAY)
        store.write(2, batch_of([(KEYS[0], START, 1.0, GOOD)]))
        assert reader.execute(f'SELECT count(*) > 1 FROM "day_{START // DAY}"').fetchall() == [(True,)]
    assert store.extent() == (START, START)
    store.close()


def test_the_writer_waits_for_one_day_at_most(path, monkeypatch):
    """A batch that comes while a day is thinned is written before the next one is."""
    store = DuckDBTelemetry(path)
    for day in range(6):
        store.write(day + 1, batch_of([(KEYS[0], START + day * DAY, 1.0, GOOD)]))
    at_rest(store, START + 8 * DAY)
    order, writer = (
        [],
        threading.Thread(
            target=lambda: (
                store.write(7, batch_of([(KEYS[0], START + 60 * DAY, 1.0, GOOD)])),
                order.append("batch"),
            )
        ),
    )
    thin = store._thin

    def slow(day):
        order.append("day")
        if order == ["day"]:
            writer.start()
            while not store._turn.locked():  # the batch has asked
                pass
        thin(day)

    monkeypatch.setattr(store, "_thin", slow)
    assert store.maintain(START + 40 * DAY) == 6
    writer.join()
    assert order.index("batch") <= 2 and order.count("day") == 6
    store.close()


def test_one_call_thins_a_few_days(path):
    """A year that is suddenly too old is thinned eight days at a call."""
    store = DuckDBTelemetry(path, raw_days=0)
    rows = [(KEYS[0], START + day * DAY, 1.0, GOOD) for day in range(20)]
    store.write(1, batch_of(rows))
    at_rest(store, START + 30 * DAY)
    store.close()
    store = DuckDBTelemetry(path)
    assert [store.maintain(START + 100 * DAY) for _ in range(4)] == [8, 8, 4, 0]
    store.close()


def test_bytes_of_a_mean(path):
    """Means of 20 series over 40 days cost under 16 bytes each in a copy."""
    store = DuckDBTelemetry(path, raw_days=1)
    keys = [SeriesKey("s", f"board-{n:02}", "co2_ppm") for n in range(20)]
    rng = random.Random(4)
    for day in range(40):
        level = [rng.uniform(400, 900) for _ in keys]
        rows = [
            (
                key,
                START + day * DAY + minute * 60_000 + which * 700,
                round(level[which] + rng.gauss(0, 20), 1),
                GOOD,
            )
            for minute in range(0, 1440, 3)
            for which, key in enumerate(keys)
        ]
        store.write(day + 1, batch_of(rows))
        store.maintain(START + (day + 1) * DAY + 3_600_000)
    at_rest(store, START + 45 * DAY)
    ((count,),) = store._file.ask("SELECT count(*) FROM quarters")
    target = path.with_name("copy.duckdb")
    store.snapshot(target)
    size = target.stat().st_size / count
    print("bytes per mean", size)
    assert count == 40 * 20 * 96
    assert size < 16
    store.close()


def test_the_file_stops_growing(path):
    """Once means become daily ones, a file that goes on for 40 days more stays as large as it was."""
    store = DuckDBTelemetry(path, raw_days=1, mean_months=1)
    keys, rng, sizes = [SeriesKey("s", f"board-{n:02}", "co2_ppm") for n in range(40)], random.Random(8), []
    for day in range(110):
        rows = [
            (key, START + day * DAY + quarter * QUARTER, rng.randint(4000, 9000) / 10, GOOD)
            for quarter in range(96)
            for key in keys
        ]
        store.write(day + 1, batch_of(rows))
        store.maintain(START + (day + 1) * DAY + 3_600_000)
        store.maintain(START + (day + 1) * DAY + 3_600_000)
        if day in (69, 109):
            sizes.append(store._file.size())
    assert store._file.ask("SELECT count(*) > 70 * 40 FROM daily") == [(True,)]
    assert sizes[1] <= sizes[0] * 1.25
    store.close()

"""`campus bench` but `peers`, at a tiny size, with the real mosquitto and the real system."""

import json
import resource

import pytest
from cli import campus

from campus.cli.bench_freshness import SPARE_FILES, Watcher, _open_files, _quantiles
from campus.cli.bench_soak import judged
from campus.errors import CampusError
from simulator.load import main as load_program


def measured(tmp_path, *words):
    done = campus("bench", *words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.mosquitto
def test_ingest_stores_every_message(tmp_path):
    """Its figures, with and without the school of which bytes are counted."""
    told = measured(tmp_path, "ingest", "--messages", 300, "--boards", 5, "--rows", 2, "--days", 1)
    assert (told["messages"], told["readings"], told["duplicates"], told["dead_letters"]) == (300, 2400, 0, 0)
    assert told["bytes_per_reading"] > 0
    assert {"messages_per_s", "cpu_us_per_message", "peak_rss_mb", "limited_by"} <= set(told)


@pytest.mark.mosquitto
def test_freshness_sees_every_motion(tmp_path):
    """Each motion sent is shown by an event, each message sent is stored."""
    told = measured(tmp_path, "freshness", "--boards", 8, "--seconds", 4, "--every", 0.5, "--motion", 0.5)
    assert told["motions"] == told["shown"] > 0 and told["lost"] == told["resets"] == 0
    assert told["records_stored"] == told["messages"] > told["motions"]
    assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert set(told["cores"]) == {"system", "broker", "boards_and_browser"}


@pytest.mark.mosquitto
def test_soak_counts_what_is_stored(tmp_path):
    """All of it is in the store, each once, beside what was there; so short a run is measured, and not judged."""
    told = measured(tmp_path, "soak", "--minutes", 0.1, "--rate", 100, "--boards", 7, "--past", 3000)
    assert told["messages"] == told["records_stored"] == 600 and told["readings_written"] == 2400
    assert told["duplicates"] == told["dead_letters"] == 0
    assert told["flat"] is None and told["rss_max_mb"] > 10 and told["samples"] > 8


def test_a_motion_without_its_event_is_missing():
    """The control of `lost`: an event of another room, or of an older motion, shows nothing."""
    watcher = Watcher()
    watcher.moved("a", 1000)
    watcher.moved("a", 2000)
    watcher.moved("b", 1500)
    watcher._shown({"room": "room-of-a", "motion_at_ms": 1000})
    watcher._shown({"room": "room-of-b", "motion_at_ms": 1499})
    watcher._shown({"room": "room-of-c", "motion_at_ms": None})
    assert (watcher.sent, len(watcher.delays_ms), watcher.missing) == (3, 1, 2)
    watcher._shown({"room": "room-of-a", "motion_at_ms": 2500})
    assert (len(watcher.delays_ms), watcher.missing) == (2, 1)


def test_quantiles_are_values_that_were_measured():
    """Nearest rank; nothing measured is nothing told."""
    told = _quantiles([float(n) for n in range(100, 0, -1)])
    assert (told["p50_ms"], told["p95_ms"], told["p99_ms"], told["max_ms"]) == (50, 95, 99, 100)
    assert _quantiles([7.0])["p99_ms"] == 7 and _quantiles([])["p50_ms"] is None


def test_memory_is_judged_by_the_rule():
    """Growth in the warm-up counts nothing; 5 MB an hour after it is flat, 7 is not; a short run is not judged."""

    def run(mb_per_h, minutes=60, warm_s=15 * 60.0):
        warm = [(60.0 * n, 50.0 + n) for n in range(15)]
        later = [(60.0 * n, 100.0 + mb_per_h * n / 60) for n in range(15, minutes + 1)]
        return judged(warm + later, warm_s)

    assert run(5.0)["flat"] is True and run(7.0)["flat"] is False
    assert (run(0.0)["slope_mb_per_h"], run(0.0)["rss_first_mb"], run(0.0)["rss_max_mb"]) == (0, 100, 100)
    assert run(0.0)["warm_up_minutes"] == 15 and run(-20.0)["flat"] is True
    assert run(0.0, minutes=29)["flat"] is None and run(0.0, minutes=29)["slope_mb_per_h"] > 0
    assert run(0.0, minutes=30)["flat"] is True and run(0.0, 30, warm_s=20 * 60.0)["flat"] is None


def test_one_step_that_stays_is_no_leak_and_a_leak_is_seen_through_noise():
    """1 MB in ten minutes is seen through 3 MB of coming and going; the same without it is flat."""

    def noisy(mb_per_h):
        return [(6.0 * n, 200.0 + 3.0 * (n % 7) / 6 + mb_per_h * n / 600) for n in range(601)]

    assert judged(noisy(0.0))["flat"] is True and judged(noisy(7.0))["flat"] is False


@pytest.mark.mosquitto
@pytest.mark.influxdb
def test_scale_counts_what_each_collector_stored(tmp_path):
    """Two collectors over one broker and one InfluxDB: each has its own site's messages, and nothing is lost."""
    told = measured(tmp_path, "scale", "--workers", 2, "--messages", 300, "--boards", 5)
    assert (told["workers"], told["lost"]) == (2, 0)
    assert [(one["site"], one["messages"], one["readings_stored"]) for one in told["each"]] == [
        ("bench-0", 300, 1200), ("bench-1", 300, 1200)
    ]  # fmt: skip
    assert all(
        one["duplicates"] == one["dead_letters"] == 0 < one["cpu_us_per_message"] for one in told["each"]
    )


def test_more_boards_than_open_files_is_one_sentence():
    """It names a size that goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(CampusError, match=f"--boards below {hard - SPARE_FILES}"):
        _open_files(2**62)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


@pytest.mark.mosquitto
def test_wrong_numbers_and_a_wrong_address_are_told(tmp_path):
    """Sizes below the least or above the most, and an address that is no broker's."""
    for words in (
        ["freshness", "--boards", 0],
        ["soak", "--minutes", 0],
        ["peers", "--messages", 100_001],
        ["scale", "--workers", 0],
    ):
        done = campus("bench", *words, cwd=tmp_path)
        assert done.returncode == 2 and "Traceback" not in done.stderr
    done = campus("bench", "ingest", "--messages", 1, "--mqtt", "http://127.0.0.1", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "campus: The collector of the benchmark did not start" in done.stderr


def test_the_load_generator_is_live_at_a_rate_only(capsys):
    """Without one it does not know how far apart its records are."""
    with pytest.raises(SystemExit) as refusal:
        load_program(["--url", "mqtt://127.0.0.1", "--live"])
    assert refusal.value.code == 2 and "--live needs --rate" in capsys.readouterr().err

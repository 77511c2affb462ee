"""One board of a hundred sends twenty times what a board may, for minutes: it costs the others nothing."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import SITE, Fleet
from chaos_collector import Collector, compared, faults_of, stored
from processes import finish, launch
from servers import Mosquitto


@dataclass(frozen=True)
class Size:
    boards: int
    per_second: float
    flood_per_second: int
    flood_s: float
    limited_within_s: float = 10
    p95_s: float = 2


def run(size, folder, *faults):
    data = folder / "data"
    flood = int(size.flood_per_second * size.flood_s)
    command = [sys.executable, "-m", "simulator.load", "--boards", 1, "--connections", 1, "--site", SITE]
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Collector(broker.url, data, *faults) as collector,
        Fleet(broker.port, size.boards, resend_ms=10_000) as fleet,  # as real boards are
    ):
        assert until(lambda: fleet.connected == size.boards, 60), "the boards did not connect"
        command += ["--url", broker.url, "--messages", flood, "--rate", size.flood_per_second]
        flooding = launch(list(map(str, command)), stdout=subprocess.DEVNULL)
        try:
            collector.until(lambda: collector.told["records_stored"], "the first of the flood")
            began = time.monotonic()
            fleet.stream(int(size.per_second * size.flood_s), size.per_second)
            until(
                lambda: collector.told.get("limited") or flooding.poll() is not None,
                size.limited_within_s + 10,
            )
            limited_s = time.monotonic() - began if collector.told.get("limited") else None
            until(lambda: flooding.poll() is not None, 3 * size.flood_s + 60)
            flooded_s = time.monotonic() - began
        finally:
            finish(flooding)
        fleet.drained(60)
        collector.until(lambda: collector.idle, "everything in the store")
        told = collector.told
        collector.stop()
        figures = compared(fleet, stored("duckdb", data))
    with closing(sqlite3.connect(data / "journal.sqlite")) as journal:
        counted = dict(journal.execute("SELECT cause, count FROM dead_counts"))
    flood_stored = told["records_stored"] - figures["records"]
    return {
        **figures,
        "flood": flood,
        "flood_per_second": round(flood / flooded_s),
        "flood_stored": flood_stored,
        "flood_limited": told["limited"],
        "flood_refused": told["refused"],  # after so many gaps they are out of order
        "flood_unaccounted": flood - flood_stored - told["limited"] - told["refused"],
        "dead_letters_of_flood": counted.get("flood", 0),
        "limited_after_s": limited_s and round(limited_s, 1),
        "p50_s": fleet.percentile(0.5),
        "p95_s": fleet.percentile(0.95),
        "p99_s": fleet.percentile(0.99),
    }


def wrong(figures, size):
    found = faults_of(figures)
    if figures["limited_after_s"] is None or figures["limited_after_s"] > size.limited_within_s:
        found.append(f"limited_after_s is over {size.limited_within_s}")
    if figures["p95_s"] >= size.p95_s:
        found.append(f"p95_s is {figures['p95_s']}, not under {size.p95_s}")
    if figures["flood_unaccounted"]:
        found.append(f"flood_unaccounted is {figures['flood_unaccounted']}")
    if figures["dead_letters_of_flood"] != figures["flood_limited"]:
        found.append("dead_letters_of_flood: what was limited is not counted by its cause")
    return found


SCENARIO = Scenario(
    "one board of a hundred floods",
    run,
    wrong,
    {
        "full": Size(99, 99, 2_000, 300),
        "tenth": Size(99, 99, 2_000, 30),
        "short": Size(39, 39, 3_000, 9, p95_s=10),  # a loaded machine is no fault of the collector's
    },
    {"unlimited": (("unlimited",), "limited_after_s")},
    control=Size(20, 20, 3_000, 9, p95_s=10),
)

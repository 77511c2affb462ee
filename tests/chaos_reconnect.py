"""The broker goes, and all boards come back at once; boards vanish and say goodbye, and the collector knows which."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from servers import Mosquitto


@dataclass(frozen=True)
class Size:
    boards: int
    per_second: float
    down_s: float
    vanish: int
    back_within_s: float = 60


def states(data):
    """How many boards the record calls online, lost, ..."""
    with closing(sqlite3.connect(f"file:{data / 'records.sqlite'}?mode=ro", uri=True)) as records:
        return Counter(state for (state,) in records.execute("SELECT availability FROM board"))


def run(size, folder, *faults):
    data = folder / "data"
    with Mosquitto(folder / "mosquitto") as broker, Collector(broker.url, data, *faults) as collector:
        with Fleet(broker.port, size.boards) as fleet:
            assert until(lambda: fleet.connected == size.boards, 60), "the boards did not connect"
            fleet.stream(int(size.per_second * (size.down_s + 8)), size.per_second)
            until(lambda: fleet.added > 2 * size.per_second, 60)
            worst = 0.0
            for end in (broker.kill, broker.stop):  # first it has lost every session, then it keeps them
                end()
                time.sleep(size.down_s / 2)
                broker.start()
                began = time.monotonic()
                back = until(lambda: fleet.connected == size.boards and collector.ready, size.back_within_s)
                worst = max(worst, time.monotonic() - began) if back else 1e9
            drained = fleet.drained(size.down_s + 8 + size.back_within_s)
            patience_s = 30 if drained else 1
            online = until(lambda: states(data)["online"] == size.boards, patience_s)
            at_last = dict(states(data))
            fleet.vanish(size.vanish)
            lost = until(
                lambda: states(data) == {"lost": size.vanish, "online": size.boards - size.vanish},
                patience_s,
            )
        offline = until(lambda: states(data)["offline"] == size.boards - size.vanish, patience_s)
        until(lambda: collector.idle, patience_s)
        collector.stop()
        figures = compared(fleet, stored("duckdb", data))
    return {
        **figures,
        "boards": size.boards,
        "back_s": round(worst, 1),
        "drained": drained,
        "all_online": online,
        "states": at_last,
        "the_vanished_are_lost": lost,
        "the_rest_said_goodbye": offline,
    }


def wrong(figures, size):
    found = faults_of(figures)
    if figures["back_s"] > size.back_within_s:
        found.append(f"back_s is over {size.back_within_s}")
    found += [
        f"{name} is False"
        for name in ("all_online", "the_vanished_are_lost", "the_rest_said_goodbye")
        if not figures[name]
    ]
    return found


SCENARIO = Scenario(
    "500 boards, and the broker restarts",
    run,
    wrong,
    {"full": Size(500, 100, 4, 50), "tenth": Size(500, 100, 4, 50), "short": Size(60, 60, 2, 10)},
    {"subscribes_once": (("subscribes_once",), "not_committed")},
    control=Size(20, 20, 1, 2, 10),
)

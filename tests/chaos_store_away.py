"""InfluxDB goes away, and later hangs, while records stream in: the journal keeps them, and the store gets them all."""

import os
import signal
import time
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from servers import InfluxDB, Mosquitto

WARM_S = 5  # of records before, so that what the store's client needs is in memory
LOOK_S = 0.2


@dataclass(frozen=True)
class Size:
    boards: int
    per_second: float
    away_s: float
    hung_s: float
    grows_mib: float = 64
    not_ready_within_s: float = 20
    hung_told_within_s: float = 30
    drained_within_s: float = 300


def run(size, folder, *faults):
    data = folder / "data"
    with Mosquitto(folder / "mosquitto") as broker, InfluxDB(folder / "influxdb") as influxdb:
        url = influxdb.database("campus") + "?api=v1"
        with (
            Collector(broker.url, data, *faults, telemetry=url) as collector,
            Fleet(broker.port, size.boards) as fleet,
        ):
            fleet.stream(int(size.per_second * WARM_S), size.per_second)
            assert fleet.drained(60), "the boards were not heard"
            collector.until(lambda: collector.idle, "the first records in the store")
            base = most = collector.rss_mib
            influxdb.stop()
            began = time.monotonic()
            fleet.stream(int(size.per_second * size.away_s), size.per_second)
            not_ready_s, ready_again = None, 0
            while fleet.streaming:
                time.sleep(LOOK_S)
                most = max(most, collector.rss_mib)
                if not collector.ready:
                    not_ready_s = not_ready_s or time.monotonic() - began
                elif not_ready_s is not None:
                    ready_again += 1
            fleet.drained(30)
            away = {"committed_while_away": fleet.freed, "not_committed_while_away": fleet.kept}
            influxdb.start()
            began = time.monotonic()

            def idle():
                nonlocal most
                most = max(most, collector.rss_mib)
                return collector.idle

            drained = until(idle, size.drained_within_s)
            drained_s = time.monotonic() - began
            hung = hangs(size, influxdb, collector, fleet) if size.hung_s else {}
            fleet.drained(30)
            until(lambda: collector.idle, 60)
            collector.stop()
            figures = compared(fleet, stored(url, data))
    return {
        **figures,
        **away,
        **hung,
        "not_ready_after_s": not_ready_s and round(not_ready_s, 1),
        "ready_while_away": ready_again,
        "drained": drained,
        "drained_s": round(drained_s, 1),
        "rss_mib": round(base, 1),
        "rss_growth_mib": round(most - base, 1),
    }


def hangs(size, influxdb, collector, fleet):
    """The server takes connections and answers nothing, as on a dying disk."""
    os.kill(influxdb.pid, signal.SIGSTOP)
    began = time.monotonic()
    fleet.stream(int(size.per_second * size.hung_s), size.per_second)
    told = until(lambda: not collector.ready, size.hung_s)
    told_s = time.monotonic() - began
    fleet.drained(size.hung_s + 30)
    kept = fleet.kept
    os.kill(influxdb.pid, signal.SIGCONT)
    return {"hung_told_after_s": round(told_s, 1) if told else None, "not_committed_while_hung": kept}


def wrong(figures, size):
    found = faults_of(figures)
    if figures["not_committed_while_away"]:
        found.append(f"not_committed_while_away is {figures['not_committed_while_away']}")
    if (figures["not_ready_after_s"] or 1e9) > size.not_ready_within_s or figures["ready_while_away"]:
        found.append("not_ready_after_s: health called the collector ready without its store")
    if size.hung_s and (figures["hung_told_after_s"] or 1e9) > size.hung_told_within_s:
        found.append(f"hung_told_after_s is over {size.hung_told_within_s}")
    if figures.get("not_committed_while_hung"):
        found.append(f"not_committed_while_hung is {figures['not_committed_while_hung']}")
    if not figures["drained"]:
        found.append(f"drained_s is over {size.drained_within_s}")
    if figures["rss_growth_mib"] >= size.grows_mib:
        found.append(f"rss_growth_mib is {figures['rss_growth_mib']}, not under {size.grows_mib}")
    return found


SCENARIO = Scenario(
    "InfluxDB away for minutes",
    run,
    wrong,
    {"full": Size(50, 50, 600, 60), "tenth": Size(50, 50, 60, 40), "short": Size(20, 100, 8, 0)},
    {"forgetful": (("forgetful",), "lost")},
    control=Size(20, 100, 3, 0),
)

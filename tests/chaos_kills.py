"""kill -9 of the collector and of the broker, at random moments, while records stream in."""

import random
import time
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from servers import Mosquitto


@dataclass(frozen=True)
class Size:
    """`awake`: each kill waits for a collector at work; after the last one nothing more is measured."""

    records: int
    boards: int
    per_second: float
    collector_kills: int
    broker_kills: int
    drained_within_s: float
    awake: bool = False
    seed: int = 7


FULL = Size(100_000, 100, 400, 50, 25, 300)


def run(size, folder, *faults):
    frees = "puback" if "puback" in faults else "committed"
    data = folder / "data"
    blows = ["collector"] * size.collector_kills + ["broker"] * size.broker_kills
    chance = random.Random(size.seed)
    chance.shuffle(blows)
    moments = sorted(chance.uniform(0.05, 0.95) * size.records for _ in blows)
    asked = [fault for fault in faults if fault != "puback"]
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Collector(broker.url, data, *asked) as collector,
        Fleet(broker.port, size.boards, frees=frees) as fleet,
    ):
        assert until(lambda: fleet.connected == size.boards, 60), "the boards did not connect"
        fleet.stream(size.records, size.per_second)
        at_work = 0
        for moment, blow in zip(moments, blows, strict=True):
            if size.awake:
                collector.until(lambda: collector.ready, "a collector to be killed")
                time.sleep(chance.uniform(0.2, 0.5))
            else:
                until(lambda moment=moment: fleet.added >= moment, 3600)
            if blow == "collector":
                at_work += collector.ready
                collector.kill()
                collector.start()
            else:
                broker.kill()
                time.sleep(chance.uniform(0, 0.5))
                broker.start()
        if size.awake:
            fleet.enough()
        began = time.monotonic()
        fleet.drained(size.records / size.per_second + size.drained_within_s)
        drained_s = time.monotonic() - began
        collector.until(lambda: collector.idle, "everything in the store")
        told = collector.told
        collector.stop()
        figures = compared(fleet, stored("duckdb", data))
    return {
        **figures,
        "collector_kills": size.collector_kills,
        "of_them_at_work": at_work,  # the others hit a collector that had just been started
        "broker_kills": size.broker_kills,
        "seconds_after_the_last_kill": round(drained_s, 1),
        "sent_again_to_the_last_collector": told["duplicates"],
    }


SCENARIO = Scenario(
    "kill -9 of the collector and the broker while records stream in",
    run,
    lambda figures, size: faults_of(figures),
    {
        "full": FULL,
        "tenth": Size(10_000, 100, 400, 5, 3, 120),
        "short": Size(3_000, 20, 300, 4, 2, 60),
    },
    {"automatic": (("automatic", "puback"), "lost"), "repeating": (("repeating",), "twice")},
    control=Size(30_000, 20, 800, 4, 0, 60, awake=True),
)

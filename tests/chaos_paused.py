"""The collector is stopped (SIGSTOP), as on a machine that sleeps or swaps, while its boards go on.

Then the same with no collector at all and too short a queue: the broker drops what it has acknowledged to the boards.
"""

import time
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from servers import Mosquitto


@dataclass(frozen=True)
class Size:
    """`short_queue`: messages that the broker may hold for the collector in the second run."""

    boards: int
    per_second: float
    paused_s: float
    short_queue: int
    back_within_s: float = 60


def run(size, folder, *faults, queue=None):
    data = folder / "data"
    asked = [fault for fault in faults if fault != "puback"]
    extra = () if queue is None else (f"max_queued_messages {queue}",)
    with (
        Mosquitto(folder / "mosquitto", extra=extra) as broker,
        Collector(broker.url, data, *asked) as collector,
        Fleet(broker.port, size.boards, frees="puback" if "puback" in faults else "committed") as fleet,
    ):
        assert until(lambda: fleet.connected == size.boards, 60), "the boards did not connect"
        fleet.stream(int(size.per_second * (size.paused_s + 2)), size.per_second)
        until(lambda: fleet.added > size.per_second, 60)
        if queue is None:
            collector.pause()
        else:
            collector.kill()
        end = time.monotonic() + size.paused_s
        until(lambda: time.monotonic() >= end, size.paused_s + 1)
        waiting = fleet.kept
        if queue is None:
            collector.go_on()
        else:
            collector.start()
        began = time.monotonic()
        back = fleet.drained(size.back_within_s)
        back_s = time.monotonic() - began
        collector.until(lambda: collector.idle, "everything in the store")
        told = collector.told
        collector.stop()
        figures = compared(fleet, stored("duckdb", data))
        dropped = "messages are being dropped" in broker.log.read_text(errors="replace")
    return {
        **figures,
        "waiting_at_the_end_of_the_pause": waiting,
        "broker_dropped_some": dropped,
        "back": back,
        "back_s": round(back_s, 1),
        "connections": told["connections"],
        "sent_again": told["duplicates"],
    }


def wrong(figures, size):
    late = [] if figures["back"] else [f"back_s is over {size.back_within_s}"]
    return faults_of(figures) + late


def twice(size, folder, *faults):
    if "puback" in faults:
        return run(size, folder, *faults, queue=size.short_queue)
    figures = run(size, folder / "paused", *faults)
    if not faults:
        figures["away_with_a_short_queue"] = run(size, folder / "away", queue=size.short_queue)
    return figures


def wrong_of_twice(figures, size):
    found, short = wrong(figures, size), figures.get("away_with_a_short_queue")
    if short:
        found += [f"away_with_a_short_queue: {each}" for each in wrong(short, size)]
        if not short["broker_dropped_some"]:
            found.append("away_with_a_short_queue: the broker dropped nothing, so nothing was shown")
    return found


SCENARIO = Scenario(
    "the collector stopped (SIGSTOP) while its boards send",
    twice,
    wrong_of_twice,
    {
        "full": Size(100, 100, 120, 2_000),
        "tenth": Size(100, 100, 12, 100),
        "short": Size(50, 100, 3, 20),
    },
    {"repeating": (("repeating",), "twice"), "puback": (("puback",), "lost")},
)

"""The broker delivers nothing to the collector any more, though the connection lives and pings are answered."""

import os
import signal
import time
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_boards import Fleet
from chaos_collector import Collector, compared, faults_of, stored
from servers import Mosquitto

RIGHTS = "user boards\ntopic readwrite campus/v1/#\n\nuser collector\ntopic {} campus/v1/#\n"


@dataclass(frozen=True)
class Size:
    """`hurry`: the collector's patience is 3 s instead of its own 30 s."""

    boards: int
    per_second: float
    noticed_within_s: float
    heals_within_s: float
    hurry: bool = False


def allow(broker, what):
    (broker.folder / "acl").write_text(RIGHTS.format(what))
    os.kill(broker.pid, signal.SIGHUP)


def run(size, folder, *faults):
    data, hurry = folder / "data", ("hurry",) if size.hurry else ()
    users = {"collector": "made-up", "boards": "made-up"}
    with (
        Mosquitto(folder / "mosquitto", users=users, acl=RIGHTS.format("readwrite")) as broker,
        Collector(broker.url, data, *faults, *hurry) as collector,
        Fleet(broker.port, size.boards, account=lambda name: ("boards", "made-up")) as fleet,
    ):
        fleet.stream(1_000_000, size.per_second)
        until(lambda: fleet.freed > size.per_second, 60)
        connections = collector.told["connections"]
        allow(broker, "write")
        began = time.monotonic()
        noticed = until(lambda: not collector.ready, size.noticed_within_s + 5)
        noticed_s = time.monotonic() - began
        reason = (collector.told.get("reasons") or [""])[0]
        anew = until(lambda: collector.told["connections"] > connections, 20) if noticed else False
        still = collector.ready  # a new connection that delivers nothing either is no cure
        allow(broker, "readwrite")
        began = time.monotonic()
        healed = until(lambda: collector.ready, size.heals_within_s) and noticed
        heals_s = time.monotonic() - began
        fleet.enough()
        fleet.drained(size.heals_within_s + 60)
        collector.until(lambda: collector.idle, "everything in the store")
        collector.stop()
        figures = compared(fleet, stored("duckdb", data))
    return {
        **figures,
        "noticed_after_s": round(noticed_s, 1) if noticed else None,
        "reason": reason,
        "connected_anew": anew,
        "ready_while_silent": still,
        "healed_after_s": round(heals_s, 1) if healed else None,
    }


def wrong(figures, size):
    found = faults_of(figures)
    if figures["noticed_after_s"] is None or figures["noticed_after_s"] > size.noticed_within_s:
        found.append(f"noticed_after_s is over {size.noticed_within_s}")
    found += [f"{name} is False" for name in ("connected_anew",) if not figures[name]]
    found += ["ready_while_silent is True"] if figures["ready_while_silent"] else []
    if figures["healed_after_s"] is None:
        found.append(f"healed_after_s is over {size.heals_within_s}")
    return found


SCENARIO = Scenario(
    "a connection that lives and delivers nothing",
    run,
    wrong,
    {
        "full": Size(100, 50, 45, 120),
        "tenth": Size(100, 50, 45, 120),
        "short": Size(20, 50, 12, 40, hurry=True),
    },
    {"deaf": (("deaf",), "noticed_after_s")},
    control=Size(20, 50, 5, 20, hurry=True),
)

"""A collector that kills itself with SIGKILL at a given point of the batch that tells when a boot started.

python clock_process.py FOLDER POINT; the points are the keys of `POINTS`.
"""

import os
import signal
import sys
from pathlib import Path

from test_collector_clock_told import MORNING, offer, send, tell, up
from test_collector_derive import School

from campus.telemetry import duckdb_days
from collector.journal import Journal
from collector.unsynced import Unsynced


def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner, name):
    setattr(owner, name, kill)


def after(owner, name):
    done = getattr(owner, name)
    setattr(owner, name, lambda *given, **more: kill(done(*given, **more)))


def around_write(telemetry, first):
    """Of the batch that takes estimates away; the one before it is written."""
    write = telemetry.write

    def killing(number, readings, removed=None):
        if removed:
            first()
        write(number, readings, removed)
        if removed:
            kill()

    telemetry.write = killing


POINTS = {
    "before the journal": lambda school: before(Journal, "append"),
    "within the journal's transaction": lambda school: after(Unsynced, "apply"),
    "after the journal": lambda school: after(Journal, "append"),
    "before the store": lambda school: around_write(school.telemetry, kill),
    "within the store's transaction": lambda school: after(duckdb_days, "delete"),
    "after the store": lambda school: around_write(school.telemetry, lambda: None),
    "before the facts": lambda school: before(school.records, "store_derivations"),
}


def main() -> None:
    folder, point = Path(sys.argv[1]), sys.argv[2]
    school = School(folder)
    told = up(MORNING)
    send(school, told[:12])
    offer(school, told[12:])
    school.pipeline.collector.ingest()
    POINTS[point](school)
    tell(school)
    school.pipeline.pump()
    school.pipeline.derive()


if __name__ == "__main__":
    main()

"""A collector in a process of its own, to be killed and starved. Prints its health as JSON lines; ends when stdin does.

    python collector_process.py MQTT_URL DATA [--stores FOLDER] [--telemetry URL] [--fault NAME ...]

DATA holds the journal, and the stores too unless they have a folder of their own. FAULTS are the defects of the
control runs, put back.
"""

import argparse
import contextlib
import json
import sys
import threading
from functools import partial
from pathlib import Path

from campus.errors import StoreError
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from campus.wire.server import is_canary
from collector import client, intake, pipeline, service
from collector.canary import Canary
from collector.journal import Journal, JournalError
from collector.service import CollectorService

TELL_EVERY_S = 0.1
INVENTORY = {"site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"}}


class Forgetful:
    """A store behind which nothing waits: what it cannot write is gone."""

    def __init__(self, store):
        self._store = store
        self._through = store.cursor()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def cursor(self):
        return self._through

    def write(self, number, *readings):
        self._through = number
        with contextlib.suppress(StoreError):
            self._store.write(number, *readings)


class HastyJournal(Journal):
    """Says that a batch is kept, whatever became of it."""

    def append(self, *batch, **more):
        try:
            return super().append(*batch, **more)
        except JournalError:
            return 0


def hasty():
    pipeline.Journal = HastyJournal


def no_reserve():
    """Not a defect: the journal goes on to the last byte of the disk, to meet what comes then."""
    pipeline.Journal = partial(Journal, min_free_bytes=0)


def hurry():
    """Not a defect: a silent broker is doubted after 3 s."""
    service.Canary = partial(Canary, every_s=1.0, patience_s=3.0)


def subscribes_once():
    """A connection after the first relies on the broker to remember what was subscribed."""
    real, done = client.Client.subscribe, []
    client.Client.subscribe = lambda self, *topics: None if done else done.append(real(self, *topics))


def brittle():
    """What is no telemetry is raised in the thread that reads, and not put aside."""
    real = intake.Intake._reject

    def reject(self, message, error, batch):
        if not is_canary(message.topic, message.payload):
            sys.exit(f"cannot read {message.topic}: {error}")
        real(self, message, error, batch)

    intake.Intake._reject = reject


PATCHES = {
    "hasty": hasty,
    "no_reserve": no_reserve,
    "hurry": hurry,
    "subscribes_once": subscribes_once,
    "brittle": brittle,
}
OPTIONS = {
    "automatic": {"automatic": True},
    "repeating": {"unique": False},
    "unlimited": {"limited": False},
    "deaf": {"canary": False},
}
"""`automatic` acknowledges on arrival, `repeating` takes every record as new, `deaf` sends itself nothing."""
FAULTS = (*PATCHES, *OPTIONS, "forgetful")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data", type=Path)
    parser.add_argument("--stores", type=Path)
    parser.add_argument("--telemetry", default="duckdb")
    parser.add_argument("--fault", action="append", choices=FAULTS, default=[])
    given = parser.parse_args()
    stores, options = given.stores or given.data, {}
    for fault in given.fault:
        PATCHES.get(fault, lambda: None)()
        options |= OPTIONS.get(fault, {})
    with open_records("sqlite", stores) as records:
        records.import_inventory(Inventory.model_validate(INVENTORY))
        telemetry = open_telemetry(given.telemetry, stores)
        if "forgetful" in given.fault:
            telemetry = Forgetful(telemetry)
        collector = CollectorService(given.url, given.data, records, telemetry, Live(), **options)
        collector.start()
        done = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
        while not done.wait(TELL_EVERY_S):
            health = collector.health()
            told = {"ready": health.ready, "reasons": health.reasons, **health.counters}
            print(json.dumps(told), flush=True)
        collector.stop()
        telemetry.close()


if __name__ == "__main__":
    main()

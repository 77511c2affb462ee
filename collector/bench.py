"""The collector's end of the ingestion benchmark. Run it in a process of its own, beside a load generator:

    python -m collector.bench --mqtt mqtt://127.0.0.1:1883 --data /tmp/bench --messages 200000

It prints `ready` once it listens, and one JSON line when that many messages are in the store. With --hold it prints
`stored` at that moment and waits for a line on standard input, so that its CPU can be read from outside, before it
counts what the store holds.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from campus.errors import CampusError
from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from collector.service import CollectorService


@dataclass(frozen=True, slots=True)
class IngestFigures:
    """From the first message to the last one in journal and store. CPU and memory are this process alone."""

    messages: int
    readings: int
    seconds: float
    messages_per_s: float
    readings_per_s: float
    cpu_us_per_message: float
    peak_rss_mb: float
    duplicates: int
    dead_letters: int
    counted: int | None = None  # readings found in the store, read back after all else; None: not asked for


def run(
    mqtt: str,
    data: Path,
    messages: int,
    telemetry: str = "duckdb",
    patience_s: float = 30.0,
    ready: Callable[[], None] = lambda: None,
    stored: Callable[[], None] | None = None,
    site: str | None = None,
) -> IngestFigures:
    """Collect until `messages` have been stored, call `stored`, then count what the store holds if it is given.

    `site`: as one of several collectors, each with a site of its own.
    Raises CampusError when nothing comes for `patience_s`.
    """
    with open_records("sqlite", data) as records:
        store = open_telemetry(telemetry, data, journal=site)
        service = CollectorService(mqtt, data, records, store, Live(), sites=[site] if site else [])
        try:
            service.start()
            _wait(
                lambda: not service.health().reasons, patience_s, lambda: "; ".join(service.health().reasons)
            )
            ready()
            figures = _measure(service, messages, patience_s)
            if stored is not None:
                stored()
                figures = replace(figures, counted=sum(map(len, store.rows(site, None, None, None))))
            return figures
        finally:
            service.stop()
            store.close()


def _measure(service: CollectorService, messages: int, patience_s: float) -> IngestFigures:
    collector, projector = service.collector, service.pipeline.projector
    _wait(lambda: collector.received > 0, patience_s, lambda: "No message came: does the load generator run?")
    began, cpu, before = time.monotonic(), time.process_time(), collector.received
    moved, seen = began, 0
    while collector.received < messages or projector.newest > projector.through:
        time.sleep(0.05)
        if collector.received != seen:
            moved, seen = time.monotonic(), collector.received
        elif time.monotonic() - moved > patience_s:
            raise CampusError(f"Only {seen} of {messages} messages came; the last {patience_s:.0f} s ago.")
    seconds, spent = time.monotonic() - began, time.process_time() - cpu
    counted = max(1, collector.received - before)
    return IngestFigures(
        messages=collector.received,
        readings=projector.readings,
        seconds=round(seconds, 3),
        messages_per_s=round(counted / seconds, 1),
        readings_per_s=round(projector.readings / seconds, 1),
        cpu_us_per_message=round(spent / counted * 1e6, 1),
        peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        duplicates=collector.duplicates,
        dead_letters=collector.rejected,
    )


def _wait(done: Callable[[], bool], patience_s: float, why: Callable[[], str]) -> None:
    until = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > until:
            raise CampusError(why())
        time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mqtt", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--telemetry", default="duckdb")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--site")
    given = parser.parse_args()

    def stored() -> None:
        print("stored", flush=True)
        sys.stdin.readline()

    try:
        figures = run(
            given.mqtt,
            given.data,
            given.messages,
            given.telemetry,
            ready=lambda: print("ready", flush=True),
            stored=stored if given.hold else None,
            site=given.site,
        )
    except CampusError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(asdict(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

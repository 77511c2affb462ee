"""A collector in a process of its own, to be killed: prints how many messages it has received. Ends when stdin does.

    python collector_process.py MQTT_URL DATA [automatic|repeating]

`automatic` acknowledges on arrival, `repeating` takes every record as new: the defects of the control runs.
"""

import sys
import threading
import time
from pathlib import Path

from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from collector.service import CollectorService


def main() -> None:
    url, data, fault = sys.argv[1], Path(sys.argv[2]), (sys.argv[3:] or [""])[0]
    with open_records("sqlite", data) as records:
        telemetry = open_telemetry("duckdb", data)
        service = CollectorService(
            url, data, records, telemetry, Live(), automatic=fault == "automatic", unique=fault != "repeating"
        )
        service.start()
        done = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
        while not done.is_set():
            print(service.collector.received, flush=True)
            time.sleep(0.005)
        service.stop()
        telemetry.close()


if __name__ == "__main__":
    main()

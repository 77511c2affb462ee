"""The collector of the chaos suite, a real process: killed, stopped, starved, and asked how it is."""

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from broker_client import until
from processes import finish, launch

from campus.telemetry.stores import open_telemetry

PROGRAM = Path(__file__).with_name("collector_process.py")
WITHIN_S = 60


class Collector:
    """`told` is its latest health, {} before the first. `data` outlives it; `enter` is put before its command."""

    def __init__(self, url, data, *faults, telemetry="duckdb", stores=None, enter=()):
        self.data, self._log = Path(data), Path(data).with_name("collector.log")
        named = [part for fault in faults for part in ("--fault", fault)]
        apart = ["--stores", stores] if stores else []
        self._command = [*enter, sys.executable, PROGRAM, url, data, *apart, "--telemetry", telemetry, *named]
        self.told = {}
        self.starts = 0
        self._process = None

    def start(self):
        self._process = None  # what the last one said late is not the next one's word
        self.told = {}
        self.starts += 1
        with self._log.open("ab") as log:
            process = self._process = launch(
                list(map(str, self._command)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return self

    def _listen(self, process):
        for line in process.stdout:
            if process is self._process:
                self.told = json.loads(line)

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def ready(self):
        return bool(self.told.get("ready"))

    @property
    def idle(self):
        """Whether all that came is in the stores."""
        return self.ready and not self.told["queued"] and not self.told["batches_behind"]

    @property
    def rss_mib(self):
        """Of memory that it has now; 0 when it is not there."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0.0
        return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def until(self, true, what, within_s=WITHIN_S):
        assert until(lambda: true() or not self.running, within_s) and self.running, (
            f"never came: {what}; the collector {self.told}, its log: {self.log()}"
        )

    def begin(self):
        """Start, and wait until it is ready: from then on the broker keeps what comes for it."""
        self.start()
        self.until(lambda: self.ready, "a collector that is ready")
        return self

    def kill(self):
        finish(self._process)

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        """Ask it to end, as a shutdown does; its exit code."""
        self._process.stdin.close()
        return self._process.wait(WITHIN_S)

    def log(self):
        """Its last words."""
        return self._log.read_text(errors="replace")[-1500:] if self._log.exists() else ""

    def __enter__(self):
        return self.begin()

    def __exit__(self, *error):
        if self._process is not None:
            finish(self._process)


def stored(telemetry, data):
    """How often each (board, record) is in the store."""
    store = open_telemetry(telemetry, data)
    try:
        return Counter(
            (row.board, int(row.value))
            for chunk in store.rows(None, None, None, None)
            for row in chunk
            if row.point == "uptime_s"
        )
    finally:
        store.close()


def compared(fleet, found):
    """What became of the fleet's records: the figures that every scenario has."""
    wanted = fleet.wanted()
    return {
        "records": len(wanted),
        "lost": len(wanted - found.keys()),
        "lost_though_committed": len(fleet.settled() - found.keys()),
        "twice": sum(count > 1 for count in found.values()),
        "invented": len(found.keys() - wanted),
        "not_committed": fleet.kept,
        "dropped_by_boards": fleet.dropped,
        "board_faults": len(fleet.faults),
    }


WHOLE = (
    "lost",
    "lost_though_committed",
    "twice",
    "invented",
    "not_committed",
    "dropped_by_boards",
    "board_faults",
)


def faults_of(figures):
    """Sentences on records that are not stored exactly once."""
    return [f"{name} is {figures[name]}, not 0" for name in WHOLE if figures.get(name, 0)]

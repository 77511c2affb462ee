"""The history of a virtual school, handed to the collector's own entry while the system runs."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console

from campus.cli.progress import progress
from campus.cli.system import System
from simulator.history import history
from simulator.school import School

TASK = "history"
DAY_MS = 24 * 3600 * 1000


class Span(NamedTuple):
    """[start, end) in Unix ms."""

    start_ms: int
    end_ms: int

    def __str__(self) -> str:
        minutes = (self.end_ms - self.start_ms) // 60_000
        count, unit = (round(minutes / 1440), "day") if minutes >= 1440 else (minutes, "minute")
        return f"{count} {unit}{'' if count == 1 else 's'}"


class History(threading.Thread):
    """Fills spans one after the other; each is told to `finished` once its facts are derived and stored.

    Shows a bar in the terminal (plain lines where there is none) and on the pages (`live.set_progress`).
    """

    def __init__(
        self,
        system: System,
        school: School,
        spans: list[Span],
        console: Console,
        stop: threading.Event,
        finished: Callable[[Span], None],
    ) -> None:
        super().__init__(name="history", daemon=True)
        self._system, self._school, self._spans = system, school, spans
        self._console, self._stopping, self._finished = console, stop, finished
        self.caught_up = False
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            for number, span in enumerate(self._spans):
                began = time.monotonic()
                if not self._fill(span, number + 1):
                    return
                self._finished(span)
                if not self._console.is_terminal:
                    self._console.print(f"{span} of history complete in {time.monotonic() - began:.1f} s.")
            self.caught_up = True
        except Exception as error:  # shown at the end; the live school goes on
            self.failed = error
            self._console.print(f"[red]The history stopped: {error}[/red]")
            self._stopping.set()

    def _fill(self, span: Span, number: int) -> bool:
        collector, live = self._system.collector, self._system.live
        if collector is None:
            return False
        note = f"{number}/{len(self._spans)}"
        total = float(span.end_ms - span.start_ms)
        with progress(f"{span} of history ({note})", total, self._console) as bar:

            def told(done: float) -> None:
                bar(done)
                live.set_progress(TASK, round(done / total * 1000), 1000, note)

            shown, day = 0.0, 0
            for message in history(self._school, span.start_ms, span.end_ms):
                if self._stopping.is_set():
                    return False
                collector.offer(message.topic, message.payload)
                if message.observed_at_ms // DAY_MS != day:
                    # A store that is put in order day by day stays small. Its readings came now: kept from now on.
                    day = message.observed_at_ms // DAY_MS
                    self._system.telemetry.maintain(int(time.time() * 1000))
                if time.monotonic() - shown > 0.3:
                    shown = time.monotonic()
                    told(min(message.observed_at_ms - span.start_ms, total) * 0.9)
            while not collector.settled(min(span.end_ms, _final_ms())):
                if self._stopping.wait(0.2):
                    return False
            told(total)
        return True


def _final_ms() -> int:
    """Intervals are final a quarter of an hour later."""
    return int(datetime.now(UTC).timestamp() * 1000) - 16 * 60_000

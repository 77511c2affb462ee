"""The threads of the collector: each calls one step again and again, and a step that fails is a reason for health."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from campus.errors import StoreError

log = logging.getLogger(__name__)

LONGEST_BACKOFF_S = 10.0


class Loops:
    """`problems`: step -> the sentence of its last failure, gone when it works again. `stopping` ends every loop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.problems: dict[str, str] = {}
        self._threads: dict[str, threading.Thread] = {}

    def run(self, name: str, loop: Callable[[], None]) -> None:
        """Run `loop` in a thread; it has to end when `stopping` is set."""
        thread = self._threads[name] = threading.Thread(target=loop, name=name, daemon=True)
        thread.start()

    def repeat(self, name: str, once: Callable[[], Any], every_s: float) -> None:
        """Call `once` every `every_s` seconds in a thread."""
        self.run(name, partial(self.go_on, name, once, every_s))

    def go_on(self, name: str, once: Callable[[], Any], every_s: float, eager: bool = False) -> None:
        """Call `once` again and again until `stopping`, without a pause while it had work if `eager`.

        A failure is tried again with growing pauses.
        """
        backoff = every_s
        while not self.stopping.is_set():
            try:
                worked = once()
                self.problems.pop(name, None)
                backoff = 0 if eager and worked else every_s
            except StoreError as error:
                self.problems[name] = str(error)
                backoff = min(max(backoff, every_s) * 2, LONGEST_BACKOFF_S)
            except Exception as error:
                self.failed(name, error)
                backoff = min(max(backoff, every_s) * 2, LONGEST_BACKOFF_S)
            self.stopping.wait(backoff)

    def failed(self, name: str, error: Exception) -> None:
        """A step failed by a fault of ours; to be called where the error is caught."""
        log.exception("The %s loop failed", name)
        self.problems[name] = f"The collector's {name} step fails ({type(error).__name__}): see its log."

    def wait_for(self, name: str, timeout_s: float) -> None:
        """Until that thread has ended."""
        self._threads[name].join(timeout_s)

    def stop(self, timeout_s: float) -> None:
        self.stopping.set()
        for thread in self._threads.values():
            thread.join(timeout_s)
        self._threads.clear()

    @property
    def whole(self) -> bool:
        """Whether every thread that was started still runs."""
        return all(thread.is_alive() for thread in self._threads.values())

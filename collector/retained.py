"""What the collector keeps retained at the broker: the newest payload of each topic, all again on each connection.

The topics are also written down, before anything is published to them, so that the next run clears those that are
not wanted any more.
"""

import json
import logging
import threading
from collections.abc import Callable, Set
from itertools import islice
from pathlib import Path

from campus.boards.files import replace

log = logging.getLogger(__name__)

PER_TURN = 500  # the link's queue is also that of `committed`


class Retained:
    """`hold()` from any thread, never blocking; `keep()` by one thread; `send()` by the owner of the connection."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._listed = listed(file)
        self._wanted: Set[str] = frozenset()
        self._held: dict[str, bytes] = {}  # b"": to be cleared
        self._pending: dict[str, None] = {}  # in order, each once: only the newest payload counts

    def keep(self, wanted: Set[str]) -> None:
        """These topics and no others: what was published to another, also by an earlier run, is cleared.

        Raises StoreError when the topics cannot be written down: nothing changes then.
        """
        gone = self._listed - wanted
        if self._listed != wanted | gone:
            self._write(wanted | gone)
        with self._lock:
            for topic in gone:
                if self._held.get(topic) != b"":
                    self._held[topic] = b""
                    self._pending[topic] = None
            for topic in wanted - self._wanted:
                self._held.pop(topic, None)
                self._pending.pop(topic, None)
            self._wanted = frozenset(wanted)

    def hold(self, topic: str, payload: bytes, first: bool = False) -> None:
        """What a topic is to hold; nothing if it is not one to keep, or with `first` if it holds something."""
        with self._lock:
            held = self._held.get(topic)
            if topic in self._wanted and held != payload and not (first and held):
                self._held[topic] = payload
                self._pending[topic] = None

    def again(self) -> None:
        """A new connection: the broker may know nothing of it all."""
        with self._lock:
            self._pending = dict.fromkeys(self._held)

    def send(self, publish: Callable[[str, bytes], bool]) -> None:
        """Publish some of what waits; what is not taken waits on."""
        with self._lock:
            for topic in list(islice(self._pending, PER_TURN)):
                if not publish(topic, self._held[topic]):
                    break
                del self._pending[topic]

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def settle(self, sent: bool) -> None:
        """At the end: what was cleared is forgotten, if what was published last has gone out (`sent`)."""
        if sent and self._wanted and not self._pending and self._listed != self._wanted:
            self._write(self._wanted)

    def _write(self, topics: Set[str]) -> None:
        replace(self._file, json.dumps(sorted(topics), indent=0).encode())
        self._listed = frozenset(topics)


def listed(file: Path) -> frozenset[str]:
    """The topics that a file of an earlier run names; none where there is no such file."""
    try:
        topics = json.loads(file.read_bytes())
        # Publishing to a filter would end the connection.
        return frozenset(topic for topic in topics if type(topic) is str and not set(topic) & set("+#\0"))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read, retained messages of earlier runs stay: %s", file, error)
        return frozenset()

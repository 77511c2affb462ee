"""Messages of foreign devices on their way into a batch: best effort, see docs/foreign.md. No I/O."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from campus.telemetry import USABLE, SeriesKey
from campus.wire.errors import WireError
from campus.wire.parsing import check
from campus.wire.server import Topic
from campus.wire.topics import check_id
from collector.batch import Batch, BoardKey, Sighting
from collector.foreign import Heard, decode
from collector.messages import Message

PREFIX = "campus/ext/"
FOREIGN = "foreign"
MAX_DEVICES = 500
"""Of one source, which may be a bridge: each is a board for ever. Counted anew with each start."""
KNOWN = 20_000
INTERVAL_MS = 20 * 60_000
"""They promise no interval, and some tell only what changes: silence means little, and their own last will is heard."""

CheckPoints = Callable[[BoardKey, set[str]], None]
"""Raises WireError for more points than a board may have."""


def subscription(site: str | None = None) -> str:
    """The MQTT filter for foreign devices of one site, or of all."""
    return PREFIX + "#" if site is None else PREFIX + check_id(site) + "/#"


def parse(text: str) -> Topic:
    """The Topic of `campus/ext/{site}/{source}/...`; its leaf is None, see `rest`. Raises WireError."""
    parts = text.split("/", 4)
    check(len(parts) == 5 and parts[4] != "", "topic", text[:200])
    return Topic(check_id(parts[2]), FOREIGN, check_id(parts[3]), None)


class ForeignDevices:
    """`zone_of(site)`: in which a device tells its local time. `is_ours(site, id)`: whether it is that of a board."""

    def __init__(
        self,
        zone_of: Callable[[str], ZoneInfo],
        is_ours: Callable[[str, str], bool],
        check_points: CheckPoints,
    ) -> None:
        self._zone_of, self._is_ours, self._check_points = zone_of, is_ours, check_points
        self._devices: dict[tuple[str, str], set[str]] = {}
        self._last: dict[SeriesKey, int] = {}

    def take(self, message: Message, topic: Topic, batch: Batch, again: bool = False) -> bool:
        """Add what a message tells to `batch`; whether there was anything new. `again`: it was taken once already.

        Raises WireError, and adds nothing then.
        """
        site, source, at_ms = topic.site, topic.name, message.received_at_ms
        rest = message.topic.split("/", 4)[4]
        told = decode(source, rest, message.payload, at_ms, self._zone_of(site))
        devices = self._devices.setdefault((site, source), set())
        known = devices | {each.device for each in told}
        if len(known) > MAX_DEVICES:
            raise WireError("id", f"a source has at most {MAX_DEVICES} devices")
        for each in told:
            check(not self._is_ours(site, each.device), "id", "a board of ours has the id " + each.device)
            self._check_points((site, each.device), {value.point for value in each.readings})
        devices |= known
        new = False
        for each in told:
            # What the broker repeats may be of any age, and most devices tell no time.
            added = not message.retain and self._add((site, each.device), each, message, batch, again)
            if each.availability or (each.readings and not message.retain):
                state, retained = each.availability, message.retain
                batch.sightings.append(
                    Sighting(site, each.device, at_ms, retained, availability=state, interval_ms=INTERVAL_MS)
                )
            new = new or added or bool(each.availability)
        return new

    def _add(self, board: BoardKey, heard: Heard, message: Message, batch: Batch, again: bool) -> bool:
        into, span, before = batch.readings, None, len(batch.readings)
        for point, observed, value, quality in heard.readings:
            key = SeriesKey(*board, point)
            if observed != message.received_at_ms and not again:  # the device told this time
                if self._last.get(key) == observed:
                    continue
                if len(self._last) >= KNOWN:
                    self._last.clear()
                self._last[key] = observed
            into.which.append(len(into.series))
            into.series.append(key)
            into.observed_at_ms.append(observed)
            into.value.append(value)
            into.quality.append(quality)
            if quality in USABLE:
                span = (min(span[0], observed), max(span[1], observed)) if span else (observed, observed)
        if span is not None:
            batch.widen(board, span, message.received_at_ms)
        return len(into) > before

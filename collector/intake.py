"""Messages to a batch: decoded, told apart from what was received before, and what is wrong put aside. No I/O."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from campus.telemetry import Readings
from campus.wire.errors import WireError
from campus.wire.server import (
    Birth,
    Reply,
    Reported,
    Topic,
    decode_availability,
    decode_birth,
    decode_reply,
    decode_reported,
    decode_telemetry,
    parse,
    seqs,
)
from campus.wire.telemetry import Telemetry
from collector.ledger import BootKey, BootLedger, Ledger
from collector.messages import DeadLetter, Kept, Message
from collector.readings import Columns, readings

log = logging.getLogger(__name__)

LATE_MS = 10 * 60_000
"""Observed this long before it was received: rooms may already be derived past it."""
DISORDER, FAULT = "disorder", "fault"
"""Causes of dead letters beside those of the wire contract."""
KNOWN_TOPICS = 10_000
MAX_POINTS = 256
"""Of one board, channels counted: each is a series for ever. Counted anew with each start."""
ANSWER_BYTES = 8192
"""Of a reply or a reported configuration: several times what any board has to say."""
SECRET = ("command", "config/desired")
"""What is told to boards may hold a password: should the collector ever be sent it, it keeps nothing of it."""

BoardKey = tuple[str, str]
"""(site, board)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A board was heard. `retained`: the broker repeated what may be old."""

    site: str
    board: str
    at_ms: int
    retained: bool = False
    birth: Birth | None = None
    boot: str | None = None
    availability: str | None = None
    reply: Reply | None = None
    reported: Reported | None = None


@dataclass(slots=True)
class Batch:
    """What one batch of messages comes to. `spans`: (first, last) observed per board; `late`: of late messages.

    `due`: boots that wait for a `committed`. `changed`: boots whose ledger moved.
    """

    kept: list[Kept] = field(default_factory=list)
    readings: Readings = field(default_factory=Readings)
    sightings: list[Sighting] = field(default_factory=list)
    spans: dict[BoardKey, tuple[int, int]] = field(default_factory=dict)
    late: dict[BoardKey, tuple[int, int]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    changed: dict[BootKey, BootLedger] = field(default_factory=dict)
    due: dict[BootKey, None] = field(default_factory=dict)
    records: int = 0
    duplicates: int = 0
    refused: int = 0


class Intake:
    """Knows what was received before (`ledger`). `unique=False` takes everything as new: only to show that."""

    def __init__(self, ledger: Ledger, unique: bool = True) -> None:
        self.ledger = ledger
        self._unique = unique
        self._topics: dict[str, Topic] = {}
        self._points: dict[BoardKey, set[str]] = {}

    def prepare(self, messages: Sequence[Message]) -> Batch:
        """Decode and settle in order of arrival. Never raises for anything a message holds."""
        batch, heard = Batch(), dict[BoardKey, int]()
        columns: Columns = {}
        for message in messages:
            try:
                topic = self._topic(message.topic)
                if topic.leaf == "telemetry":
                    self._telemetry(message, topic, batch, columns)
                    heard[topic.site, topic.name] = message.received_at_ms
                else:
                    batch.sightings.append(self._lifecycle(message, topic, batch))
                    batch.kept.append(Kept(message))
            except WireError as error:
                self._reject(message, error, batch)
            except Exception:  # a fault of ours: the message is put aside, and the stream goes on
                log.exception("A message on %s could not be taken in", message.topic[:200])
                batch.dead.append(DeadLetter(message.received_at_ms, FAULT, message.topic, message.payload))
        batch.sightings += [Sighting(site, board, at_ms) for (site, board), at_ms in heard.items()]
        return batch

    def replay(self, kept: Iterable[Kept]) -> Batch:
        """The same readings and sightings again from what the journal kept; settles nothing."""
        batch, heard = Batch(), dict[BoardKey, int]()
        columns: Columns = {}
        for message, only in kept:
            try:
                topic = self._topic(message.topic)
                if topic.leaf != "telemetry":
                    batch.sightings.append(self._lifecycle(message, topic))
                    continue
                telemetry = _narrowed(decode_telemetry(message.payload), only)
                boot = self.ledger.boot(BootKey(topic.site, topic.name, telemetry.boot))
                self._read(message, topic, telemetry, boot, batch, columns)
                heard[topic.site, topic.name] = message.received_at_ms
            except Exception:  # an older version took it in, or a fault of ours: it must not hold up the rest
                log.exception("A message on %s in the journal cannot be read any more", message.topic)
        batch.sightings += [Sighting(site, board, at_ms) for (site, board), at_ms in heard.items()]
        return batch

    def _topic(self, text: str) -> Topic:
        topic = self._topics.get(text)
        if topic is None:
            topic = parse(text)
            if topic.kind != "board":
                raise WireError("topic", "not a topic of a board")
            if len(self._topics) >= KNOWN_TOPICS:
                self._topics.clear()
            self._topics[text] = topic
        return topic

    def _telemetry(self, message: Message, topic: Topic, batch: Batch, columns: Columns) -> None:
        telemetry = decode_telemetry(message.payload)
        if (topic.site, topic.name, telemetry.columns) not in columns:
            self._check_points(topic, telemetry)
        key = BootKey(topic.site, topic.name, telemetry.boot)
        boot = self.ledger.boot(key)
        numbers = (
            [telemetry.seq] if len(telemetry.rows) == 1 and not telemetry.rows[0][0] else seqs(telemetry)
        )
        if boot.refused(numbers, telemetry.low):
            batch.refused += 1
            batch.dead.append(DeadLetter(message.received_at_ms, DISORDER, message.topic, message.payload))
            return
        batch.due[key] = None
        if telemetry.low > boot.low:
            batch.changed[key] = boot
        fresh = boot.settle(telemetry.low, numbers)
        if not self._unique:
            fresh = numbers
        batch.duplicates += len(numbers) - len(fresh)
        if not fresh:
            return
        batch.changed[key] = boot
        batch.records += len(fresh)
        only = None
        if len(fresh) < len(numbers):
            only = list(fresh)
            telemetry = _narrowed(telemetry, only)
        if telemetry.clock == "up" and not boot.offset_told:
            # Delays only ever add: the earliest boot time seen is the best estimate.
            estimate = message.received_at_ms - telemetry.ts_ms - telemetry.rows[-1][1]
            boot.offset_ms = estimate if boot.offset_ms is None else min(boot.offset_ms, estimate)
        self._read(message, topic, telemetry, boot, batch, columns)
        batch.kept.append(Kept(message, only))

    def _check_points(self, topic: Topic, telemetry: Telemetry) -> None:
        known = self._points.setdefault((topic.site, topic.name), set())
        new = set(telemetry.columns) - known
        if len(known) + len(new) > MAX_POINTS:
            reason = f"a board has at most {MAX_POINTS} points"
            raise WireError("point", reason, telemetry.boot, seqs(telemetry))
        known |= new

    def _read(
        self,
        message: Message,
        topic: Topic,
        telemetry: Telemetry,
        boot: BootLedger,
        batch: Batch,
        columns: Columns,
    ) -> None:
        site, board, received_at_ms = topic.site, topic.name, message.received_at_ms
        span = readings(
            telemetry, site, board, received_at_ms, boot.offset_ms, boot.offset_told, batch.readings, columns
        )
        if span is not None:
            late = span[0] < received_at_ms - LATE_MS
            _widen(batch.late if late else batch.spans, (site, board), span)

    def _lifecycle(self, message: Message, topic: Topic, batch: Batch | None = None) -> Sighting:
        site, board, at_ms, retained = topic.site, topic.name, message.received_at_ms, message.retain
        if topic.leaf == "birth":
            birth = decode_birth(message.payload)
            if birth.up_offset_ms is not None and batch is not None:
                key = BootKey(site, board, birth.boot)
                boot = batch.changed[key] = self.ledger.boot(key)
                boot.offset_ms, boot.offset_told = birth.up_offset_ms, True
            return Sighting(site, board, at_ms, retained, birth=birth, boot=birth.boot)
        if topic.leaf == "availability":
            told = decode_availability(message.payload)
            return Sighting(site, board, at_ms, retained, boot=told.boot, availability=told.state)
        if topic.leaf == "reply":
            return Sighting(site, board, at_ms, retained, reply=decode_reply(message.payload, ANSWER_BYTES))
        if topic.leaf == "config/reported":
            reported = decode_reported(message.payload, ANSWER_BYTES)
            return Sighting(site, board, at_ms, retained, reported=reported)
        raise WireError("topic", "not a topic that the collector reads")

    def _reject(self, message: Message, error: WireError, batch: Batch) -> None:
        topic = self._topics.get(message.topic)
        payload = b"" if topic is not None and topic.leaf in SECRET else message.payload
        batch.dead.append(DeadLetter(message.received_at_ms, error.cause, message.topic, payload))
        if topic is None or topic.leaf != "telemetry" or error.boot is None or not error.seqs:
            return
        key = BootKey(topic.site, topic.name, error.boot)
        boot = self.ledger.boot(key)
        if not boot.refused(error.seqs):
            boot.settle(0, error.seqs)
            batch.changed[key] = boot
            batch.due[key] = None


def _narrowed(telemetry: Telemetry, only: list[int] | None) -> Telemetry:
    if only is None:
        return telemetry
    wanted = set(only)
    return telemetry._replace(rows=[row for row in telemetry.rows if telemetry.seq + row[0] in wanted])


def _widen(spans: dict[BoardKey, tuple[int, int]], key: BoardKey, span: tuple[int, int]) -> None:
    held = spans.get(key)
    spans[key] = span if held is None else (min(held[0], span[0]), max(held[1], span[1]))

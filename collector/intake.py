"""Messages to a batch: decoded, told apart from what was received before, and what is wrong put aside. No I/O
but for reading again what waited for its boot's time.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from zoneinfo import ZoneInfo

from campus.wire.errors import WireError
from campus.wire.server import (
    Topic,
    decode_availability,
    decode_birth,
    decode_reply,
    decode_reported,
    decode_telemetry,
    is_canary,
    parse,
    seqs,
)
from campus.wire.telemetry import Telemetry
from collector import foreign_devices
from collector.batch import Batch, BoardKey, Sighting
from collector.foreign_devices import FOREIGN, ForeignDevices
from collector.held_clocks import HeldClocks
from collector.ledger import BootKey, Ledger
from collector.limits import FLOOD, NewBoots
from collector.messages import DeadLetter, Kept, Message, Up
from collector.readings import readings
from collector.starts import Starts
from collector.unsynced import Unsynced

log = logging.getLogger(__name__)

DISORDER, FAULT = "disorder", "fault"
"""Causes of dead letters beside those of the wire contract."""
KNOWN_TOPICS = 10_000
MAX_POINTS = 256
"""Of one board, channels counted: each is a series for ever. Counted anew with each start."""
ANSWER_BYTES = 8192
"""Of a reply or a reported configuration: several times what any board has to say."""
SECRET = ("command", "config/desired")
"""What is told to boards may hold a password: should the collector ever be sent it, it keeps nothing of it."""


class Intake:
    """Knows what was received before (`ledger`). `unique=False` takes everything as new: only to show that."""

    def __init__(
        self,
        ledger: Ledger,
        unsynced: Unsynced,
        unique: bool = True,
        zone_of: Callable[[str], ZoneInfo] = lambda site: ZoneInfo("UTC"),
    ) -> None:
        self._unsynced, self._unique = unsynced, unique
        self._topics: dict[str, Topic] = {}
        self._points: dict[BoardKey, set[str]] = {}
        self._new_boots = NewBoots()
        self.clocks = HeldClocks()
        self._zone_of = zone_of
        self.reset(ledger)

    def reset(self, ledger: Ledger) -> None:
        """Begin anew from what is durable, after a batch that failed as a whole."""
        self.ledger = ledger
        self._starts = Starts(ledger, self._unsynced, self._add)
        self._foreign = ForeignDevices(self._zone_of, ledger.knows, self._check_points)

    def prepare(self, messages: Sequence[Message]) -> Batch:
        """Decode and settle in order of arrival. Never raises for anything a message holds."""
        batch, heard = Batch(), dict[BoardKey, int]()
        for message in messages:
            try:
                topic = self._topic(message.topic)
                if topic.leaf == "telemetry":
                    self._telemetry(message, topic, batch)
                    if not message.retain:  # against the contract, and of any age
                        heard[topic.site, topic.name] = message.received_at_ms
                elif topic.kind == FOREIGN:
                    if self._foreign.take(message, topic, batch):
                        batch.kept.append(Kept(message))
                else:
                    batch.sightings.append(self._lifecycle(message, topic, batch))
                    batch.kept.append(Kept(message))
            except WireError as error:
                self._reject(message, error, batch)
            except Exception:  # a fault of ours: the message is put aside, and the stream goes on
                self._put_aside(message, batch)
        if messages:
            self._starts.finish(batch, messages[-1].received_at_ms)
        return self._finished(batch, heard)

    def replay(self, kept: Iterable[Kept]) -> Batch:
        """The same readings and sightings again from what the journal kept; settles nothing."""
        batch, heard = Batch(), dict[BoardKey, int]()
        for each in kept:
            message = each.message
            try:
                topic = self._topic(message.topic)
                if topic.kind == FOREIGN:
                    self._foreign.take(message, topic, batch, again=True)
                    continue
                if topic.leaf != "telemetry":
                    batch.sightings.append(self._lifecycle(message, topic))
                    continue
                self._read_again(each, batch, message.received_at_ms)
                if each.up is None or each.up.was_ms is None:
                    heard[topic.site, topic.name] = message.received_at_ms
            except Exception:  # an older version took it in, or a fault of ours: it must not hold up the rest
                log.exception("A message on %s in the journal cannot be read any more", message.topic)
        return self._finished(batch, heard)

    def _finished(self, batch: Batch, heard: dict[BoardKey, int]) -> Batch:
        batch.sightings += [Sighting(site, board, at_ms) for (site, board), at_ms in heard.items()]
        batch.columns, batch.removed_columns = {}, {}
        return batch

    def _add(self, kept: Kept, batch: Batch, now_ms: int) -> None:
        try:
            self._read_again(kept, batch, now_ms)
            batch.kept.append(kept)
        except Exception:
            self._put_aside(kept.message, batch)

    def _put_aside(self, message: Message, batch: Batch) -> None:
        log.exception("A message on %s could not be taken in", message.topic[:200])
        batch.dead.append(DeadLetter(message.received_at_ms, FAULT, message.topic, message.payload))

    def _topic(self, text: str) -> Topic:
        topic = self._topics.get(text)
        if topic is None:
            topic = foreign_devices.parse(text) if text.startswith(foreign_devices.PREFIX) else parse(text)
            if topic.kind not in ("board", FOREIGN):
                raise WireError("topic", "not a topic of a board")
            if len(self._topics) >= KNOWN_TOPICS:
                self._topics.clear()
            self._topics[text] = topic
        return topic

    def _telemetry(self, message: Message, topic: Topic, batch: Batch) -> None:
        telemetry = decode_telemetry(message.payload)
        if (topic.site, topic.name, telemetry.columns) not in batch.columns:
            try:
                self._check_points((topic.site, topic.name), set(telemetry.columns))
            except WireError as error:
                error.boot, error.seqs = telemetry.boot, seqs(telemetry)
                raise
        key = BootKey(topic.site, topic.name, telemetry.boot)
        boot = self.ledger.known(key)
        if boot is None:
            if not self._knows(key, message):
                batch.refused += 1
                batch.dead.append(DeadLetter(message.received_at_ms, FLOOD, message.topic, message.payload))
                return
            boot = self.ledger.boot(key)
        rows = telemetry.rows
        numbers = [telemetry.seq] if len(rows) == 1 and not rows[0][0] else seqs(telemetry)
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
        if telemetry.clock == "up":
            self._starts.heard(Kept(message, only), telemetry, key, boot, batch)
            return
        received_at_ms = message.received_at_ms
        if telemetry.clock == "hold":
            shift = self.clocks.heard(key, received_at_ms, telemetry.ts_ms + telemetry.rows[-1][1])
            if shift is not None:
                self._add(Kept(message, only, shift), batch, received_at_ms)
                return
        elif self.clocks:
            self.clocks.forget(key)
        span = readings(
            telemetry, topic.site, topic.name, received_at_ms, None, False, batch.readings, batch.columns
        )
        if span is not None:
            batch.widen((topic.site, topic.name), span, received_at_ms)
        batch.kept.append(Kept(message, only))

    def _knows(self, key: BootKey, message: Message) -> bool:
        """Whether a boot is known, or may become so."""
        if key in self.ledger or message.offered:
            return True
        return self._new_boots.may((key.site, key.board), message.received_at_ms)

    def _check_points(self, board: BoardKey, points: set[str]) -> None:
        known = self._points.setdefault(board, set())
        if len(known | points) > MAX_POINTS:
            raise WireError("point", f"a board has at most {MAX_POINTS} points")
        known |= points

    def _read_again(self, kept: Kept, batch: Batch, now_ms: int) -> None:
        """`now_ms`: against which it is late."""
        message, only, up = kept
        site, _, board, _ = self._topic(message.topic)
        telemetry = _narrowed(decode_telemetry(message.payload), only)
        if telemetry.clock == "up" and up is None:  # the journal of an earlier version
            boot = self.ledger.boot(BootKey(site, board, telemetry.boot))
            up = Up(boot.offset_ms or 0, boot.offset_told)
        offset_ms, told, was_ms = up or (None, False, None)
        at_ms = message.received_at_ms
        if was_ms is not None:
            readings(telemetry, site, board, at_ms, was_ms, False, batch.removed, batch.removed_columns)
        span = readings(telemetry, site, board, at_ms, offset_ms, told, batch.readings, batch.columns)
        if span is not None:
            batch.widen((site, board), span, now_ms)

    def _lifecycle(self, message: Message, topic: Topic, batch: Batch | None = None) -> Sighting:
        site, board, at_ms, retained = topic.site, topic.name, message.received_at_ms, message.retain
        if topic.leaf == "birth":
            birth = decode_birth(message.payload)
            key = BootKey(site, board, birth.boot)
            known = batch is not None and key in self.ledger
            if batch is not None and self._knows(key, message):
                self._starts.born(key, birth.up_offset_ms, retained, batch)
            return Sighting(site, board, at_ms, retained, known, birth, birth.boot)
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
        if is_canary(message.topic, message.payload):
            batch.canaries += 1
            return
        topic = self._topics.get(message.topic)
        payload = b"" if topic is not None and topic.leaf in SECRET else message.payload
        batch.dead.append(DeadLetter(message.received_at_ms, error.cause, message.topic, payload))
        if topic is None or topic.leaf != "telemetry" or error.boot is None or not error.seqs:
            return
        key = BootKey(topic.site, topic.name, error.boot)
        if not self._knows(key, message):
            return
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

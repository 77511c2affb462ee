"""The collector as it runs: the pipeline, its connection to the broker, a few thin loops, and its health."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campus.boards.accounts import Accounts
from campus.errors import StoreError
from campus.live import Live
from campus.records import Records
from campus.telemetry import TelemetryStore
from campus.wire.lifecycle import encode_availability
from campus.wire.server import canary_topic, service_topic
from collector.announce import Announcements
from collector.canary import Canary
from collector.claims import Claims
from collector.client import Ticket, Will
from collector.ingest import BATCH, CAPACITY
from collector.journal import JournalError
from collector.link import BrokerLink
from collector.loops import LONGEST_BACKOFF_S, Loops
from collector.messages import Message
from collector.pipeline import Pipeline, now_ms
from collector.sites import filters, left_over, own

log = logging.getLogger(__name__)

NAME = "collector"
LINGER_S = 0.05  # messages wait this long for others, to share one durable write
IDLE_S = 0.05
COMMITTED_CHECK_S = 0.1
PROJECT_EVERY_S = 0.25
DERIVE_EVERY_S = 1.0
CLAIMS_EVERY_S = 1.0
ANNOUNCE_EVERY_S = 5.0
OWNED_EVERY_S = 5.0
LIVE_EVERY_S = 2.0
LISTEN_EVERY_S = 5.0
FOLLOW_EVERY_S = 15.0
TIDY_EVERY_S = 60.0
DISK_EVERY_S = 1.0
NO_SITE = "none"
FLUSH_S = 10.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` means: messages are taken, stored and derived from. Else `reasons` are sentences for people."""

    ready: bool
    reasons: list[str] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)


class CollectorService:
    """Runs from `start()` to `stop()`. `mqtt` None: no broker, only what is offered. Raises CampusError for a bad URL.

    `accounts`: of our own broker; boards that come with a claim code get a password of their own then.
    `discovery`: prefix of messages for Home Assistant; None for none. `sites`: those it takes in, and no others;
    `share`: with others in a shared subscription of that name. `owned` raises StoreError when others have them too.
    `stop()` finishes the batch in hand, tells the boards, writes to the stores what it can within some seconds,
    and leaves the rest in the journal.
    """

    def __init__(
        self,
        mqtt: str | None,
        data: Path,
        records: Records,
        telemetry: TelemetryStore,
        live: Live,
        clock_ms: Callable[[], int] = now_ms,
        capacity: int = CAPACITY,
        accounts: Accounts | None = None,
        discovery: str | None = None,
        sites: Sequence[str] = (),
        share: str | None = None,
        owned: Callable[[], None] | None = None,
        **faults: Any,
    ) -> None:
        records = own(records, sites)
        self._site = next((site.id for site in records.sites()), sites[0] if sites else None)
        self._claims = Claims(accounts, self._publish, clock_ms) if accounts else None
        self.pipeline = Pipeline(
            data, records, telemetry, live, clock_ms,
            acknowledge=self._acknowledge, publish=self._publish,
            capacity=capacity, unique=faults.pop("unique", True), limited=faults.pop("limited", True),
            heard=self._claims.heard if self._claims else lambda sightings: None,
        )  # fmt: skip
        self.collector = self.pipeline.collector
        self.link: BrokerLink | None = None
        here = None
        canary = Canary(canary_topic(self._site or NO_SITE)) if faults.pop("canary", True) else None
        try:
            if mqtt is not None:
                identity = f"{NAME}-{self.pipeline.journal.identity}"
                here = service_topic(self._site, identity if share else NAME) if self._site else None
                wanted = filters(sites, share)
                self.link = BrokerLink(
                    mqtt, f"campus-{identity}", wanted, self._arrived, time.monotonic,
                    capacity, _will(here), lambda: self.collector.room, canary,
                    unwanted=left_over(data / "subscribed.json", wanted), **faults,
                )  # fmt: skip
        except BaseException:
            self.pipeline.close()
            raise
        self.announcements = Announcements(
            data / "retained.json", live, self.pipeline.places, records, here, discovery, clock_ms
        )
        self._loops, self._owned = Loops(), owned
        self._follows = share is None  # of others in a shared subscription we do not hear what they hear
        self._connections = 0

    def start(self) -> None:
        self.collector.threaded = True
        loops, pipeline = self._loops, self.pipeline
        loops.run("ingest", self._ingest)
        loops.run("project", self._project)
        loops.repeat("derive", self._derive, DERIVE_EVERY_S)
        loops.repeat("live", pipeline.tick, LIVE_EVERY_S)
        if self._follows:
            loops.repeat("listen", pipeline.listen, LISTEN_EVERY_S)
            loops.repeat("follow", pipeline.follow, FOLLOW_EVERY_S)
        # Closed days of the store are put in order, which keeps it small.
        loops.repeat("tidy", lambda: pipeline.telemetry.maintain(pipeline.clock_ms()), TIDY_EVERY_S)
        loops.repeat("disk", self._look_at_disk, DISK_EVERY_S)
        if self.link is not None:
            loops.repeat("announce", self.announcements.renew, ANNOUNCE_EVERY_S)
        if self._owned is not None:
            loops.repeat("ownership", self._owned, OWNED_EVERY_S)
        if self._claims is not None:
            loops.repeat("claims", self._claims.tend, CLAIMS_EVERY_S)

    def stop(self) -> None:
        self._loops.stopping.set()
        self._follow_to_the_end()
        self.announcements.close()
        self.pipeline.deriver.halt()
        self._loops.stop(STOP_S)
        self.pipeline.close()

    def _follow_to_the_end(self) -> None:
        try:
            if self._follows:
                self.pipeline.follow()
        except Exception as error:  # it is as if we had not listened since the last time
            log.warning("What was heard of boards in the last seconds is not stored: %s", error)

    def offer(self, topic: str, payload: bytes, received_at_ms: int | None = None) -> None:
        """Hand in a message from this process (history, replay); waits while the queue is full."""
        self.collector.offer(topic, payload, received_at_ms)

    def settled(self, until_ms: int) -> bool:
        """Whether all that was taken in is in the stores, and every measured room is derived through `until_ms`."""
        projector = self.pipeline.projector
        if self.collector.queued or projector.newest > projector.through:
            return False
        return self.pipeline.deriver.settled(until_ms)

    def health(self) -> Health:
        pipeline, collector, link = self.pipeline, self.collector, self.link
        reasons = [] if link is None or link.problem is None else [link.problem]
        reasons += [
            problem for problem in (collector.problem, *list(self._loops.problems.values())) if problem
        ]
        if not self._loops.whole:
            reasons.append("A part of the collector has stopped: restart it, and look at its log.")
        counters: dict[str, Any] = {
            "messages_received": collector.received,
            "records_stored": collector.records,
            "duplicates": collector.duplicates,
            "dead_letters": collector.rejected,
            "limited": collector.limits.refused,
            "limited_topics": collector.limits.limited,
            "refused": collector.refused,
            "queue_dropped": collector.dropped,
            "queued": collector.queued,
            "committed_sent": collector.committed_sent,
            "readings_written": pipeline.projector.readings,
            "batches_behind": max(0, pipeline.projector.newest - pipeline.projector.through),
            "batches_missing": pipeline.projector.missing,
            "journal_bytes_waiting": pipeline.journal.waiting_bytes,
            "records_missing": pipeline.intake.ledger.gaps(),
            "clocks_wrong": len(pipeline.intake.clocks.wrong()),
            "unsynced_let_go": pipeline.journal.unsynced.let_go,
            "room_days_derived": pipeline.deriver.days,
            "connections": link.connections if link else 0,
            "publications_unsent": link.unsent_publications if link else 0,
        }
        return Health(not reasons, list(dict.fromkeys(reasons)), counters)

    # the broker

    def _arrived(self, topic: str, payload: bytes, retain: bool, ticket: Ticket | None) -> bool:
        return self.collector.on_message(Message(topic, payload, self.pipeline.clock_ms(), retain, ticket))

    def _acknowledge(self, tickets: Sequence[Any]) -> None:
        if self.link is not None:
            self.link.acknowledge(tickets)

    def _publish(self, topic: str, payload: bytes) -> bool:
        return self.link is not None and self.link.publish(topic, payload)

    # the loops

    def _ingest(self) -> None:
        collector, clock = self.collector, time.monotonic
        since, retry_at, told_at, backoff = None, 0.0, 0.0, 0.2
        while not self._loops.stopping.is_set():
            since = None if not collector.queued else since or clock()
            idle = since is None or retry_at > clock()
            self._turn(IDLE_S if idle or since is None else max(0.0, min(IDLE_S, since + LINGER_S - clock())))
            now = clock()
            ready = collector.queued >= BATCH or (since is not None and now - since >= LINGER_S)
            if ready and now >= retry_at:
                try:
                    collector.ingest()
                    since, backoff = None, 0.2
                    self._loops.problems.pop("ingest", None)
                except JournalError as error:
                    log.warning("%s", error)
                    retry_at, backoff = now + backoff, min(backoff * 2, LONGEST_BACKOFF_S)
                except Exception as error:
                    self._loops.failed("ingest", error)
                    retry_at = now + LONGEST_BACKOFF_S
            if now - told_at >= COMMITTED_CHECK_S:
                told_at = now
                collector.tell_committed()
        self._finish()

    def _turn(self, wait_s: float) -> None:
        link = self.link
        if link is None:
            self._loops.stopping.wait(wait_s)
            return
        link.turn(wait_s)
        boards = self.pipeline.boards
        if not link.connected:
            boards.listening_ms = None
        elif boards.listening_ms is None or link.connections != self._connections:
            self._connections = link.connections
            self.collector.limits.lenient = True
            boards.listening_ms = self.pipeline.clock_ms()
            self.announcements.retained.again()
        if link.connected:
            self.announcements.retained.send(lambda topic, payload: link.publish(topic, payload, retain=True))

    def _finish(self) -> None:
        """What is in the queue becomes durable and acknowledged; then goodbye."""
        try:
            self.collector.close()
            while self.collector.ingest():
                pass
            self.collector.tell_committed()
            self._turn(0)
            if self.link is not None and self.link.connected:
                self.link.turn(0)  # what that turn published
                self.announcements.retained.settle(self.link.connected)
        except StoreError as error:
            log.warning("Stopping with messages unacknowledged, the broker keeps them: %s", error)
        except Exception:
            log.exception("Stopping with messages unacknowledged, the broker keeps them")
        if self.link is not None:
            self.link.close()

    def _project(self) -> None:
        projector = self.pipeline.projector
        # Not at once again while little waits: a commit of the store costs as much for a thousand readings as for ten.
        self._loops.go_on(
            "project", lambda: projector.project() and projector.pressed, PROJECT_EVERY_S, eager=True
        )
        self._loops.wait_for("ingest", FLUSH_S)
        until = time.monotonic() + FLUSH_S
        try:
            while time.monotonic() < until and self.pipeline.projector.project():
                pass
        except StoreError as error:
            log.warning("Stopping with batches left in the journal: %s", error)

    def _derive(self) -> None:
        self.pipeline.places.keep_fresh()
        self.pipeline.deriver.derive(patient=True)

    def _look_at_disk(self) -> None:
        """A full disk is told before a message meets it."""
        if problem := self.pipeline.journal.short_of_space():
            raise StoreError(problem)


def _will(topic: str | None) -> Will | None:
    if topic is None:
        return None
    boot = secrets.token_hex(8)
    alive, lost, bye = (encode_availability(boot, state) for state in ("online", "lost", "offline"))
    return Will(topic, alive, lost, bye)

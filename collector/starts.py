"""When boots started whose clocks count from there: estimated, until their board tells it."""

import logging
from collections.abc import Callable

from campus.errors import StoreError
from campus.wire.telemetry import Telemetry
from collector.batch import Batch, BoardKey
from collector.ledger import BootKey, BootLedger, Ledger
from collector.messages import Kept, Up
from collector.unsynced import Unsynced

log = logging.getLogger(__name__)

AGAIN_BYTES = 1024**2
"""Of messages taken again in one batch, for their boot's time is told now; more of them come with the next batches."""


class Starts:
    """`add(kept, batch, now_ms)` makes readings of a message whose `up` says when its boot started."""

    def __init__(self, ledger: Ledger, unsynced: Unsynced, add: Callable[[Kept, Batch, int], None]) -> None:
        self._ledger, self._unsynced, self._add = ledger, unsynced, add
        self._born: dict[BoardKey, str] = {}  # the latest boot of boards that have started since we did
        self._told = {  # boots whose time is told, of which messages are still to be taken again
            key: offset_ms
            for key in unsynced.boots_kept()
            if (offset_ms := ledger.boot(key).offset_ms) is not None and ledger.boot(key).offset_told
        }

    def heard(self, kept: Kept, telemetry: Telemetry, key: BootKey, boot: BootLedger, batch: Batch) -> None:
        """A message with new records, `telemetry`, whose clock counts from its boot."""
        received_at_ms = kept.message.received_at_ms
        if boot.offset_told and boot.offset_ms is not None:
            self._add(kept._replace(up=Up(boot.offset_ms, True)), batch, received_at_ms)
            return
        # Delays only ever add: the earliest boot time seen is the best estimate.
        estimate = received_at_ms - telemetry.ts_ms - telemetry.rows[-1][1]
        boot.offset_ms = estimate if boot.offset_ms is None else min(boot.offset_ms, estimate)
        # Read at the end, when the batch has told all that it can.
        batch.unsynced.kept.setdefault(key, []).append(kept)

    def born(self, key: BootKey, offset_ms: int | None, retained: bool, batch: Batch) -> None:
        """A birth was heard, which perhaps tells the Unix ms of the boot."""
        site, board, name = key
        if key not in self._ledger and not retained:  # one heard before may be an earlier boot's, sent again
            self._born[site, board] = name
            batch.changed[key] = self._ledger.boot(key)
            others = (BootKey(site, board, other) for other in self._unsynced.boots(site, board))
            batch.unsynced.gone.update(other for other in others if other not in self._told)
        if offset_ms is None:
            return
        boot = batch.changed[key] = self._ledger.boot(key)
        boot.offset_ms, boot.offset_told = offset_ms, True
        for each in batch.unsynced.kept.pop(key, ()):
            self._add(each._replace(up=Up(offset_ms, True)), batch, each.message.received_at_ms)
        if name in self._unsynced.boots(site, board) and key not in batch.unsynced.gone:
            self._told.setdefault(key, offset_ms)

    def finish(self, batch: Batch, now_ms: int) -> None:
        """At the end of a batch: what it did not tell is estimated, and what it told is taken again."""
        for key, messages in list(batch.unsynced.kept.items()):
            up = Up(self._ledger.boot(key).offset_ms or 0, False)
            kept = batch.unsynced.kept[key] = [each._replace(up=up) for each in messages]
            for each in kept:
                self._add(each, batch, each.message.received_at_ms)
            if self._born.get((key.site, key.board), key.boot) != key.boot:
                del batch.unsynced.kept[key]  # of an earlier boot, which will not tell any more
        size = 0
        while self._told and size < AGAIN_BYTES:
            key, offset_ms = next(iter(self._told.items()))
            try:
                held = self._unsynced.read(key)
            except StoreError:
                log.exception("What waits for the time of %s comes with a later batch", "/".join(key))
                return
            except Exception:  # damaged: it stays at the estimate, and holds up nothing
                log.exception("What waited for the time of %s cannot be read", "/".join(key))
                held = []
            for each in held:
                was_ms = each.up.offset_ms if each.up is not None else offset_ms
                self._add(each._replace(up=Up(offset_ms, True, was_ms)), batch, now_ms)
                size += len(each.message.payload)
            del self._told[key]
            batch.unsynced.gone.add(key)

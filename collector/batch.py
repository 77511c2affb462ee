"""What a batch of messages comes to, on its way from the intake to the journal and the stores."""

from dataclasses import dataclass, field

from campus.telemetry import Readings
from campus.wire.server import Birth, Reply, Reported
from collector.ledger import BootKey, BootLedger
from collector.messages import DeadLetter, Kept
from collector.readings import Columns
from collector.unsynced import Change

LATE_MS = 10 * 60_000
"""Observed this long before it was received: rooms may already be derived past it."""
BoardKey = tuple[str, str]
"""(site, board)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A board was heard. `retained`: the broker repeated what may be old; `known`: of a boot heard before;
    `interval_ms`: it can be expected so often, where no birth says it."""

    site: str
    board: str
    at_ms: int
    retained: bool = False
    known: bool = False
    birth: Birth | None = None
    boot: str | None = None
    availability: str | None = None
    reply: Reply | None = None
    reported: Reported | None = None
    interval_ms: int | None = None


@dataclass(slots=True)
class Batch:
    """What one batch of messages comes to. `spans`: (first, last) observed per board; `late`: of late messages.

    `due`: boots that wait for a `committed`. `changed`: boots whose ledger moved. `removed`: readings of earlier
    batches that are among `readings` again, at the time that is told now. `columns` and `removed_columns` belong to
    the readings while they are made.
    """

    kept: list[Kept] = field(default_factory=list)
    readings: Readings = field(default_factory=Readings)
    removed: Readings = field(default_factory=Readings)
    columns: Columns = field(default_factory=dict)
    removed_columns: Columns = field(default_factory=dict)
    unsynced: Change = field(default_factory=Change)
    sightings: list[Sighting] = field(default_factory=list)
    spans: dict[BoardKey, tuple[int, int]] = field(default_factory=dict)
    late: dict[BoardKey, tuple[int, int]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    changed: dict[BootKey, BootLedger] = field(default_factory=dict)
    due: dict[BootKey, None] = field(default_factory=dict)
    records: int = 0
    duplicates: int = 0
    refused: int = 0
    canaries: int = 0

    def widen(self, board: BoardKey, span: tuple[int, int], now_ms: int) -> None:
        """Readings of [first, last] of a board are in it; whether they are late is told by `now_ms`."""
        spans = self.late if span[0] < now_ms - LATE_MS else self.spans
        held = spans.get(board)
        if held is None:
            spans[board] = span
        elif span[0] < held[0] or span[1] > held[1]:
            spans[board] = min(held[0], span[0]), max(held[1], span[1])

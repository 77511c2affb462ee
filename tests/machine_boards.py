"""The boards of test_collector_machine.py: what they made and keep, and the messages they send of it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from campus.wire.lifecycle import encode_birth
from campus.wire.telemetry import Telemetry, encode
from collector.ledger import BootKey

SITE, BOARDS, CAPACITY = "school", ("board-1", "board-2"), 8
COLUMNS = ["co2_ppm", "uptime_s", "motion"]  # the first two are unique to a record


class Record(NamedTuple):
    board: str
    boot: str
    seq: int
    at_ms: int
    value: int


class Packet(NamedTuple):
    """On its way: telemetry, with `low` as it was when it was made, or a birth that may tell the time of its boot."""

    boot: BootKey
    payload: bytes
    leaf: str = "telemetry"
    low: int = 0
    records: tuple[Record, ...] = ()
    tells: bool = False


@dataclass
class Board:
    """Follows the contract: keeps each record until it is committed, or until its memory is full."""

    name: str
    starts: int = 0
    kept: dict[tuple[str, int], Record] = field(default_factory=dict)
    next_seq: dict[str, int] = field(default_factory=dict)
    started_ms: dict[str, int | None] = field(default_factory=dict)  # of boots whose clock was never set

    def start(self, at_ms: int, synced: bool) -> None:
        self.starts += 1
        self.next_seq[self.boot] = 0
        self.started_ms[self.boot] = None if synced else at_ms

    @property
    def boot(self) -> str:
        return f"{BOARDS.index(self.name):08x}{self.starts:08x}"

    def low(self, boot: str) -> int:
        return min((seq for at, seq in self.kept if at == boot), default=self.next_seq[boot])

    def boots(self) -> list[str]:
        return list(dict.fromkeys(boot for boot, _ in self.kept))

    def packet(self, boot: str, picks: int = -1) -> Packet | None:
        """A message of the kept records of one boot whose bits in `picks` are set."""
        kept = [record for (at, _), record in sorted(self.kept.items()) if at == boot]
        chosen = tuple(record for bit, record in enumerate(kept) if picks >> bit & 1)
        if not chosen:
            return None
        first, low = chosen[0], self.low(boot)
        rows = [[r.seq - first.seq, r.at_ms - first.at_ms, r.value, r.value, r.seq % 2] for r in chosen]
        started_ms = self.started_ms[boot]
        clock, at_ms = ("ntp", first.at_ms) if started_ms is None else ("up", first.at_ms - started_ms)
        payload = encode(Telemetry(boot, first.seq, low, at_ms, clock, COLUMNS, rows, None))
        return Packet(BootKey(SITE, self.name, boot), payload, low=low, records=chosen)

    def birth(self, tells: bool) -> Packet:
        offset_ms = self.started_ms[self.boot] if tells else None
        payload = encode_birth(self.boot, "1", "esp32", "power_on", "hold", {}, up_offset_ms=offset_ms)
        return Packet(BootKey(SITE, self.name, self.boot), payload, "birth", tells=offset_ms is not None)

    def free(self, told) -> list[Record]:
        """Let go of what `committed` covers."""
        covered = [
            key
            for key in self.kept
            if key[0] == told.boot
            and (key[1] <= told.seq or any(first <= key[1] <= last for first, last in told.also))
        ]
        return [self.kept.pop(key) for key in covered]

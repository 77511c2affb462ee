"""Which records are settled: stored, or rejected for good. Pure; the journal makes it durable.

A record is (site, board, boot, seq). Ranges hold both ends. See `committed` in the wire contract.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_RANGES = 512
"""Ranges kept per boot. Records that would need more are refused and stay on their board."""


class BootKey(NamedTuple):
    site: str
    board: str
    boot: str


@dataclass(slots=True)
class BootLedger:
    """One boot of one board. `ranges` are rising, disjoint and never touch; `low` is the highest told.

    `offset_ms`: Unix ms of the boot where its clock was never set (told by a birth, or else estimated).
    """

    low: int = 0
    ranges: list[list[int]] = field(default_factory=list)
    offset_ms: int | None = None
    offset_told: bool = False
    closed: int = 0  # seqs under low that were given up as gaps to keep the ranges few

    def settle(self, low: int, seqs: Sequence[int]) -> Sequence[int]:
        """Mark rising `seqs` and return those that are new. Some may be refused: ask `refused` before."""
        if low > self.low:
            self.low = low
        ranges = self.ranges
        first, last = seqs[0], seqs[-1]
        unbroken = last - first + 1 == len(seqs)
        if unbroken and ranges and ranges[-1][1] + 1 == first:  # the next in order: nearly every message
            ranges[-1][1] = last
            return seqs
        if unbroken and (not ranges or ranges[-1][1] < first):
            ranges.append([first, last])
            self._shorten()
            return seqs
        fresh = [seq for seq in seqs if self._add(seq)]
        self._shorten()
        return fresh

    def refused(self, seqs: Sequence[int], low: int = 0) -> bool:
        """Whether these rising seqs, told with `low`, are far out of order and there is no room to remember them.

        There is room where holes lie under low: `settle` gives them up, so that a boot never comes to a standstill.
        """
        if len(self.ranges) < MAX_RANGES:
            return False
        holes = bisect_right(self.ranges, max(low, self.low), key=_start) - 1
        room = MAX_RANGES - len(self.ranges) + max(0, holes)
        before = -2
        for seq in seqs:
            if seq != before + 1 and not self.holds(seq) and not self._touches(seq):
                room -= 1
            before = seq
        return room < 0 and any(not self.holds(seq) and not self._touches(seq) for seq in seqs)

    def holds(self, seq: int) -> bool:
        at = bisect_right(self.ranges, seq, key=_start) - 1
        return at >= 0 and seq <= self.ranges[at][1]

    def committed(self) -> tuple[int, list[tuple[int, int]]]:
        """(N, also): all of low..N is settled (N = low - 1: nothing from low on), `also` are the ranges above N."""
        at = bisect_right(self.ranges, self.low, key=_start) - 1
        through = self.low - 1
        if at >= 0 and self.ranges[at][1] >= self.low:
            through = self.ranges[at][1]
        above = [(start, end) for start, end in self.ranges[at + 1 :] if start > through]
        return through, above

    def gaps(self) -> int:
        """How many records under `low` were never received; the board no longer has them."""
        below = 0
        for start, end in self.ranges:
            if start >= self.low:
                break
            below += min(end, self.low - 1) - start + 1
        return self.low - below + self.closed

    def _add(self, seq: int) -> bool:
        ranges = self.ranges
        at = bisect_right(ranges, seq, key=_start) - 1
        if at >= 0 and seq <= ranges[at][1]:
            return False
        after_left = at >= 0 and ranges[at][1] + 1 == seq
        before_right = at + 1 < len(ranges) and ranges[at + 1][0] == seq + 1
        if after_left and before_right:
            ranges[at][1] = ranges[at + 1][1]
            del ranges[at + 1]
        elif after_left:
            ranges[at][1] = seq
        elif before_right:
            ranges[at + 1][0] = seq
        else:
            ranges.insert(at + 1, [seq, seq])
        return True

    def _touches(self, seq: int) -> bool:
        return self.holds(seq - 1) or self.holds(seq + 1)

    def _shorten(self) -> None:
        """Over the limit, give up the oldest holes under `low`: their records are gone from the board."""
        while len(self.ranges) > MAX_RANGES and self.ranges[1][0] <= self.low:
            self.closed += self.ranges[1][0] - self.ranges[0][1] - 1
            self.ranges[0][1] = self.ranges[1][1]
            del self.ranges[1]


def _start(entry: list[int]) -> int:
    return entry[0]


class Ledger:
    """All boots ever heard."""

    def __init__(self, boots: Iterable[tuple[BootKey, BootLedger]] = ()) -> None:
        self._boots = dict(boots)
        self._boards = {(key.site, key.board) for key in self._boots}

    def knows(self, site: str, board: str) -> bool:
        """Whether any boot of the board was ever heard."""
        return (site, board) in self._boards

    def boot(self, key: BootKey) -> BootLedger:
        """The ledger of a boot; a new one if it was never heard."""
        found = self._boots.get(key)
        if found is None:
            found = self._boots[key] = BootLedger()
            self._boards.add((key.site, key.board))
        return found

    def known(self, key: BootKey) -> BootLedger | None:
        """The ledger of a boot that was heard before."""
        return self._boots.get(key)

    def __contains__(self, key: BootKey) -> bool:
        """Whether the boot was ever heard."""
        return key in self._boots

    def settle(self, site: str, board: str, boot: str, low: int, seqs: Sequence[int]) -> Sequence[int]:
        """Mark records as settled; returns those that were not before."""
        return self.boot(BootKey(site, board, boot)).settle(low, seqs)

    def committed(self, site: str, board: str, boot: str) -> tuple[int, list[tuple[int, int]]]:
        """What to tell the board: see BootLedger.committed."""
        return self.boot(BootKey(site, board, boot)).committed()

    def __iter__(self) -> Iterator[tuple[BootKey, BootLedger]]:
        return iter(list(self._boots.items()))

    def __len__(self) -> int:
        return len(self._boots)

    def gaps(self) -> int:
        return sum(boot.gaps() for boot in list(self._boots.values()))

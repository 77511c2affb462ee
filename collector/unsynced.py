"""Messages of boots whose clock was never set, kept in the journal until their board tells when it started.

Until then their readings stand at an estimated time. Once it is told, they are taken again from here.
"""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from collector.journal_file import JournalFile
from collector.ledger import BootKey
from collector.messages import Kept, pack, packed_count, unpack

BOOT_BYTES = 1024**2
"""Of one boot: days of a board."""
ALL_BYTES = 64 * 1024**2


@dataclass(slots=True)
class Change:
    """What a batch changes: messages to keep beside those that are, and boots whose messages are done with."""

    kept: dict[BootKey, list[Kept]] = field(default_factory=dict)
    gone: set[BootKey] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.kept or self.gone)


@dataclass(slots=True)
class Applied:
    """What a change comes to, once it is committed: bytes by boot, and how many messages had to be let go."""

    sizes: dict[BootKey, int] = field(default_factory=dict)
    let_go: int = 0


class Unsynced:
    """The journal's table of them. Bounded: the oldest are let go, and stay at the time that was estimated."""

    def __init__(self, file: JournalFile, boot_bytes: int = BOOT_BYTES, all_bytes: int = ALL_BYTES) -> None:
        self._file = file
        self._boot_bytes, self._all_bytes = boot_bytes, all_bytes
        self._sizes: dict[tuple[str, str], dict[str, int]] = {}
        self._held = 0
        self.let_go = 0  # messages, since the start, for want of room
        with file.reading() as db:
            query = "SELECT site, board, boot, sum(length(messages)) FROM unsynced GROUP BY site, board, boot"
            found = {BootKey(*row[:3]): int(row[3]) for row in db.execute(query)}
        self.settle(Applied(found))

    def boots(self, site: str, board: str) -> Collection[str]:
        """Boots of a board of which something is kept."""
        return self._sizes.get((site, board), {})

    def boots_kept(self) -> list[BootKey]:
        """Every boot of which something is kept."""
        return [BootKey(*board, boot) for board, boots in self._sizes.items() for boot in boots]

    def read(self, key: BootKey) -> list[Kept]:
        """What is kept of a boot, in the order it came. Raises StoreError."""
        with self._file.reading() as db:
            query = "SELECT messages FROM unsynced WHERE site = ? AND board = ? AND boot = ? ORDER BY id"
            blobs = [row[0] for row in db.execute(query, key)]
        return [each for blob in blobs for each in unpack(blob)]

    def apply(self, db: sqlite3.Connection, change: Change) -> Applied:
        """Within the transaction of the batch; `settle` what it returns once that is committed."""
        applied = Applied(dict.fromkeys(change.gone, 0))
        db.executemany("DELETE FROM unsynced WHERE site = ? AND board = ? AND boot = ?", change.gone)
        for key, kept in change.kept.items():
            blob = pack(kept)
            db.execute("INSERT INTO unsynced (site, board, boot, messages) VALUES (?, ?, ?, ?)", (*key, blob))
            applied.sizes[key] = applied.sizes.get(key, self._size(key)) + len(blob)
            if applied.sizes[key] > self._boot_bytes:
                surplus = applied.sizes[key] - self._boot_bytes * 9 // 10  # not again with each batch
                self._let_go(db, "site = ? AND board = ? AND boot = ?", key, surplus, applied)
        held = self._held + sum(size - self._size(key) for key, size in applied.sizes.items())
        if held > self._all_bytes:
            self._let_go(db, "TRUE", (), held - self._all_bytes * 9 // 10, applied)
        return applied

    def settle(self, applied: Applied) -> None:
        """A change was committed."""
        for key, size in applied.sizes.items():
            boots = self._sizes.setdefault((key.site, key.board), {})
            self._held += size - boots.pop(key.boot, 0)
            if size > 0:
                boots[key.boot] = size
            if not boots:
                del self._sizes[key.site, key.board]
        self.let_go += applied.let_go

    def _let_go(
        self, db: sqlite3.Connection, where: str, values: Sequence[str], surplus: int, applied: Applied
    ) -> None:
        """Delete the oldest rows until `surplus` bytes are gone."""
        query = (
            "SELECT id, site, board, boot, length(messages), substr(messages, 1, 8) "  # noqa: S608
            f"FROM unsynced WHERE {where} ORDER BY id"
        )
        ids = []
        for id, site, board, boot, size, head in db.execute(query, values):
            if surplus <= 0:
                break
            key = BootKey(site, board, boot)
            ids.append((id,))
            surplus -= size
            applied.sizes[key] = applied.sizes.get(key, self._size(key)) - size
            applied.let_go += packed_count(head)
        db.executemany("DELETE FROM unsynced WHERE id = ?", ids)

    def _size(self, key: BootKey) -> int:
        return self._sizes.get((key.site, key.board), {}).get(key.boot, 0)

"""Dead letters in the journal's file: the newest of what was rejected, and how many there ever were, by cause."""

import sqlite3
from collections.abc import Mapping, Sequence

from collector.messages import DeadLetter

MAX_DEAD_LETTERS = 1_000
DEAD_LETTER_BYTES = 2_048


def bury(db: sqlite3.Connection, letters: Sequence[DeadLetter], uncounted: Mapping[str, int]) -> None:
    """Keep the newest of `letters`; `uncounted`: how many more there were of a cause, of which nothing is kept."""
    counts = dict(uncounted)
    for letter in letters:
        counts[letter.cause] = counts.get(letter.cause, 0) + 1
    db.executemany(
        "INSERT INTO dead_counts VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        counts.items(),
    )
    db.executemany(
        "INSERT INTO dead_letters (received_at_ms, cause, topic, payload) VALUES (?, ?, ?, ?)",
        [
            (e.received_at_ms, e.cause, _text(e.topic)[:512], e.payload[:DEAD_LETTER_BYTES])
            for e in letters[-MAX_DEAD_LETTERS:]
        ],
    )
    db.execute(
        "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?", (MAX_DEAD_LETTERS,)
    )


def newest(db: sqlite3.Connection, limit: int, cause: str | None = None) -> list[DeadLetter]:
    """The newest first; of one cause, or of all."""
    rows = db.execute(
        "SELECT received_at_ms, cause, topic, payload FROM dead_letters WHERE cause = ?1 OR ?1 IS NULL "
        "ORDER BY id DESC LIMIT ?2",
        (cause, limit),
    )
    return [DeadLetter(*row) for row in rows]


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many were ever rejected, by cause."""
    return dict(db.execute("SELECT cause, count FROM dead_counts ORDER BY cause").fetchall())


def _text(topic: str) -> str:
    return topic.encode("utf-8", "replace").decode()

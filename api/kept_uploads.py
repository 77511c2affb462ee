"""Files that a person has sent and still looks at: kept in memory, few of them, and not for long."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Upload:
    """A timetable file with what was said beside it: `session` None: as the file says; `valid_to` None: open."""

    site: str
    person: str
    name: str
    content: bytes
    session: str | None
    valid_from: date
    valid_to: date | None


class KeptUploads:
    """At most OF_ONE of a person, MOST of all and MOST_BYTES together, each for KEPT. The oldest goes first."""

    OF_ONE, MOST, MOST_BYTES, KEPT = 3, 24, 40_000_000, timedelta(minutes=30)

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[datetime, Upload]] = {}  # the oldest first

    def keep(self, upload: Upload) -> str:
        """A name for it that cannot be guessed."""
        token = secrets.token_urlsafe(18)
        with self._lock:
            self._forget_old()
            own = [key for key, (_, one) in self._kept.items() if one.person == upload.person]
            for key in own[: max(0, len(own) - self.OF_ONE + 1)]:
                del self._kept[key]
            while self._kept and self._is_full(len(upload.content)):
                del self._kept[next(iter(self._kept))]
            self._kept[token] = (self._now(), upload)
        return token

    def get(self, token: str, person: str, site: str) -> Upload | None:
        """What this person sent for this site; None: it was never there, or is not any more."""
        with self._lock:
            self._forget_old()
            found = self._kept.get(token)
        if found is None or (found[1].person, found[1].site) != (person, site):
            return None
        return found[1]

    def drop(self, token: str) -> None:
        with self._lock:
            self._kept.pop(token, None)

    def _is_full(self, size: int) -> bool:
        held = sum(len(one.content) for _, one in self._kept.values())
        return len(self._kept) >= self.MOST or held + size > self.MOST_BYTES

    def _forget_old(self) -> None:
        oldest = self._now() - self.KEPT
        for token in [token for token, (at, _) in self._kept.items() if at <= oldest]:
            del self._kept[token]

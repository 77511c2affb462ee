"""The part of `Records` about connectivity: what was heard of boards, why they were lost, their days."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from campus.indicators import LinkDay
from campus.indicators.sums import LinkSums
from campus.inference import Stretch
from campus.inference.incidents import Incident
from campus.records import incidents, links
from campus.records.database import Database
from campus.records.incidents import StoredIncident
from campus.records.links import BoardKey, BoardStart, Followed, Heard, Thing
from campus.records.paging import Page


class LinkedRecords:
    """Every method is one transaction. Availability: states ONLINE, LOST, OFFLINE, SLEEPING, UNKNOWN."""

    _database: Database
    _now: Callable[[], datetime]

    def store_heard(self, heard: Heard) -> None:
        """Store what one turn of the collector came to; the same again changes nothing."""
        with self._database.write() as session:
            links.store(session, heard)

    def followed(self, site: str | None = None) -> dict[BoardKey, Followed]:
        """(site, board) -> as it is followed, of every board that was heard."""
        with self._database.read() as session:
            return links.followed(session, site)

    def listened(self, site: str, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """When our collector listened, [start_ms, end_ms) each, of all that reaches into the range; not clipped."""
        with self._database.read() as session:
            return links.listened(session, site, start_ms, end_ms)

    def listened_until(self, site: str) -> int | None:
        """The end of the last time in which our collector listened; None: it never did."""
        with self._database.read() as session:
            return links.listened_until(session, site)

    def availability(self, site: str, board: str, start_ms: int, end_ms: int) -> list[Stretch]:
        """A board's states clipped to [start_ms, end_ms), ascending, also what goes on as far as we listened.

        Its last minutes may still change: a loss begins when the board was last heard.
        """
        with self._database.read() as session:
            return links.availability(session, site, board, start_ms, end_ms)

    def link_history(self, site: str, boards: Iterable[str], since_ms: int) -> dict[str, list[Stretch]]:
        """board -> its states that are over and reach past `since_ms`, whole, and before them the loss they go on."""
        with self._database.read() as session:
            return links.history(session, site, boards, since_ms)

    def board_starts(self, site: str, since_ms: int) -> dict[str, list[BoardStart]]:
        """board -> its starts since then, ascending, and the last one before."""
        with self._database.read() as session:
            return links.starts(session, site, since_ms)

    def forget_heard_after(self, site: str, at_ms: int) -> None:
        """The clock was ahead: take away all connectivity that is later than `at_ms`, and what is followed."""
        with self._database.write() as session:
            links.forget_after(session, site, at_ms)

    def incidents(
        self,
        site: str,
        start_ms: int,
        end_ms: int,
        cause: str | None = None,
        page: Page | None = None,
    ) -> list[StoredIncident]:
        """Incidents that reach into [start_ms, end_ms), by start, or a page; one that goes on has no end."""
        with self._database.read() as session:
            return incidents.read(session, site, start_ms, end_ms, cause, page)

    def incident(self, site: str, number: int) -> StoredIncident:
        """Raises NotFound."""
        with self._database.read() as session:
            return incidents.one(session, site, number)

    def store_incidents(
        self, site: str, since_ms: int, found: Sequence[Incident], together_ms: int = 0
    ) -> None:
        """Put `found` in place of the incidents that begin at or after `since_ms`, and over the same ones from before.

        An incident keeps its number while begin and first board stay; else where a board is in both and they begin
        within `together_ms`.
        """
        with self._database.write() as session:
            incidents.store(session, site, since_ms, found, together_ms)

    def link_days(self, site: str, dates: Sequence[date]) -> dict[Thing, LinkSums]:
        """(kind, id, date) -> sums of a board or room on these local dates."""
        with self._database.read() as session:
            return links.days(session, site, dates)

    def store_link_days(self, site: str, days: Sequence[LinkDay], gone: Sequence[Thing] = ()) -> None:
        """Store days of boards and rooms, and take away those of `gone`; in a closed month that is an amendment."""
        with self._database.write() as session:
            links.store_days(session, site, days, gone, self._now())

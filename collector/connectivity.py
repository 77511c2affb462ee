"""From what is heard of boards to stored availability, incidents by cause, and days of boards and rooms.

The method: docs/connectivity.md.
"""

import logging
import statistics
import threading
from dataclasses import dataclass, field

from campus.inference import ONLINE, Stretch
from campus.inference.connectivity import INTERVALS, LIMIT_MS, Availability
from campus.inference.grouping import TOGETHER_MS
from campus.records import Records
from campus.records.links import BoardStart, Followed, Heard
from collector.batch import BoardKey, Sighting
from collector.link_sites import LinkSites, Now
from collector.places import Places
from collector.readings import EARLIEST_MS

log = logging.getLogger(__name__)

GAP_MS = 30_000
"""Between two looks further apart nobody listened: shorter than any silence that is missed."""
BEHIND_MS = 6 * 3_600_000
"""A clock that was set back stands still here until it has caught up, as that of a computer does that starts with an
old time. Behind for longer, it was ahead before: what was said of later is taken away."""
_FOR_EVER_MS = 2**62


@dataclass(slots=True)
class _Board:
    link: Availability
    mark: tuple[str, int | None]  # its state since when, as `finished` has it
    boot: str | None = None
    access_point: str | None = None
    limit_ms: int = LIMIT_MS
    finished: list[Stretch] = field(default_factory=list)  # and not stored yet
    heard: bool = False  # since time went on last


class Connectivity:
    """`saw` is called by any thread and never waits for a store; `listen` by any; `turn` by one.

    Call `listen` at least every GAP_MS, also where the store is away: what it is not called for, nobody listened.
    """

    def __init__(self, records: Records, places: Places) -> None:
        self._records, self._places = records, places
        self._lock = threading.RLock()  # of all that follows
        self._inbox_lock = threading.Lock()
        self._inbox: dict[BoardKey, list[tuple[Sighting, int]]] = {}
        self._boards: dict[BoardKey, _Board] = {}
        self._of_site: dict[str, dict[str, _Board]] = {}
        self._sites = LinkSites(records, places)
        self._dirty: dict[BoardKey, None] = {}
        self._starts: list[tuple[BoardKey, BoardStart]] = []
        self._listened: list[tuple[int, int]] = []  # not stored yet; the last one goes on
        self._until_ms: int | None = None
        self._look_ms: int | None = None
        self._behind_since_ms: int | None = None
        self._stored_ms: int | None = None  # listened, as stored
        self._ahead: int | None = None  # what is later than this has to be forgotten
        self._turning = threading.Lock()
        self.handed_ms = 0  # all that was received before this has been seen here
        self._load()

    def _load(self) -> None:
        """Go on as stored: what was not stored as changed had not changed when we listened last. Raises StoreError."""
        for site in self._places.sites():
            followed = self._records.followed(site.id)
            until_ms = self._records.listened_until(site.id)
            if not followed or until_ms is None:
                continue
            self._until_ms = max(filter(None, (self._until_ms, until_ms)))
            starts = self._records.board_starts(site.id, until_ms)
            first = min((one.until_ms for one in followed.values() if one.until_ms), default=until_ms)
            listened = self._records.listened(site.id, first, until_ms)
            for key, one in followed.items():
                try:
                    link = Availability(state=one.state)
                except ValueError:
                    log.info(
                        "The board %s of %s is followed anew: its state is of another version.", *key[::-1]
                    )
                    continue
                begin = until_ms if one.until_ms is None else one.until_ms
                link.use(_FOR_EVER_MS)  # what was missed by then would be stored
                if one.current == ONLINE and begin < until_ms:
                    link.heard(until_ms - 1)
                for start, end in listened:
                    link.listening(max(start, begin), end)
                link.use(one.limit_ms)
                board = self._add(key, _Board(link, (one.current, one.since_ms), limit_ms=one.limit_ms))
                if last := starts.get(key[1]):
                    board.boot, board.access_point = last[-1].boot, last[-1].access_point

    def _add(self, key: BoardKey, board: _Board) -> _Board:
        self._boards[key] = self._of_site.setdefault(key[0], {})[key[1]] = board
        return board

    def saw(self, heard: Sighting, limit_ms: int) -> None:
        """A sighting that counts, in order; the board may be silent for `limit_ms`."""
        if _plain(heard) and heard.retained:
            return  # of any age
        key = (heard.site, heard.board)
        with self._inbox_lock:
            waiting = self._inbox.setdefault(key, [])
            if waiting and _plain(heard) and _plain(waiting[-1][0]):
                waiting[-1] = heard, limit_ms  # only the latest counts
            else:
                waiting.append((heard, limit_ms))

    def handed(self, at_ms: int) -> None:
        """All that was received up to this has been seen."""
        self.handed_ms = max(self.handed_ms, at_ms)

    def listen(self, now_ms: int, since_ms: int | None) -> None:
        """We have listened since then up to now, and all that was received has been seen. None: we do not listen."""
        with self._inbox_lock:
            inbox, self._inbox = self._inbox, {}
        with self._lock:
            self._judge_clock(now_ms)
            span = self._span(now_ms, since_ms)
            known = {site.id for site in self._places.sites()} if inbox else set()
            for key, waiting in inbox.items():
                if key[0] in known:
                    self._take_in(key, waiting, listening=since_ms is not None)
            if span is not None:
                self._advance(*span)

    def _span(self, now_ms: int, since_ms: int | None) -> tuple[int, int] | None:
        """[start, end) that is new; it is noted."""
        look_ms, self._look_ms = self._look_ms, None if since_ms is None else now_ms
        if since_ms is None:
            return None
        if look_ms is not None and since_ms <= look_ms and now_ms - look_ms <= GAP_MS:
            start = look_ms
        else:
            start = since_ms if now_ms - since_ms <= GAP_MS else now_ms
        start = max(start, self._until_ms or start)
        if now_ms <= start:
            return None
        if self._listened and self._listened[-1][1] == start:
            self._listened[-1] = self._listened[-1][0], now_ms
        else:
            self._listened.append((start, now_ms))
        self._until_ms = now_ms
        return start, now_ms

    def _take_in(self, key: BoardKey, waiting: list[tuple[Sighting, int]], listening: bool) -> None:
        for heard, limit_ms in waiting:
            if _plain(heard) and not listening:
                continue
            board = self._boards.get(key)
            if board is None:
                link = Availability(limit_ms)
                board = self._add(key, _Board(link, (link.current, None)))
            board.limit_ms = limit_ms
            board.link.use(limit_ms)
            if heard.birth is not None:
                board.link.born(heard.at_ms, heard.birth.boot, heard.retained)
                self._started(key, board, heard)
            elif heard.availability is not None:
                board.link.said(heard.at_ms, heard.availability, heard.boot, heard.retained)
            else:
                if not board.heard:
                    board.link.heard(heard.at_ms)
                board.heard = self._behind_since_ms is not None  # once is enough while time stands still
                continue
            self._dirty[key] = None

    def _started(self, key: BoardKey, board: _Board, heard: Sighting) -> None:
        birth = heard.birth
        if birth is None or (birth.boot, birth.access_point) == (board.boot, board.access_point):
            return  # sent again
        board.boot, board.access_point = birth.boot, birth.access_point
        cause = "".join(filter(str.isprintable, birth.reset_cause or ""))[:120] or None
        self._starts.append((key, BoardStart(heard.at_ms, birth.boot, cause, birth.access_point)))

    def _advance(self, start_ms: int, end_ms: int) -> None:
        for key, board in self._boards.items():
            link = board.link
            link.listening(start_ms, end_ms)
            board.heard = False
            mark = (link.current, link.since_ms)
            if mark != board.mark:
                board.finished += link.take(link.since_ms)
                board.mark = mark
                self._dirty[key] = None

    def _judge_clock(self, now_ms: int) -> None:
        if self._until_ms is None or now_ms >= self._until_ms:
            self._behind_since_ms = None
        elif self._behind_since_ms is None or now_ms < self._behind_since_ms:
            self._behind_since_ms = now_ms
        elif now_ms - self._behind_since_ms > BEHIND_MS and now_ms > EARLIEST_MS:
            self._behind_since_ms = None
            self._begin_anew(now_ms)

    def _begin_anew(self, now_ms: int) -> None:
        log.warning("The clock was set back: what was said of boards for later than now is taken away.")
        self._ahead = now_ms
        self._listened, self._starts, self._until_ms, self._look_ms = [], [], None, None
        for key, board in self._boards.items():
            link = Availability(board.limit_ms)
            if board.boot is not None:
                link.born(now_ms, board.boot, retained=True)
            board.link, board.mark, board.finished = link, (link.current, None), []
            self._dirty[key] = None

    def turn(self, now_ms: int, since_ms: int | None) -> None:
        """Listen, and store what it came to; then incidents and days, where they are due. Raises StoreError.

        One transaction stores what changed and how long we listened: what is killed in between has not been.
        """
        with self._turning:
            self.listen(now_ms, since_ms)
            self._forget_ahead()
            with self._lock:
                heard = self._heard()
            if heard.followed or (heard.listened and heard.listened[-1][1] != self._stored_ms):
                self._records.store_heard(heard)
                with self._lock:
                    self._stored(heard, now_ms)
            if self._behind_since_ms is None:
                self._sites.tell(heard.sites, now_ms, self._now)

    def _forget_ahead(self) -> None:
        with self._lock:
            ahead_ms, sites = self._ahead, sorted(self._of_site)
        if ahead_ms is None:
            return
        for site in sites:
            self._records.forget_heard_after(site, ahead_ms)
        with self._lock:
            self._sites.reset()
            self._ahead = self._stored_ms = None
            self._dirty = dict.fromkeys(self._boards)

    def _heard(self) -> Heard:
        finished, followed = {}, {}
        for key in self._dirty:
            board = self._boards[key]
            finished[key] = list(board.finished)
            link = board.link
            followed[key] = Followed(
                link.current, link.since_ms, self._until_ms, board.limit_ms, link.state()
            )
        return Heard(sorted(self._of_site), list(self._listened), finished, followed, list(self._starts))

    def _stored(self, heard: Heard, now_ms: int) -> None:
        self._stored_ms = heard.listened[-1][1] if heard.listened else None
        del self._listened[: max(0, len(heard.listened) - 1)]  # the last one may go on
        del self._starts[: len(heard.starts)]
        for key, each in heard.finished.items():
            board = self._boards[key]
            del board.finished[: len(each)]
            if not board.finished and board.mark == heard.followed[key][:2]:
                self._dirty.pop(key, None)
        self._sites.stored(heard, now_ms)

    def _now(self, site: str) -> Now:
        with self._lock:
            mine = self._of_site[site]
            until_ms = self._until_ms or 0
            going_on = {id: [*board.finished, *board.link.known(until_ms)] for id, board in mine.items()}
            usual = statistics.median_low([board.limit_ms for board in mine.values()] or [LIMIT_MS])
        # Boards that report less often are missed less exactly.
        together_ms = TOGETHER_MS + (usual // INTERVALS if usual > LIMIT_MS else 0)
        return Now(going_on, until_ms, together_ms)


def _plain(heard: Sighting) -> bool:
    return heard.birth is None and heard.availability is None

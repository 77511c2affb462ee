"""What the last days of a site were to its connectivity: incidents by cause, and days of its boards and rooms."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise

from campus.calendar.school import SchoolCalendar
from campus.indicators import LinkDay
from campus.indicators.facts import ms
from campus.indicators.link import link_day, room_availability, room_causes
from campus.inference import BOARD, LOST, ROOM, UNKNOWN, Stretch
from campus.inference.connectivity import joined
from campus.inference.incidents import (
    ACCESS_POINT,
    POWER,
    SERVER,
    BoardFacts,
    Incident,
    Start,
    causes,
    incidents,
)
from campus.records import Records
from campus.records.incidents import StoredIncident
from campus.records.instants import from_ms, to_ms
from campus.records.links import BoardStart

Known = Mapping[str, Sequence[Stretch]]
"""board -> its stretches, ascending."""


@dataclass(slots=True)
class LinkHistory:
    """Stretches that are over, starts and times of listening of one site, since some days ago; kept at hand.

    A loss that reaches into that time is kept whole.
    """

    site: str
    over: dict[str, list[Stretch]] = field(default_factory=dict)
    starts: dict[str, list[BoardStart]] = field(default_factory=dict)
    listened: list[tuple[int, int]] = field(default_factory=list)
    told: list[Incident | StoredIncident] = field(default_factory=list)

    def load(self, records: Records, boards: Iterable[str], since_ms: int, now_ms: int) -> None:
        """Begin with what is stored. Raises StoreError."""
        self.over = records.link_history(self.site, boards, since_ms)
        first = min((each[0].start_ms for each in self.over.values() if each), default=since_ms)
        self.starts = records.board_starts(self.site, min(first, since_ms))
        self.listened = records.listened(self.site, since_ms, now_ms)
        self.told = [*records.incidents(self.site, since_ms, now_ms)]

    def add(
        self,
        over: Mapping[str, Sequence[Stretch]],
        starts: Iterable[tuple[str, BoardStart]],
        listened: Iterable[tuple[int, int]],
    ) -> None:
        """What was stored since. A time of listening replaces that of the same start."""
        for board, each in over.items():
            self.over[board] = joined([*self.over.get(board, ()), *each])
        for board, start in starts:
            self.starts.setdefault(board, []).append(start)
        for span in listened:
            if self.listened and self.listened[-1][0] == span[0]:
                self.listened[-1] = span
            else:
                self.listened.append(span)

    def forget(self, since_ms: int, now: Known) -> None:
        """What is over before that, but for the losses that reach into it. `now`: what follows."""
        for board, each in self.over.items():
            states = [one.state for one in (*each, *now.get(board, ())[:1])]
            first = bisect_right(each, since_ms, key=lambda one: one.end_ms)
            while 0 < first < len(states) and {states[first], states[first - 1]} <= {LOST, UNKNOWN}:
                first -= 1
            del each[:first]
            held = self.starts.get(board, [])
            begin = min(since_ms, each[0].start_ms) if each else since_ms
            del held[: max(0, bisect_right(held, begin, key=lambda one: one.at_ms) - 1)]
        self.listened = [span for span in self.listened if span[1] > since_ms]

    def known(self, now: Known) -> dict[str, list[Stretch]]:
        """board -> all its stretches; `now`: what goes on, or was not stored yet."""
        return {
            board: joined([*self.over.get(board, ()), *now.get(board, ())]) for board in {**self.over, **now}
        }

    def tell(self, known: Known, since_ms: int, together_ms: int) -> list[Incident]:
        """The incidents that begin at `since_ms` or later or reach into that time, as it looks now."""
        lead = {board: _leading(each, since_ms) for board, each in known.items()}
        facts = {board: _facts(self.starts.get(board, ())) for board in known}
        deaf = [(one[1], after[0]) for one, after in pairwise(self.listened) if one[1] < after[0]]
        recent = {board: each[lead[board] :] for board, each in known.items()}
        found = incidents(recent, facts, deaf, together_ms)
        # What has lasted for so long is told further by its own boards: of others it is not at hand how they were.
        old = {board: known[board][: count + 1] for board, count in lead.items() if count}
        for before in self.told:
            members = [board for board in before.boards if board in old]
            if before.start_ms < since_ms and before.cause != SERVER and members:
                again = incidents({board: old.pop(board) for board in members}, facts, (), together_ms)
                found += [_as_before(before, one) for one in again]
        for board, each in old.items():
            found += incidents({board: each}, facts, (), together_ms)
        found = [one for one in found if one.boards and (one.end_ms is None or one.end_ms > since_ms)]
        self.told = [*found]
        return found

    def days(
        self,
        known: Known,
        found: Sequence[Incident],
        calendar: SchoolCalendar,
        stays: Mapping[str, Sequence[tuple[str, int, int]]],
        dates: Sequence[date],
        until_ms: int,
    ) -> list[LinkDay]:
        """The days of boards that were in a room in the school hours, and of those rooms, as far as until_ms.

        `stays`: board -> (room, start_ms, end_ms). Of a board that was never followed then, nothing is said.
        """
        of_board: dict[str, list[Incident]] = defaultdict(list)
        for one in found:
            for board in one.boards:
                of_board[board].append(one)
        told = {board: causes(board, each, of_board[board]) for board, each in known.items()}
        made: list[LinkDay | None] = []
        for day in dates:
            hours = _until(calendar.school_hours(day), until_ms)
            if hours is None:
                continue
            start, end = ms(hours[0]), ms(hours[1])
            rooms: dict[str, list[tuple[list[Stretch], list[Stretch]]]] = defaultdict(list)
            for board, each in sorted(known.items()):
                here = [stay for stay in stays.get(board, ()) if stay[1] < end and stay[2] > start]
                if not here or not _clipped(each, start, end):
                    continue
                made.append(link_day(self.site, BOARD, board, day, hours, each, told[board]))
                for room, since, until in here:
                    rooms[room].append((_clipped(each, since, until), _clipped(told[board], since, until)))
            for room, parts in sorted(rooms.items()):
                availability = [part[0] for part in parts]
                why = room_causes(availability, [part[1] for part in parts])
                together = room_availability(availability)
                made.append(link_day(self.site, ROOM, room, day, hours, together, why))
        return [day for day in made if day is not None]


def stays_of(records: Records, site: str) -> dict[str, list[tuple[str, int, int]]]:
    """board -> (room, start_ms, end_ms) of every time that it was placed in a room."""
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for one in records.placements(site):
        if one.room is not None:
            end = 2**62 if one.valid_to is None else to_ms(one.valid_to)
            found[one.board].append((one.room, to_ms(one.valid_from), end))
    return found


def _leading(each: Sequence[Stretch], since_ms: int) -> int:
    """How many stretches come before the end of a loss that began before `since_ms` and reaches past it; 0: none."""
    began: int | None = None
    for number, one in enumerate(each):
        if one.state == LOST:
            began = one.start_ms if began is None else began
        elif one.state != UNKNOWN:
            if began is not None and began < since_ms < one.start_ms:
                return number
            began = None
        if began is None and one.end_ms > since_ms and one.state != UNKNOWN:
            return 0
    return len(each) if began is not None and began < since_ms else 0


def _facts(starts: Sequence[BoardStart]) -> BoardFacts:
    return BoardFacts(
        [(one.at_ms, one.access_point) for one in starts],
        [Start(one.at_ms, one.boot, one.reset_cause) for one in starts],
    )


def _as_before(before: Incident | StoredIncident, one: Incident) -> Incident:
    """An old incident told again by some of its boards is of the same scope as before."""
    if one.start_ms != before.start_ms or "scope" not in before.evidence:
        return one
    same = {name: before.evidence[name] for name in _SCOPE if name in before.evidence}
    cause = one.cause
    if same["scope"] == ACCESS_POINT and cause != POWER:
        cause = ACCESS_POINT
    boards = tuple(sorted({*before.boards, *one.boards}))
    return replace(one, cause=cause, boards=boards, evidence={**one.evidence, **same})


_SCOPE = ("scope", "lost", "of", "access_points")


def _until(hours: tuple[datetime, datetime] | None, until_ms: int) -> tuple[datetime, datetime] | None:
    if hours is None or ms(hours[0]) >= until_ms:
        return None
    return hours[0], min(hours[1], from_ms(until_ms))


def _clipped(each: Sequence[Stretch], start_ms: int, end_ms: int) -> list[Stretch]:
    return [
        one._replace(start_ms=max(one.start_ms, start_ms), end_ms=min(one.end_ms, end_ms))
        for one in each
        if one.start_ms < end_ms and one.end_ms > start_ms
    ]

"""Which losses of a site belong together, and how those boards came back. Pure; the rules: docs/connectivity.md."""

import itertools
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from campus.inference import ONLINE, UNKNOWN, Stretch
from campus.inference.losses import (
    ACCESS_POINT,
    BOARD,
    POWER,
    UNTOLD,
    UPLINK,
    BoardFacts,
    Evidence,
    Incident,
    Lost,
    Outage,
)

TOGETHER_MS = 2 * 60_000
SHARE = 0.6
SITE_LEAST, ACCESS_POINT_LEAST = 3, 2
LATE_MS = 10 * 60_000  # a board that comes back so much later than most has trouble of its own
BIRTH_MS = 5 * 60_000  # a birth so long before or after the return is of it
HEARD_MS = 5 * 60_000  # a board that is there is heard so soon after a time in which nobody listened
POWERED = frozenset({"power", "power-on", "power_on", "pwron_reset", "brownout", "brown_out"})
UNSAID = frozenset({"", "unknown"})

POWER_ON, RUNNING, RESET = "power_on", "running", "reset"  # how a board returned

Members = tuple[list[Outage], Evidence]
Find = Callable[[list[Outage]], Members]


class Site:
    """One site while its outages are being told apart."""

    def __init__(
        self, boards: Mapping[str, Sequence[Stretch]], facts: Mapping[str, BoardFacts], together_ms: int
    ) -> None:
        self._facts = facts
        self._together = together_ms
        self._boards = boards
        self._now = max((each[-1].end_ms for each in boards.values() if each), default=0)

    def take(self, outages: Iterable[Outage], find: Find, found: list[Incident]) -> list[Outage]:
        """Add the incidents that `find` sees among outages that begin together; what they do not cover is left.

        Of windows that overlap the one with the most members is taken.
        """
        queue = deque(sorted(outages))
        left: list[Outage] = []
        while queue:
            window = self._window(queue)
            members, evidence = find(window)
            if not members or self._more(queue, window, find, members):
                left.append(queue.popleft())
                continue
            incident, rest = self._incident(members, queue, evidence)
            found.append(incident)
            queue = deque(sorted(rest))
        return left

    def _window(self, queue: Iterable[Outage]) -> list[Outage]:
        """Those that begin together with the first."""
        window: list[Outage] = []
        for outage in queue:
            if window and outage.start_ms > window[0].start_ms + self._together:
                break
            window.append(outage)
        return window

    def _more(self, queue: Iterable[Outage], window: list[Outage], find: Find, members: list[Outage]) -> bool:
        """Whether a window that begins with a later outage of this one has more members, some of them the same."""
        last = window[-1].start_ms + self._together
        coming = list(itertools.takewhile(lambda one: one.start_ms <= last, queue))
        later = (find(self._window(coming[i:]))[0] for i in range(1, len(window)))
        return any(len(more) > len(members) and not set(members).isdisjoint(more) for more in later)

    def whole(self, window: list[Outage]) -> Members:
        """All of them, if they are the site."""
        lost = _first(window)
        if len(lost) < SITE_LEAST:
            return [], {}
        there = self._there(window, self._boards)
        if len(lost) < SHARE * there:
            return [], {}
        return list(lost.values()), {"scope": "site", "lost": len(lost), "of": there}

    def access_points(self, window: list[Outage]) -> Members:
        """Those of two or more access points that are gone."""
        gone = self._gone(window)
        members = [one for _, each in gone.values() for one in each]
        if len(gone) < 2 or len(members) < SITE_LEAST:
            return [], {}
        of = sum(there for there, _ in gone.values())
        evidence: Evidence = {"scope": "access_points", "lost": len(members), "of": of}
        return members, {**evidence, "access_points": sorted(gone)}

    def access_point(self, window: list[Outage]) -> Members:
        """Those of one access point that is gone."""
        for name, (there, members) in sorted(self._gone(window).items()):
            evidence: Evidence = {"scope": "access_point", "lost": len(members), "of": there}
            return members, {**evidence, "access_points": [name]}
        return [], {}

    def single(self, outage: Outage) -> Incident:
        """The incident of one board alone."""
        verdict = self._verdict(outage)
        known = verdict is not None and self._settled(outage.start_ms)
        cause = UNTOLD if not known else POWER if verdict == POWER_ON else BOARD
        losses = tuple(Lost(outage.board, one.start_ms, one.end_ms) for one in outage.pieces)
        evidence: Evidence = {"scope": "board", "lost": 1, "of": 1}
        if verdict is not None:
            evidence["returned"] = verdict
        return Incident(cause, outage.start_ms, outage.back_ms, (outage.board,), losses, evidence)

    def _gone(self, window: list[Outage]) -> dict[str, tuple[int, list[Outage]]]:
        """access point -> (boards it had online, its outages), of those that are gone."""
        lost: dict[str, list[Outage]] = defaultdict(list)
        for outage in _first(window).values():
            name = self._access_point(outage.board, outage.start_ms)
            if name is not None:
                lost[name].append(outage)
        gone = {}
        for name, members in lost.items():
            if len(members) >= ACCESS_POINT_LEAST:
                at = members[0].start_ms
                own = [board for board in self._boards if self._access_point(board, at) == name]
                there = self._there(members, own)
                if len(members) >= SHARE * there:
                    gone[name] = there, members
        return gone

    def _access_point(self, board: str, at_ms: int) -> str | None:
        facts = self._facts.get(board)
        return None if facts is None else facts.access_point(at_ms)

    def _there(self, lost: list[Outage], boards: Iterable[str]) -> int:
        """How many of the boards were online just before the first of `lost`, with those of `lost`."""
        members = {one.board for one in lost}
        at = lost[0].start_ms
        return len(members) + sum(board not in members and self._online(board, at) for board in boards)

    def _online(self, board: str, at_ms: int) -> bool:
        """Whether it was online, or, where that is not known, was heard as the next thing soon after."""
        stretches = self._boards[board]
        place = bisect_right(stretches, at_ms, key=lambda one: one.start_ms) - 1
        if place >= 0 and stretches[place].end_ms > at_ms and stretches[place].state != UNKNOWN:
            return stretches[place].state == ONLINE
        if place + 1 >= len(stretches):
            return False
        after = stretches[place + 1]
        return after.state == ONLINE and after.start_ms <= at_ms + HEARD_MS

    def _end(self, members: list[Outage]) -> int | None:
        """When all had returned, or LATE_MS after most had; None until then."""
        back = sorted(one.back_ms for one in members if one.back_ms is not None)
        if 2 * len(back) <= len(members):
            return None
        latest = back[len(members) // 2] + LATE_MS
        if len(back) == len(members) and back[-1] <= latest:
            return back[-1]
        return latest if latest <= self._now else None

    def _incident(
        self, members: list[Outage], waiting: Iterable[Outage], evidence: Evidence
    ) -> tuple[Incident, list[Outage]]:
        """The incident, and what is left of the outages: its boards are silent until its end."""
        start, end = min(one.start_ms for one in members), self._end(members)
        names = {one.board for one in members}
        losses: list[Lost] = []
        rest: list[Outage] = []
        for outage in waiting:
            if outage.board not in names or (end is not None and outage.start_ms >= end):
                rest.append(outage)
                continue
            later: list[Stretch] = []
            for piece in outage.pieces:
                finish = piece.end_ms if end is None else min(piece.end_ms, end)
                if piece.start_ms < finish:
                    losses.append(Lost(outage.board, piece.start_ms, finish))
                if end is not None and piece.end_ms > end:
                    later.append(piece._replace(start_ms=max(piece.start_ms, end)))
            if later:
                rest.append(outage._replace(start_ms=later[0].start_ms, pieces=tuple(later)))
        cause, returned = self._cause(members, evidence["scope"] == "access_point")
        return (
            Incident(
                cause, start, end, tuple(sorted(names)), tuple(sorted(losses)), {**evidence, **returned}
            ),
            rest,
        )

    def _settled(self, start_ms: int) -> bool:
        """Whether all that was lost together with an outage is known by now: boards are missed some minutes late."""
        return start_ms + 2 * self._together + HEARD_MS <= self._now

    def _cause(self, members: list[Outage], one_access_point: bool) -> tuple[str, Evidence]:
        verdicts = [self._verdict(one) for one in members]
        powered, running, reset = map(verdicts.count, (POWER_ON, RUNNING, RESET))
        told: Evidence = {f"returned_{POWER_ON}": powered, f"returned_{RUNNING}": running}
        told[f"returned_{RESET}"] = reset
        if not self._settled(members[0].start_ms):
            return UNTOLD, told
        if 2 * powered > len(members):
            return POWER, told
        if one_access_point:
            return ACCESS_POINT, told
        if 2 * (running + reset) > len(members) or None not in verdicts:
            return UPLINK, told
        return UNTOLD, told

    def _verdict(self, outage: Outage) -> str | None:
        """How a board returned: by power-on, by another reset, running all through it; None: not yet."""
        if outage.back_ms is None:
            return None
        facts = self._facts.get(outage.board)
        starts = facts.starts if facts is not None else ()
        first = bisect_right(starts, outage.start_ms, key=lambda one: one.at_ms)
        for before, start in zip(([None, *starts])[first:], starts[first:], strict=False):
            if start.at_ms > outage.back_ms + BIRTH_MS:
                break
            again = before is not None and start.boot is not None and start.boot == before.boot
            if again or start.at_ms < outage.back_ms - BIRTH_MS:
                continue
            cause = (start.reset_cause or "").lower()
            age_ms = None if start.uptime_s is None else 1000 * start.uptime_s
            if age_ms is not None and start.at_ms - age_ms <= outage.start_ms:
                return RUNNING
            if cause in POWERED or (cause in UNSAID and age_ms is not None):
                return POWER_ON
            return RESET
        return RUNNING


def _first(window: Iterable[Outage]) -> dict[str, Outage]:
    """board -> its first outage of the window."""
    found: dict[str, Outage] = {}
    for outage in window:
        found.setdefault(outage.board, outage)
    return found

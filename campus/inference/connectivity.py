"""Availability of a board from what was heard of it, and from when somebody listened. Pure, streaming.

The method: docs/connectivity.md. What a loss was caused by is told by `incidents`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from campus.inference import LOST, OFFLINE, ONLINE, SLEEPING, UNKNOWN, Stretch

LIMIT_MS = 180_000  # of silence, where neither keep-alive nor interval is known
KEEP_ALIVES, INTERVALS = 1.5, 3
SLEEP_MS = 24 * 3_600_000  # a board that said it sleeps may be silent so long
LONGEST_TICK_MS = 5 * 60_000
STATE_VERSION = 1
SAID = (ONLINE, LOST, OFFLINE, SLEEPING)


def silence_limit_ms(keep_alive_ms: int | None, interval_ms: int | None) -> int:
    """The longest silence of a board that is there; LIMIT_MS where nothing is known of it."""
    known = [KEEP_ALIVES * keep_alive_ms] if keep_alive_ms else []
    known += [INTERVALS * interval_ms] if interval_ms else []
    return round(max(known)) if known else LIMIT_MS


def listened(ticks_ms: Iterable[int], longest_ms: int = LONGEST_TICK_MS) -> list[tuple[int, int]]:
    """The times [start_ms, end_ms) in which a loop ran that leaves a tick at least every `longest_ms`, ascending.

    Between two ticks further apart nobody listened: the program stood still, was killed, or its clock was set forward.
    A tick that is not after all before it (a clock set back) is left out.
    """
    found: list[tuple[int, int]] = []
    for at in ticks_ms:
        if not found:
            found.append((at, at))
        elif at > found[-1][1]:
            start, end = found[-1]
            if at - end <= longest_ms:
                found[-1] = start, at
            else:
                found.append((at, at))
    return [one for one in found if one[0] < one[1]]


class Event(NamedTuple):
    """What came of a board: `state` as it said, online for any message of its own; `retained` by the broker."""

    at_ms: int
    state: str
    boot: str | None = None
    retained: bool = False


class Availability:
    """The states of one board, from events and from when we listened; Unix ms of our own clock throughout.

    `heard`, `born` and `said` take what came, in the order it came; it counts with the next `listening` that covers
    or passes it. In one call of `listening` or in many, the result is the same. Time only goes on: an event before
    the latest is taken as at the latest, so that a clock set back makes no loss. A board is lost with its last will,
    or after more silence than the limit, of which we heard all; the loss begins when it was last heard, never when it
    was judged. Time in which nobody listened, and what follows until something is heard or missed, is unknown.
    `state()` is JSON-able.
    """

    def __init__(self, limit_ms: int = LIMIT_MS, state: Mapping[str, Any] | None = None) -> None:
        s = state or {}
        if state is not None and s.get("v") != STATE_VERSION:
            raise ValueError(f"availability state of version {s.get('v')}, this is {STATE_VERSION}")
        self._limit: int = s.get("limit", limit_ms)
        self._waiting: list[Event] = [Event(*one) for one in s.get("waiting", ())]
        self._now: int | None = s.get("now")  # of the latest event
        self._since: int | None = s.get("since")  # listened since, without a break
        self._until: int | None = s.get("until")
        self._last: int | None = s.get("last")  # heard, in this time of listening
        self._before: str = s.get("before", UNKNOWN)  # the state as the last time of listening ended
        self._boot: str | None = s.get("boot")
        self._state: str = s.get("state", UNKNOWN)
        self._begun: int | None = s.get("begun")
        self._turned: int | None = s.get(
            "turned"
        )  # into this state; `take` moves what has begun and not this
        self._done: list[Stretch] = [Stretch(*one) for one in s.get("done", ())]

    def state(self) -> dict[str, Any]:
        """Everything that counts from here on, and what was not taken yet."""
        return {
            "v": STATE_VERSION,
            "limit": self._limit,
            "waiting": [list(one) for one in self._waiting],
            "now": self._now,
            "since": self._since,
            "until": self._until,
            "last": self._last,
            "before": self._before,
            "boot": self._boot,
            "state": self._state,
            "begun": self._begun,
            "turned": self._turned,
            "done": [list(one) for one in self._done],
        }

    def use(self, limit_ms: int) -> None:
        """The silence limit from now on, when the board's interval or keep-alive changed: `silence_limit_ms`."""
        self._limit = limit_ms

    @property
    def current(self) -> str:
        """The state at the end of the latest `listening`."""
        return self._state

    @property
    def since_ms(self) -> int | None:
        """Since when it holds; None before the first `listening`."""
        return self._begun

    def heard(self, at_ms: int) -> None:
        """A message came that the board sent now: no retained one."""
        self._came(Event(at_ms, ONLINE))

    def born(self, at_ms: int, boot: str, retained: bool = False) -> None:
        """Its birth. A new boot while it counts as online is a loss since it was last heard: it had started anew."""
        self._came(Event(at_ms, ONLINE, boot, retained))

    def said(self, at_ms: int, state: str, boot: str | None = None, retained: bool = False) -> None:
        """Its availability message, or its last will. `boot` None: a source that has none.

        Of a boot that is not current all but "online" is ignored. `retained`: the broker kept it, so it says how
        things are and not that the board is heard; a kept "online" says no more than its boot. Raises ValueError
        for another state.
        """
        if state not in SAID:
            raise ValueError(f"'{state}' is not one of {', '.join(SAID)}")
        self._came(Event(at_ms, state, boot, retained))

    def _came(self, event: Event) -> None:
        if self._now is None or event.at_ms > self._now:
            self._now = event.at_ms
        last = self._waiting[-1] if self._waiting else None
        if last is None or event != last:
            self._waiting.append(event._replace(at_ms=self._now))

    def listening(self, start_ms: int, end_ms: int) -> None:
        """We listened over [start_ms, end_ms). What starts at or before the end of the last one continues it."""
        start = start_ms if self._until is None else max(start_ms, self._until)
        if end_ms <= start:
            return
        place = 0
        for place, event in enumerate(self._waiting, 1):
            if event.at_ms >= end_ms:
                place -= 1
                break
            at = event.at_ms if self._until is None else max(event.at_ms, self._until)
            self._listen(min(start, at), at)
            self._take_in(event, at)
        del self._waiting[:place]
        self._listen(start, end_ms)

    def _listen(self, start: int, end: int) -> None:
        if self._until is None or start > self._until:
            if self._until is not None:
                if self._state != UNKNOWN:
                    self._before = self._state
                self._turn(UNKNOWN, self._until)
            elif self._begun is None:
                self._begun = start
            self._since, self._last = start, None
        self._until = max(end, self._until or end)
        self._judge(self._until)

    def _judge(self, now: int) -> None:
        if self._state in (LOST, OFFLINE):
            return
        quiet = self._quiet_since
        if now - quiet <= (SLEEP_MS if self._state == SLEEPING else self._limit):
            return
        # What said before that it would be silent is not missed after a time in which nobody listened.
        planned = self._state == UNKNOWN and self._before in (OFFLINE, SLEEPING)
        self._turn(self._before if planned else LOST, quiet)

    @property
    def _quiet_since(self) -> int:
        if self._last is not None:
            return self._last
        return self._begun or 0 if self._since is None else self._since

    def _take_in(self, event: Event, at: int) -> None:
        _, state, boot, retained = event
        known = boot is None or self._boot is None or boot == self._boot
        if state == ONLINE:
            self._boot = self._boot if boot is None else boot
            if retained:
                return
            if not known and self._state == ONLINE:
                self._turn(LOST, self._quiet_since)
            self._turn(ONLINE, at)
        elif not known:
            return
        elif state == LOST:
            if self._state != LOST:
                self._turn(LOST, at if self._state in (OFFLINE, SLEEPING) else self._quiet_since)
            return
        else:
            self._turn(state, at)
        if not retained:
            self._last = at

    def _turn(self, state: str, at: int) -> None:
        if state == self._state:
            return
        begun = at if self._begun is None else self._begun
        at = max(at, begun)
        if self._state == ONLINE and at == self._turned:
            at += 1  # heard once and then no more: it was there
        if begun < at:
            self._done.append(Stretch(begun, at, self._state))
        elif self._done and self._done[-1].end_ms == at and self._done[-1].state == state:
            at = self._done.pop().start_ms
        self._begun, self._turned, self._state = at, at, state

    @property
    def settled_ms(self) -> int | None:
        """Nothing before it will change any more: a loss begins when the board was last heard."""
        if self._begun is None or self._until is None:
            return None
        quiet = self._until if self._state in (LOST, OFFLINE) else self._quiet_since
        return max(quiet, self._begun)

    def take(self, until_ms: int | None = None) -> list[Stretch]:
        """What is settled and was not taken yet, up to `until_ms` at most; what goes on is cut there. Touching."""
        settled = self.settled_ms
        if settled is None:
            return []
        end = settled if until_ms is None else min(settled, until_ms)
        taken = [one for one in self._done if one.end_ms <= end]
        kept = self._done[len(taken) :]
        if kept and kept[0].start_ms < end:
            taken.append(kept[0]._replace(end_ms=end))
            kept[0] = kept[0]._replace(start_ms=end)
        elif not kept and self._begun is not None and self._begun < end:
            taken.append(Stretch(self._begun, end, self._state))
            self._begun = end
        self._done = kept
        return taken

    def known(self, until_ms: int) -> list[Stretch]:
        """All that was not taken yet with what goes on, as it looks now, up to `until_ms`; it may still change."""
        found = [*self._done]
        if self._begun is not None and self._begun < until_ms:
            found.append(Stretch(self._begun, until_ms, self._state))
        return joined([one for one in found if one.start_ms < until_ms], until_ms)


def joined(stretches: Sequence[Stretch], until_ms: int | None = None) -> list[Stretch]:
    """Touching stretches of one state made one, cut at `until_ms`."""
    found: list[Stretch] = []
    for one in stretches:
        if until_ms is not None and one.end_ms > until_ms:
            one = one._replace(end_ms=until_ms)
        if found and found[-1].end_ms == one.start_ms and found[-1].state == one.state:
            found[-1] = found[-1]._replace(end_ms=one.end_ms)
        elif one.start_ms < one.end_ms:
            found.append(one)
    return found

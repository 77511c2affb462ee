"""When incidents and days of a site's connectivity are told anew, and stored."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from campus.errors import StoreError
from campus.indicators import LinkDay
from campus.indicators.sums import LinkSums
from campus.inference import Stretch
from campus.inference.grouping import HEARD_MS, LATE_MS
from campus.inference.incidents import Incident
from campus.records import Records
from campus.records.incidents import StoredIncident
from campus.records.links import Heard
from collector.days import dates, midnight, next_midnight, start_of
from collector.link_history import LinkHistory, stays_of
from collector.places import Places

log = logging.getLogger(__name__)

DAY_MS = 24 * 3_600_000
LOOK_BACK_DAYS = 4
"""Incidents and days of so long ago may still change."""
LONGEST_BACK_DAYS = 60
"""After a stop of so long at most its days are made up for."""
TELL_EVERY_MS = 30_000
AGAIN_MS = 60_000
"""Incidents are told again so often while time alone may change them."""
DAYS_EVERY_MS = 3_600_000
DAYS_AT_ONCE = 100
"""Of boards and rooms, in one transaction: others write too."""


class Now(NamedTuple):
    """board -> what goes on and what is not stored yet, up to `until_ms`; how far apart losses begin that are one."""

    going_on: Mapping[str, Sequence[Stretch]]
    until_ms: int
    together_ms: int


@dataclass(slots=True)
class _Site:
    history: LinkHistory
    days_from_ms: int
    told_ms: int = 0
    changed_ms: int | None = None  # told anew for some time after this
    days_at_ms: int = 0  # when they are made next


class LinkSites:
    """For one thread."""

    def __init__(self, records: Records, places: Places) -> None:
        self._records, self._places = records, places
        self._sites: dict[str, _Site] = {}

    def reset(self) -> None:
        """What is stored is another: begin with it anew."""
        self._sites.clear()

    def stored(self, heard: Heard, now_ms: int) -> None:
        """This is stored now."""
        over: dict[str, dict[str, Sequence[Stretch]]] = defaultdict(dict)
        for (site, board), each in heard.finished.items():
            over[site][board] = each
        for name, found in self._sites.items():
            starts = [(key[1], start) for key, start in heard.starts if key[0] == name]
            found.history.add(over[name], starts, heard.listened)
            if over[name]:
                found.changed_ms = now_ms

    def tell(self, sites: Sequence[str], now_ms: int, now_of: Callable[[str], Now]) -> None:
        """Store the incidents and days of sites where something may have changed. Raises StoreError.

        Another failure of one site is raised when the others are done.
        """
        failure: Exception | None = None
        for name in sites:
            try:
                self._tell(name, now_ms, now_of)
            except StoreError:
                raise
            except Exception as error:
                log.exception("What happened to the boards of %s cannot be told", name)
                failure = failure or error
        if failure is not None:
            raise failure

    def _tell(self, name: str, now_ms: int, now_of: Callable[[str], Now]) -> None:
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = self._opened(name, now_of(name).going_on, now_ms)
        pause_ms = TELL_EVERY_MS if (site.changed_ms or 0) >= site.told_ms else AGAIN_MS
        changed = site.changed_ms is not None and not 0 <= now_ms - site.told_ms < pause_ms
        days_due = not 0 < site.days_at_ms - now_ms <= DAYS_EVERY_MS
        if not changed and not days_due:
            return
        now = now_of(name)
        since_ms = min(now_ms - LOOK_BACK_DAYS * DAY_MS, site.days_from_ms)
        site.history.forget(since_ms, now.going_on)
        known = site.history.known(now.going_on)
        before = site.history.told
        found = site.history.tell(known, since_ms, now.together_ms)
        if not site.told_ms or [_stored(one) for one in found] != [_stored(one) for one in before]:
            self._records.store_incidents(name, since_ms, found, now.together_ms)
        site.told_ms = now_ms
        if (
            site.changed_ms is not None
            and now_ms - site.changed_ms > 2 * now.together_ms + HEARD_MS + LATE_MS
        ):
            site.changed_ms = None
        if days_due:
            self._make_days(name, site, known, found, now_ms, min(now_ms, now.until_ms))

    def _opened(self, name: str, boards: Iterable[str], now_ms: int) -> _Site:
        """A site as it is stored; its days from that on in which we listened before this start."""
        earlier = self._records.listened(name, now_ms - LONGEST_BACK_DAYS * DAY_MS, now_ms)
        last_ms = earlier[-2][1] if len(earlier) > 1 else now_ms
        first_ms = min(now_ms - (LOOK_BACK_DAYS - 1) * DAY_MS, last_ms)
        site = _Site(LinkHistory(name), midnight(first_ms, self._places.zone(name)), changed_ms=now_ms)
        since_ms = min(now_ms - LOOK_BACK_DAYS * DAY_MS, site.days_from_ms)
        site.history.load(self._records, boards, since_ms, now_ms)
        return site

    def _make_days(
        self,
        name: str,
        site: _Site,
        known: Mapping[str, Sequence[Stretch]],
        found: Sequence[Incident],
        now_ms: int,
        until_ms: int,
    ) -> None:
        zone, records = self._places.zone(name), self._records
        wanted = dates(site.days_from_ms, now_ms + 1, zone)
        stays, calendar = stays_of(records, name), records.calendar(name)
        made = site.history.days(known, found, calendar, stays, wanted, until_ms)
        held = records.link_days(name, wanted)
        new: list[LinkDay] = [
            day for day in made if held.get((day.kind, day.id, day.date)) != LinkSums.of(day)
        ]
        gone = sorted(held.keys() - {(day.kind, day.id, day.date) for day in made})
        for first in range(0, max(len(new), len(gone)), DAYS_AT_ONCE):
            last = first + DAYS_AT_ONCE
            records.store_link_days(name, new[first:last], gone[first:last])
        site.days_at_ms = min(now_ms + DAYS_EVERY_MS, next_midnight(now_ms, zone) + AGAIN_MS)
        site.days_from_ms = start_of(wanted[-1] - timedelta(days=LOOK_BACK_DAYS - 1), zone)


def _stored(one: Incident | StoredIncident) -> tuple[object, ...]:
    """What of an incident is stored; how long each board was lost goes on all the time."""
    return one.cause, one.start_ms, one.end_ms, one.boards, one.evidence

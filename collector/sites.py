"""What one collector of several takes in: the filters of its own sites, and the records as far as they are theirs."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from campus.boards.files import replace
from campus.records import Records
from campus.records.entities import Board, Dirty, Site
from campus.wire.server import canary_topic, subscription
from collector import foreign_devices

log = logging.getLogger(__name__)

LEAVES = ("telemetry", "birth", "availability", "reply", "config/reported")


def filters(sites: Sequence[str] = (), share: str | None = None) -> list[str]:
    """MQTT filters of the sites named, of all without any. `share`: as a member of that shared subscription.

    What the collector sends itself goes to all members, else it would say nothing about one's own connection.
    """
    wanted = []
    for site in sites or (None,):
        wanted += [subscription(leaf, site) for leaf in LEAVES]
        wanted.append(foreign_devices.subscription(site))
    if share is None:
        return wanted
    return [f"$share/{share}/{each}" for each in wanted] + [canary_topic(site) for site in sites[:1]]


def left_over(file: Path, wanted: Sequence[str]) -> list[str]:
    """Filters that earlier runs may have left in the broker's session and that are not wanted now.

    `file` remembers them all; `wanted` is written down before anything is subscribed. Raises StoreError.
    """
    known = _known(file)
    if not known.issuperset(wanted):
        replace(file, json.dumps(sorted(known.union(wanted)), indent=0).encode())
    return sorted(known.difference(wanted))


def _known(file: Path) -> set[str]:
    try:
        told = json.loads(file.read_bytes())
        return {each for each in told if type(each) is str and each}
    except FileNotFoundError:
        return set(filters())
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read, subscriptions of earlier runs stay: %s", file, error)
        return set(filters())


def own(records: Records, sites: Sequence[str]) -> Records:
    """The records in which no other sites, boards and edits are listed; as they are where no sites are named."""
    return cast(Records, _Own(records, frozenset(sites))) if sites else records


class _Own:
    def __init__(self, records: Records, sites: frozenset[str]) -> None:
        self._records, self._sites = records, sites

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def sites(self) -> list[Site]:
        return [site for site in self._records.sites() if site.id in self._sites]

    def dirty(self, site: str | None = None, room: str | None = None) -> list[Dirty]:
        return [edit for edit in self._records.dirty(site, room) if edit.site in self._sites]

    def boards(self, site: str | None = None) -> list[Board]:
        return [board for board in self._records.boards(site) if board.site in self._sites]

"""`campus incidents`: boards that were lost, since when and why, through the running API or the records."""

import json
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.dates import midnight_ms, parse_range
from campus.cli.options import with_settings
from campus.cli.reading import AsJson, From, To, require_store
from campus.cli.running import Api, choose_site, reader
from campus.errors import UsageError
from campus.records import open_records
from campus.settings import Settings
from campus.wire.topics import valid_id

SHOWN = 6
"""Boards of one incident in the table."""


@with_settings()
def incidents(
    settings: Settings,
    site: Annotated[str | None, typer.Argument(help="Site id, where there are several")] = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Show which boards were lost, since when and why, over local dates [from, to); the last seven days by default."""
    if site is not None and not valid_id(site):
        raise UsageError(f"'{site}' is not an id: use a-z, 0-9 and -, at most 64 of them.")
    first, last = parse_range(start, end, datetime.now(ZoneInfo(settings.tz)).date())
    if owner := reader(settings):
        api = Api(owner)
        site = choose_site(api.sites(), site)
        found: list[dict[str, Any]] = api.items(
            f"/api/v1/sites/{site}/incidents", **{"from": first, "to": last}
        )
        tz = api.get(f"/api/v1/sites/{site}")["tz"]
    else:
        require_store(settings)
        with closing(open_records(settings.records, settings.data)) as records:
            site = choose_site([one.id for one in records.sites()], site)
            tz = records.site(site).tz
            span = midnight_ms(first, tz), midnight_ms(last, tz)
            found = [one._asdict() for one in records.incidents(site, *span)]
    if as_json:
        document = {"site": site, "from": str(first), "to": str(last), "incidents": found}
        print(json.dumps(document, ensure_ascii=False))
        return
    _show(site, first, last, ZoneInfo(tz), found)


def _show(site: str, first: date, last: date, zone: ZoneInfo, found: list[dict[str, Any]]) -> None:
    table = Table(title=f"{site}, {first} to {last} (not included)", box=box.SIMPLE)
    for heading in ("number", "cause", "from", "to", "boards"):
        table.add_column(heading)
    for one in found:
        boards = one["boards"]
        more = f" and {len(boards) - SHOWN} others" if len(boards) > SHOWN else ""
        until = "goes on" if one["end_ms"] is None else _local(one["end_ms"], zone)
        since = _local(one["start_ms"], zone)
        table.add_row(
            str(one["number"]),
            one["cause"].replace("_", " "),
            since,
            until,
            ", ".join(boards[:SHOWN]) + more,
        )
    Console().print(table)
    if not found:
        print("No board was lost, as far as our own server listened.")


def _local(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"

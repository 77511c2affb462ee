"""`campus indicators` and `campus month`: figures and the months that were signed, through the API or the records."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.dates import parse_range
from campus.cli.options import with_settings
from campus.cli.reading import AsJson, From, To, require_store
from campus.cli.running import Api, choose_site, reader
from campus.cli.system import now
from campus.errors import UsageError
from campus.indicators.definitions import DEFINITIONS
from campus.records import Records, open_records
from campus.records.figure_scopes import ONE_ROOM, SCOPES, Scope
from campus.records.figure_scopes import SITE as WHOLE
from campus.records.figures import figures, signed_figures
from campus.settings import Settings
from campus.wire.topics import valid_id

month_app = typer.Typer(no_args_is_help=True, help="Close months, and see what changed in them afterwards.")

OfSite = Annotated[str | None, typer.Option(help="Site id, where there are several")]
MonthArgument = Annotated[str, typer.Argument(help="YYYY-MM", show_default=False)]


@with_settings()
def indicators(
    settings: Settings,
    scope: Annotated[str, typer.Option(help=f"What the figures are of: {', '.join(SCOPES)}")] = WHOLE,
    id: Annotated[str | None, typer.Option(help="Which one of that kind, such as a-101")] = None,
    room: Annotated[str | None, typer.Option(help="The same as --scope room --id ROOM")] = None,
    site: OfSite = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Show indicators with their evidence, over local dates [from, to); the last seven days by default.

    Of the whole site, or of a building, room type, room, subject group, kind or piece of equipment, or board.
    """
    if room is not None:
        scope, id = ONE_ROOM, room
    for name in filter(None, (id, site)):
        if not valid_id(name):
            raise UsageError(f"'{name}' is not an id: use a-z, 0-9 and -, at most 64 of them.")
    if scope not in SCOPES:
        raise UsageError(f"'{scope}' is no scope; use one of {', '.join(SCOPES)}.")
    first, last = parse_range(start, end, datetime.now(ZoneInfo(settings.tz)).date())
    if owner := reader(settings):
        api = Api(owner)
        site = choose_site(api.sites(), site)
        query = {"scope": scope, "from": first, "to": last} | ({} if id is None else {"id": id})
        found = api.get(f"/api/v1/sites/{site}/indicators", **query)
    else:
        require_store(settings)
        with closing(open_records(settings.records, settings.data)) as records:
            site = choose_site([one.id for one in records.sites()], site)
            made = figures(records, Scope(site, scope, id), first, last, now())
            found = {
                "indicators": [asdict(one) for one in made.indicators],
                "ghost_slots": [asdict(one) for one in made.ghost_slots],
                "never_used": made.never_used,
            }
    document = {"site": site, "scope": scope, "id": id, "from": str(first), "to": str(last), **found}
    if as_json:
        print(json.dumps(document, default=str, ensure_ascii=False))
        return
    _show(f"{site}{f' / {id}' if id else ''}, {first} to {last} (not included)", found)


def _show(title: str, found: Mapping[str, Any]) -> None:
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("indicator", no_wrap=True)
    for heading in ("value", "unit", "numerator", "denominator", "coverage"):
        table.add_column(heading)
    for item in found["indicators"]:
        table.add_row(
            f"{item['id']} v{item['version']}",
            item["reason"] or "" if item["value"] is None else _number(item["value"]),
            "" if item["unit"] == "1" else item["unit"],
            _number(item["numerator"]),
            _number(item["denominator"]),
            "" if item["coverage"] is None else f"{item['coverage']:.2f}",
        )
    Console().print(table)
    for item in found["indicators"]:
        if item["counts"]:
            told = ", ".join(f"{name} {count}" for name, count in item["counts"].items() if count)
            print(f"{DEFINITIONS[item['id']].name_en}: {told}")
    for one in found["ghost_slots"]:
        print(
            f"Ghost slot: {one['room']}, weekday {one['weekday']}, {one['session']} {one['period']}, "
            f"{one['school_class']}: empty on {one['empty']} of {len(one['dates'])} dates"
        )
    if found["never_used"]:
        print(f"Never used: {', '.join(found['never_used'])}")


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


Read = Callable[[Records, str], Any]


def _ask(
    settings: Settings, site: str | None, path: str, own: Read, ask: Callable[[Api, str], Any] = Api.items
) -> tuple[str, Any]:
    """(site, what `ask` gets below it at `path`) of the running API; else what `own` reads from the records."""
    if owner := reader(settings):
        api = Api(owner)
        site = choose_site(api.sites(), site)
        return site, ask(api, f"/api/v1/sites/{site}/{path}")
    require_store(settings)
    with closing(open_records(settings.records, settings.data)) as records:
        site = choose_site([one.id for one in records.sites()], site)
        return site, [asdict(one) for one in own(records, site)]


@month_app.command("list")
@with_settings()
def list_months(settings: Settings, site: OfSite = None, as_json: AsJson = False) -> None:
    """The months that were closed, the newest first."""
    site, found = _ask(settings, site, "months", lambda records, site: records.closed_months(site))
    if as_json:
        print(json.dumps(found, default=str))
        return
    for one in found:
        print(f"{str(one['start'])[:7]}: closed at {one['closed_at']} by {one['closed_by']}")
    if not found:
        print(f"No month of {site} was closed yet; `campus month close YYYY-MM` does it.")


@month_app.command("close")
@with_settings()
def close(settings: Settings, month: MonthArgument, site: OfSite = None) -> None:
    """Sign the figures of a month: they are kept as they are now, and what changes later is listed beside them."""
    first = _month(month)
    if owner := reader(settings):
        api = Api(owner)
        site = choose_site(api.sites(), site)
        api.post(f"/api/v1/sites/{site}/months", {"month": month})
    else:
        require_store(settings)
        with closing(open_records(settings.records, settings.data)) as records:
            site = choose_site([one.id for one in records.sites()], site)
            records.close_month(site, first, "command line")
    print(f"{month} of {site} is closed. `campus month amendments {month}` shows what changes from now on.")


@month_app.command("show")
@with_settings()
def show(settings: Settings, month: MonthArgument, site: OfSite = None, as_json: AsJson = False) -> None:
    """The site's figures of a closed month as they were signed, whatever changed since."""
    first = _month(month)
    site, found = _ask(
        settings,
        site,
        f"months/{month}",
        lambda records, site: signed_figures(records, site, first),
        lambda api, path: api.get(path)["indicators"],
    )
    if as_json:
        print(json.dumps(found, default=str, ensure_ascii=False))
        return
    _show(f"{site}, {month} as it was closed", {"indicators": found, "ghost_slots": [], "never_used": []})


@month_app.command("amendments")
@with_settings()
def amendments(
    settings: Settings, month: MonthArgument, site: OfSite = None, as_json: AsJson = False
) -> None:
    """What changed in a closed month since: each day of each room, piece of equipment or board, before and after."""
    first = _month(month)
    site, found = _ask(
        settings, site, f"months/{month}/amendments", lambda records, site: records.amendments(site, first)
    )
    if as_json:
        print(json.dumps(found, default=str))
        return
    for one in found:
        changed = ", ".join(f"{name} {one['before'][name]} -> {one['after'][name]}" for name in one["before"])
        print(f"{one['at']}: {one['kind']} {one['id']} on {one['date']}: {changed}")
    if not found:
        print(f"Nothing changed in {month} of {site} after it was closed.")


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise UsageError(f"'{text}' is not a month: write YYYY-MM, such as 2026-10.") from None

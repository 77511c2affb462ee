"""`campus audit`: who changed what, and whether the log of it is still what was written."""

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.options import with_settings
from campus.cli.reading import AsJson, require_store
from campus.errors import CampusError, UsageError
from campus.records import Records, open_records
from campus.settings import Settings

audit_app = typer.Typer(no_args_is_help=True, help="See who changed what, and check that the log is whole.")


@audit_app.command()
@with_settings()
def show(
    settings: Settings,
    last: Annotated[int, typer.Option(help="So many of the newest rows", min=1, max=100_000)] = 20,
    site: Annotated[str | None, typer.Option(help="Only what concerns this site")] = None,
    who: Annotated[str | None, typer.Option(help="Only what this person did")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest rows of the log, the oldest of them first."""
    with _records(settings) as records:
        rows = records.audit_log(limit=last, sites=None if site is None else {site}, who=who)[::-1]
    if as_json:
        print(json.dumps([asdict(row) | {"at": row.at.isoformat()} for row in rows], ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE)
    for heading in ("number", "at", "who", "from", "what", "of"):
        table.add_column(heading)
    for row in rows:
        at = row.at.astimezone(ZoneInfo(settings.tz))
        of = " ".join(part for part in (row.kind, row.id, f"({row.site})" if row.site else "") if part)
        table.add_row(str(row.number), f"{at:%Y-%m-%d %H:%M:%S}", row.who, row.from_where, row.what, of)
    Console().print(table)
    print("What was there before and after: the same with --json.")


@audit_app.command()
@with_settings()
def head(settings: Settings) -> None:
    """Print the number and hash of the last row: note them elsewhere, on paper or in another's mailbox."""
    with _records(settings) as records:
        found = records.audit_head()
    print(found.number, found.hash)


@audit_app.command()
@with_settings()
def verify(
    settings: Settings,
    head: Annotated[
        str | None, typer.Option(help="A hash that `campus audit head` printed", show_default=False)
    ] = None,
) -> None:
    """Walk the whole log: finds rows that were changed, deleted or exchanged; with --head also what was cut off."""
    if head is not None and (len(head) != 64 or head.strip("0123456789abcdef")):
        raise UsageError(
            "--head takes the 64 signs 0-9 and a-f that `campus audit head` printed behind the number."
        )
    with _records(settings) as records:
        verdict, last = records.verify_audit(head), records.audit_head()
    if verdict.why:
        raise CampusError(
            f"The audit log is not what was written: {verdict.why}. Rows 1 to {verdict.right} are right. Keep this "
            "database as it is, and look into the last backup from before for what stood there."
        )
    told = "the noted head is in it" if head else "note its head elsewhere to find rows that are cut off"
    print(f"The audit log is whole: {verdict.right} rows, head {last.hash}; {told}.")


def _records(settings: Settings) -> closing[Records]:
    if settings.records == "sqlite":
        require_store(settings)
    return closing(open_records(settings.records, settings.data))

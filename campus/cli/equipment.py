"""`campus equipment`: the register of equipment as Excel files, its labels, loans and completeness."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from campus.acting import COMMAND_LINE, acting
from campus.cli.figures import OfSite
from campus.cli.files import whole
from campus.cli.options import with_settings
from campus.cli.reading import AsJson, require_store
from campus.cli.running import choose_site
from campus.errors import UsageError
from campus.labels import Label, sheet
from campus.records import Records, open_records
from campus.records.register_reading import MOST_BYTES
from campus.settings import Settings

equipment_app = typer.Typer(
    no_args_is_help=True, help="The register of equipment: Excel files, labels, loans, completeness."
)

OfRoom = Annotated[str | None, typer.Option(help="Only this room, by its id")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change")]
FileToWrite = Annotated[Path, typer.Argument(help="File to write", show_default=False)]


@equipment_app.command("import")
@with_settings()
def import_file(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="Excel (.xlsx) or CSV with headings", show_default=False)],
    site: OfSite = None,
    dry_run: DryRun = False,
) -> None:
    """Add and change the equipment of a file, all of it or nothing; every wrong row is named."""
    content = _read(file)
    with _records(settings, site) as (records, name), acting(COMMAND_LINE, "this server"):
        made = records.import_register(name, content, dry_run=dry_run)
    if made.problems:
        for problem in made.problems:
            print(problem)
        raise UsageError(f"{file}: {len(made.problems)} cells are wrong, so nothing was written.")
    for change in made.changes:
        print(change)
    fate = "nothing written" if dry_run else "written" if made.changes else "all was there already"
    print(f"{made.rows} rows, {len(made.changes)} changes: {fate}.")


@equipment_app.command("export")
@with_settings()
def export(settings: Settings, file: FileToWrite, site: OfSite = None) -> None:
    """Write the whole register as an Excel workbook, which `campus equipment import` reads back."""
    with _records(settings, site) as (records, name):
        content = records.export_register(name)
    _write(file, content)


@equipment_app.command("fill")
@with_settings()
def fill(
    settings: Settings,
    template: Annotated[Path, typer.Argument(help="The authority's Excel template", show_default=False)],
    file: FileToWrite,
    site: OfSite = None,
    room: OfRoom = None,
) -> None:
    """Fill an authority's own Excel template with the equipment in use; all else in it stays as it is."""
    content = _read(template)
    with _records(settings, site) as (records, name):
        made = records.fill_template(name, content, room)
    _write(file, made)


@equipment_app.command("labels")
@with_settings()
def labels(
    settings: Settings,
    file: FileToWrite,
    site: OfSite = None,
    room: OfRoom = None,
    skip: Annotated[int, typer.Option(help="Places of the first sheet that are used already")] = 0,
) -> None:
    """Write a PDF of QR labels to print on A4, 24 a page."""
    with _records(settings, site) as (records, name):
        school = records.site(name).name
        found = [Label(one.code, one.name, school) for one in records.equipment_records(name, room=room)]
    _write(file, sheet(found, skip))


@equipment_app.command("loans")
@with_settings()
def loans(
    settings: Settings,
    site: OfSite = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what should be back")] = False,
    as_json: AsJson = False,
) -> None:
    """What is lent now, to whom and until when."""
    with _records(settings, site) as (records, name):
        found = records.loans(name, status="overdue" if overdue else "lent")
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    for one in found:
        late = ", overdue" if one.status == "overdue" else ""
        print(f"{one.number}: {one.quantity} {one.equipment}, {one.borrower}, due {one.due_on}{late}")
    if not found:
        print("Nothing is overdue." if overdue else "Nothing is lent.")


@equipment_app.command("completeness")
@with_settings()
def completeness(settings: Settings, site: OfSite = None, as_json: AsJson = False) -> None:
    """How complete the records are, and what each record lacks."""
    with _records(settings, site) as (records, name):
        found = records.completeness(name)
    if as_json:
        _print_json(asdict(found) | {"rooms": {room or "": asdict(one) for room, one in found.rooms.items()}})
        return
    total = found.total
    share = f", {100 * total.complete / total.known:.1f} %" if total.known else ""
    print(f"{total.complete} of {total.known} records are complete{share}.")
    for id, lacking in found.missing.items():
        print(f"{id}: {', '.join(lacking)}")
    for thing in found.unrecorded:
        print(f"{thing.code}: found in {thing.room}, and without a record")


@contextmanager
def _records(settings: Settings, site: str | None) -> Iterator[tuple[Records, str]]:
    """The records, which may be opened beside a running system, and the site that is meant."""
    require_store(settings)
    with closing(open_records(settings.records, settings.data)) as records:
        yield records, choose_site([one.id for one in records.sites()], site)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UsageError(f"{file} has more than {MOST_BYTES} bytes.")
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from error


def _write(file: Path, content: bytes) -> None:
    with whole(file) as part:
        part.write_bytes(content)
    print(f"{len(content)} bytes written to {file}.")


def _print_json(found: Any) -> None:
    print(json.dumps(found, default=str, ensure_ascii=False))

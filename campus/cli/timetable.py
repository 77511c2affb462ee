"""`campus timetable ...`: a school's timetable from the file of another program, and back."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.calendar import SESSIONS, Lesson, SubjectPlace
from campus.calendar.formats import MOST_BYTES, FormatError
from campus.calendar.formats import writing as formats
from campus.calendar.formats.registry import READERS
from campus.calendar.places import DEFAULTS, parse
from campus.calendar.validity import holds
from campus.cli.dates import parse_date
from campus.cli.files import whole
from campus.cli.options import with_settings
from campus.cli.running import DataFolder, running
from campus.errors import NotFound, StoreError, UsageError
from campus.records import open_records
from campus.records.facade import Records
from campus.records.timetable_import import TimetableFile
from campus.settings import Settings

SHOWN = 50

timetable_app = typer.Typer(no_args_is_help=True, help="Import, export and show a school's timetable.")

SiteArgument = Annotated[str, typer.Argument(metavar="SITE", help="The school's id", show_default=False)]
On = Annotated[
    str | None, typer.Option("--on", metavar="DATE", help="As it is on this date \\[default: today]")
]
Session = Annotated[str | None, typer.Option("--session", metavar="SESSION", help="morning or afternoon")]


@timetable_app.command("import")
@with_settings()
def import_(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="FET, aSc, iCalendar, Excel or CSV", show_default=False)],
    site: SiteArgument,
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first date on which it holds")],
    session: Session = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The first date on which it no longer holds")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(READERS)} \\[default: what the file is]")
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option("--with", help="The .fet that an activities.xml of FET belongs to", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change")] = False,
    every: Annotated[bool, typer.Option("--all", help=f"Show every line, not the first {SHOWN}")] = False,
) -> None:
    """Put a file's timetable in place of the stored one, from a date on; all of it or nothing.

    It is the whole timetable of the session, or of both sessions where none is given.
    """
    first, last = parse_date(start, "--from"), parse_date(end, "--to") if end else None
    content, data = _content(file), _content(beside) if beside else None
    with _records(settings, writes=not dry_run) as records:
        read = records.read_timetable(site, content, session, first, last, format, data)
        _tell(file, site, read, every)
        if read.problems:
            fate = "nothing would be imported" if dry_run else "nothing is imported"
            raise UsageError(
                f"{len(read.problems)} errors in {file.name}: {fate}. Correct them and try again."
            )
        changes = records.import_timetable(site, read.lessons, session, first, last, read.rows, dry_run)
    _lines("", changes, every)
    fate = "nothing written" if dry_run else "written" if changes else "all was there already"
    print(f"{len(changes)} changes: {fate}.")


@timetable_app.command("export")
@with_settings()
def export(
    settings: Settings,
    site: SiteArgument,
    file: Annotated[Path, typer.Argument(help="File to write", show_default=False)],
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(formats.WRITERS)} \\[default: by the file's name]")
    ] = None,
    session: Session = None,
    on: On = None,
) -> None:
    """Write the timetable of a date as a file that `campus timetable import` reads back to the same lessons."""
    if session not in (None, *SESSIONS):
        raise UsageError(f"--session is '{session}': choose {' or '.join(SESSIONS)}.")
    format = format or file.suffix.lstrip(".").lower()
    with _records(settings) as records:
        day = _day(records, site, on)
        calendar = records.calendar(site)
        lessons = [one for one in calendar.lessons if session in (None, one.session)]
    what = formats.Exported(lessons, day, calendar.bells, calendar.terms, calendar.tz)
    try:
        content = formats.write(what, format)
    except FormatError as error:
        raise UsageError(str(error)) from None
    with whole(file) as part:
        part.write_bytes(content)
    print(f"{len(what.valid())} lessons of {day} written to {file}.")


@timetable_app.command("show")
@with_settings()
def show(
    settings: Settings,
    site: SiteArgument,
    school_class: Annotated[str | None, typer.Option("--class", help="Of this class, such as 6A")] = None,
    room: Annotated[str | None, typer.Option(help="Of this room, by its id")] = None,
    on: On = None,
) -> None:
    """Show the week of one class or one room, as the timetable is on a date."""
    if (school_class is None) == (room is None):
        raise UsageError("Name either a class with --class, or a room with --room.")
    with _records(settings) as records:
        day = _day(records, site, on)
        if room is not None:
            records.room(site, room)
        elif school_class not in {one.name for one in records.classes(site)}:
            raise NotFound(f"There is no class '{school_class}' in site '{site}'.")
        lessons = [
            one
            for one in records.calendar(site).lessons
            if holds(one, day) and (one.room == room if room else one.school_class == school_class)
        ]
    if not lessons:
        print(f"No lessons of {school_class or room} on {day}.")
    for session in SESSIONS:
        held = [one for one in lessons if one.session == session]
        if held:
            Console().print(_week(f"{school_class or room}, {session}, {day}", held, room is None))


@timetable_app.command("places")
@with_settings()
def places(
    settings: Settings,
    site: SiteArgument,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SUBJECT=PLACE", help="home-room, room:ID, room-type:ID, outside, no-lesson"
        ),
    ] = None,
    removed: Annotated[
        list[str] | None, typer.Option("--remove", metavar="SUBJECT", help="Take the school's own row away")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show the defaults too")] = False,
) -> None:
    """Show or set where the lessons of subjects are held; the school's own rows come before the defaults.

    It counts for imports from now on: lessons that are stored stay where they are.
    """
    try:
        wanted = [parse(row) for row in rows or ()]
    except ValueError as error:
        raise UsageError(str(error)) from None
    if wanted or removed:
        with _records(settings, writes=True) as records:
            changes = records.set_subject_places(site, wanted, removed or ())
        _lines("", changes, True)
        print(f"{len(changes)} changes.")
        return
    with _records(settings) as records:
        own = records.subject_places(site)
    table = Table(box=box.SIMPLE)
    for heading in ("subject", "place", "of"):
        table.add_column(heading)
    for row in own:
        table.add_row(row.subject, _told(row), "the school")
    for row in DEFAULTS.values() if every else ():
        table.add_row(row.subject, _told(row), "default")
    if table.rows:
        Console().print(table)
    print(
        f"{len(own)} rows of the school's own, {len(DEFAULTS)} defaults{'' if every else ' (--all shows them)'}."
    )


@timetable_app.command("template")
def template(
    file: Annotated[Path, typer.Argument(help="The .xlsx file to write", show_default=False)],
    grid: Annotated[
        bool, typer.Option("--grid", help="A column for each class, not a row for each lesson")
    ] = False,
) -> None:
    """Write an empty Excel workbook in the shape that `campus timetable import` reads."""
    if file.suffix.lower() != ".xlsx":
        raise UsageError(f"{file} is not named .xlsx; the template is an Excel workbook.")
    with whole(file) as part:
        part.write_bytes(formats.template(grid))
    print(f"Template written to {file}.")


@contextmanager
def _records(settings: Settings, writes: bool = False) -> Iterator[Records]:
    """Reading goes beside a running system; writing does not."""
    if settings.records == "sqlite" and not settings.data.is_dir():
        raise StoreError(
            f"There is no data folder {settings.data}. Name it with --data, or import an inventory first."
        )
    folder = DataFolder(settings.data)
    if writes:
        if owner := running(settings.data):
            raise UsageError(
                f"Process {owner.pid} is running on {settings.data}: stop it first, then do this, then start it again."
            )
        folder.claim()
    try:
        with closing(open_records(settings.records, settings.data)) as records:
            yield records
    finally:
        folder.release()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"Cannot read the timetable {file}: {error.strerror}.") from error


def _tell(file: Path, site: str, read: TimetableFile, every: bool) -> None:
    classes = len({lesson.school_class for lesson in read.lessons})
    print(
        f"{file.name} ({read.format}): {read.activities} activities, {len(read.lessons)} lessons of {classes} "
        f"classes, errors: {len(read.problems)}."
    )
    _lines("note: ", read.notes, every)
    _lines("not placed: ", read.unplaced, every)
    _lines("error: ", [str(one).replace("places SITE", f"places {site}") for one in read.problems], every)


def _lines(prefix: str, lines: Sequence[str], every: bool) -> None:
    for line in lines if every else lines[:SHOWN]:
        print(prefix + line)
    if len(lines) > SHOWN and not every:
        print(f"... and {len(lines) - SHOWN} more lines; --all shows them.")


def _day(records: Records, site: str, on: str | None) -> date:
    return parse_date(on, "--on") if on else datetime.now(ZoneInfo(records.site(site).tz)).date()


def _told(row: SubjectPlace) -> str:
    return f"{row.place}:{row.target}" if row.target else row.place


def _week(title: str, lessons: Sequence[Lesson], of_class: bool) -> Table:
    table = Table(title=title, box=box.SIMPLE, show_lines=True)
    weekdays = range(1, max(5, *(one.weekday for one in lessons)) + 1)
    for heading in ("", *(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day - 1] for day in weekdays)):
        table.add_column(heading)
    for period in range(1, max(one.period for one in lessons) + 1):
        cells = [
            "\n".join(_cell(one, of_class) for one in lessons if (one.weekday, one.period) == (day, period))
            for day in weekdays
        ]
        table.add_row(str(period), *cells)
    return table


def _cell(one: Lesson, of_class: bool) -> str:
    where = (one.room or f"({one.place})") if of_class else one.school_class
    return " ".join(filter(None, (one.subject, one.teacher, where, one.week and f"week {one.week}")))

"""Commands that read: `campus export`, through the running API or the stores."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from campus.cli.dates import midnight_ms, parse_date
from campus.cli.files import whole
from campus.cli.options import with_settings
from campus.cli.running import Api, choose_site, reader
from campus.cli.system import now
from campus.errors import NotFound, StoreError, UsageError
from campus.records import open_records
from campus.records.exporting import RESOURCES
from campus.records.exporting import export as write_records
from campus.records.exporting_rows import Asked
from campus.settings import Settings
from campus.table_files import FORMATS
from campus.telemetry import TelemetryStore
from campus.telemetry.export import MAX_DAYS_OF_MEANS, MEAN_COLUMNS, csv_text, export, means
from campus.telemetry.stores import open_telemetry

EXPORT = "/api/v1/readings/export"
MEANS = "/api/v1/readings/means"

export_app = typer.Typer(no_args_is_help=True, help="Write what is stored to a file.")

From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First local date, YYYY-MM-DD")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="The day after the last local date")]
Format = Annotated[str, typer.Option(help="csv, parquet or xlsx (Excel)")]
Out = Annotated[
    Path | None,
    typer.Option(help="File to write \\[default: standard output for csv]", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output")]


@export_app.command("readings")
@with_settings()
def export_readings(
    settings: Settings,
    board: Annotated[str | None, typer.Option(help="Only this board")] = None,
    start: From = None,
    end: To = None,
    format: Format = "csv",
    out: Out = None,
) -> None:
    """Write stored readings as csv, parquet or xlsx: board, point, observed_at_ms, value, quality, received_at_ms.

    Works beside a running system (through its API) and without one (from the store itself).
    """
    _check_format(format, out)
    first, last = _span(start, end, settings.tz)
    owner = reader(settings)
    if owner is None:
        with _own_store(settings, board) as store:
            sink = out or sys.stdout.buffer
            count = export(store, sink, format, board=board, start_ms=first, end_ms=last)
        print(f"{count} readings{f' written to {out}' if out else ''}.", file=sys.stderr)
        return
    _download(Api(owner), EXPORT, out, format=format, board=board, start_ms=first, end_ms=last)


@export_app.command("means")
@with_settings()
def export_means(
    settings: Settings,
    board: Annotated[str | None, typer.Option(help="Only this board")] = None,
    start: From = None,
    end: To = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write \\[default: standard output]", show_default=False)
    ] = None,
) -> None:
    """Write 15-minute means as csv: board, point, start_ms, width_ms, count, mean, low, high, last.

    At most 400 days, the last ones by default. Where only daily means are left, those. Works like `readings`.
    """
    first, last = _span(start, end, settings.tz)
    owner = reader(settings)
    if owner is not None:
        _download(Api(owner), MEANS, out, board=board, start_ms=first, end_ms=last)
        return
    last = int(now().timestamp() * 1000) if last is None else last
    first = last - MAX_DAYS_OF_MEANS * 86_400_000 if first is None else first
    with _own_store(settings, board) as store:
        pieces = csv_text(means(store, None, board, first, last), MEAN_COLUMNS)
        if out is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return
        with whole(out) as part, part.open("wb") as file:
            file.writelines(pieces)
    print(f"Means written to {out}.", file=sys.stderr)


@export_app.command("records")
@with_settings()
def export_records(
    settings: Settings,
    resource: Annotated[str, typer.Argument(help=f"One of {', '.join(RESOURCES)}")],
    site: Annotated[
        str | None, typer.Option(help="School \\[default: the only one]", show_default=False)
    ] = None,
    start: From = None,
    end: To = None,
    format: Format = "csv",
    bom: Annotated[bool, typer.Option("--bom", help="Begin a csv with the mark that Excel wants")] = False,
    out: Out = None,
) -> None:
    """Write all rows of a resource of a school as csv, parquet or xlsx. Works like `readings`."""
    _check_format(format, out)
    days = [parse_date(text, name) if text else None for text, name in ((start, "--from"), (end, "--to"))]
    if resource not in RESOURCES:
        raise UsageError(f"'{resource}' cannot be exported: choose one of {', '.join(RESOURCES)}.")
    owner = reader(settings)
    if owner is not None:
        api = Api(owner)
        chosen = choose_site(api.sites(), site)
        asked = {"from": start, "to": end, "format": format, "bom": "true" if bom else None}
        _download(api, f"/api/v1/sites/{chosen}/export/{resource}", out, **asked)
        return
    require_store(settings)
    with closing(open_records(settings.records, settings.data, now=now)) as records:
        found = records.site(choose_site([one.id for one in records.sites()], site))
        of = Asked(found, now(), days[0], days[1], periods=True)

        def write(file: Any) -> int:
            return write_records(records, resource, of, file, format, bom=bom, known=lambda person: True)

        if out is None:
            write(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with whole(out) as part, part.open("wb") as file:
            rows = write(file)
    print(f"{rows} rows written to {out}.", file=sys.stderr)


def _check_format(format: str, out: Path | None) -> None:
    if format not in FORMATS:
        raise UsageError(f"--format is '{format}': choose csv, parquet or xlsx.")
    if format != "csv" and out is None:
        raise UsageError(f"A {format} file cannot go to the terminal: name it with --out FILE.{format}.")


def _span(start: str | None, end: str | None, tz: str) -> tuple[int | None, int | None]:
    first = midnight_ms(parse_date(start, "--from"), tz) if start else None
    last = midnight_ms(parse_date(end, "--to"), tz) if end else None
    if first is not None and last is not None and first >= last:
        raise UsageError(f"--from {start} is not before --to {end}; --to is the day after the last.")
    return first, last


@contextmanager
def _own_store(settings: Settings, board: str | None) -> Iterator[TelemetryStore]:
    require_store(settings)
    with closing(
        open_telemetry(settings.telemetry, settings.data, settings.raw_days, settings.mean_months)
    ) as store:
        if board is not None and not store.series(board=board):
            raise NotFound(f"There is no board '{board}' in the stored readings.")
        yield store


def _download(api: Api, path: str, out: Path | None, **query: Any) -> None:
    if out is None:
        api.download(path, sys.stdout.buffer, **query)
        sys.stdout.buffer.flush()
        return
    with whole(out) as part, part.open("wb") as file:
        size = api.download(path, file, **query)
    print(f"{size} bytes written to {out}.", file=sys.stderr)


def require_store(settings: Settings) -> None:
    """Reading must not make an empty data folder where there was none."""
    embedded = settings.telemetry == "duckdb" or settings.records == "sqlite"
    if embedded and not settings.data.is_dir():
        raise StoreError(
            f"There is no data folder {settings.data}. Name it with --data, or start `campus demo` to make one."
        )

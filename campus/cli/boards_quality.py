"""`campus board quality`: how good a board's connection is now, through the running API or the stores."""

import json
from contextlib import closing
from time import time_ns
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from campus.cli.boards import BoardId, SiteOption, board_app, console, site_for
from campus.cli.options import with_settings
from campus.cli.running import Api, reader
from campus.errors import UsageError
from campus.records import open_records
from campus.records.board_quality import board_quality
from campus.settings import Settings
from campus.wire.topics import valid_id


@board_app.command("quality")
@with_settings()
def quality(
    settings: Settings,
    board: BoardId,
    site: SiteOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Show how good a board's connection is over the last 10 minutes, and whether the board comes and goes."""
    if not valid_id(board):
        raise UsageError(f"'{board}' is not an id: use a-z, 0-9 and -, at most 64 of them.")
    if owner := reader(settings):
        site = site_for(settings, site)
        found = Api(owner).get(f"/api/v1/sites/{site}/boards/{board}/quality")
    else:
        site, found = _stored(settings, site, board)
    if as_json:
        print(json.dumps({"site": site, "board": board, **found}, ensure_ascii=False))
        return
    _show(found)


def _stored(settings: Settings, site: str | None, board: str) -> tuple[str, dict[str, Any]]:
    # These take a second to load, for which the other commands for boards need not wait.
    from campus.cli.reading import require_store
    from campus.telemetry.stores import open_telemetry

    require_store(settings)
    site = site_for(settings, site)
    with (
        closing(open_records(settings.records, settings.data)) as records,
        closing(
            open_telemetry(settings.telemetry, settings.data, settings.raw_days, settings.mean_months)
        ) as telemetry,
    ):
        known = records.board(site, board).id
        found = board_quality(records, telemetry, site, known, time_ns() // 1_000_000)
    parts = [one._asdict() for one in found.parts]
    return site, found._asdict() | {"parts": parts, "flapping": found.flapping._asdict()}


def _show(found: dict[str, Any]) -> None:
    if found["value"] is None:
        console.print(found["reason"])
    else:
        part = f", from {100 * found['measured']:.0f} % of the weights" if found["measured"] < 0.999 else ""
        console.print(f"{found['value']:.0f} of 100: {found['label']}{part}.")
    table = Table(box=box.SIMPLE)
    for heading in ("part", "value", "score", "weight"):
        table.add_column(heading)
    for one in found["parts"]:
        value, score = ("-", "-") if one["value"] is None else (f"{one['value']:.4g}", f"{one['score']:.2f}")
        table.add_row(one["name"], value, score, f"{one['weight']:.2f}")
    console.print(table)
    flaps = found["flapping"]
    said = "It flaps" if flaps["flapping"] else "It does not flap"
    console.print(flaps["reason"] or f"{said}: {flaps['change_pct']:.0f} % of its last states changed.")

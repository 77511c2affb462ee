"""`campus board place` and `unplace`: in which room a board is, and what its channels meter."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from campus.acting import COMMAND_LINE
from campus.cli.boards import BoardId, SiteOption, board_app, console
from campus.cli.options import with_settings
from campus.cli.running import choose_site
from campus.errors import StoreError, UsageError
from campus.records import Records, open_records
from campus.records.entities import Placement
from campus.settings import Settings

At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="From when on, as 2026-11-20T07:00, local time, or a date \\[default: now]"
    ),
]


@board_app.command("place")
@with_settings()
def place(
    settings: Settings,
    board: BoardId,
    room: Annotated[str, typer.Argument(metavar="ROOM", help="The room's id", show_default=False)],
    at: At = None,
    channels: Annotated[
        list[str] | None,
        typer.Option(
            "--channel", metavar="NUMBER=EQUIPMENT", help="What a channel meters; all of them, once given"
        ),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Say in which room a board is, until its next placement; what was derived meanwhile is made anew.

    Channels that are not named stay as they are while the board stays in its room, and end when it moves.
    """
    metered = _channels(channels) if channels else None
    with _records(settings, site) as (records, name):
        found = records.place_board(name, board, room, _time(at), COMMAND_LINE, metered)
        _tell(records, name, found)


@board_app.command("unplace")
@with_settings()
def unplace(settings: Settings, board: BoardId, at: At = None, site: SiteOption = None) -> None:
    """Say that a board is in no room, until its next placement; it stays in the list of boards."""
    with _records(settings, site) as (records, name):
        found = records.place_board(name, board, None, _time(at), COMMAND_LINE)
        _tell(records, name, found)
    if not found:
        console.print(f"{board} is in no room.")


@contextmanager
def _records(settings: Settings, site: str | None) -> Iterator[tuple[Records, str]]:
    """The records, which may be opened beside a running system, and the site that is meant."""
    if settings.records == "sqlite" and not settings.data.is_dir():
        raise StoreError(f"There is no data folder {settings.data}. Name it with --data.")
    with closing(open_records(settings.records, settings.data)) as records:
        yield records, choose_site([one.id for one in records.sites()], site)


def _tell(records: Records, site: str, found: Sequence[Placement]) -> None:
    zone = ZoneInfo(records.site(site).tz)

    def local(moment: datetime) -> str:
        return moment.astimezone(zone).isoformat(" ", "minutes")

    for one in found:
        what = f"{one.board} in {one.room}" if one.room else f"channel {one.channel} on {one.equipment}"
        until = f" to {local(one.valid_to)}" if one.valid_to else ""
        console.print(f"{what} from {local(one.valid_from)}{until}")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--at is '{text}': write a date or a time, as 2026-11-20T07:00.") from None


def _channels(given: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for text in given:
        number, _, equipment = text.partition("=")
        if not (number.isascii() and number.isdigit() and len(number) <= 3 and equipment):
            raise UsageError(f"--channel is '{text}': write it as NUMBER=EQUIPMENT, as 1=projector-a101.")
        if int(number) in found:
            raise UsageError(f"--channel names {int(number)} twice; a channel meters one thing.")
        found[int(number)] = equipment
    return found

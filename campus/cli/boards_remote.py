"""`campus board identify`, `reboot`, `rebirth`, `show`: what a board is asked over the network. docs/remote.md.

`configure` is in boards_configure.py, `update` in boards_update.py.
"""

import time
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from campus.cli.boards import BoardId, SiteOption, board_app, console
from campus.cli.boards_reach import find, reach, when
from campus.cli.options import with_settings
from campus.errors import CampusError
from campus.settings import Settings

RESTART_S = 120.0
NOTES = {
    "update-reverted": "an update did not prove itself, so it runs the program from before",
    "config-reverted": "a configuration did not prove itself, so it has the one from before",
    "safe-mode": "it failed to start several times, and runs network, commands and update only",
    "stalled": "a part of its program stood still, so it restarted",
    "sensor": "a sensor of this kind could not be set up: look at its wires and its pins",
}
"""Code of a birth's note, up to a colon -> what it means."""


@board_app.command("identify")
@with_settings()
def identify(
    settings: Settings,
    board: BoardId,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="How long")] = 10,
    site: SiteOption = None,
) -> None:
    """Have a board blink, to find it in a room."""
    with reach(settings, site, board) as there:
        there.ask("identify", {"seconds": seconds})
    console.print(f"{board} blinks for {seconds} s.")


@board_app.command("reboot")
@with_settings()
def reboot(settings: Settings, board: BoardId, site: SiteOption = None) -> None:
    """Restart a board, and wait until it is back. What it measured and nobody has stored yet stays on its flash."""
    with reach(settings, site, board) as there:
        before = there.birth()
        there.ask("reboot", {})
        began = time.monotonic()
        with console.status(f"{board} restarts"):
            birth = there.reborn(before, RESTART_S)
        if birth is None:
            raise CampusError(f"The board {board} restarts, and did not come back within {RESTART_S:.0f} s.")
    console.print(f"{board} is back after {time.monotonic() - began:.0f} s.")


@board_app.command("rebirth")
@with_settings()
def rebirth(settings: Settings, board: BoardId, site: SiteOption = None) -> None:
    """Have a board say anew what it is and measures, where the broker has lost that."""
    with reach(settings, site, board) as there:
        there.ask("rebirth", {})
    console.print(f"{board} said anew what it is. `campus board show {board}` shows it.")


@board_app.command("show")
@with_settings()
def show(settings: Settings, board: BoardId, site: SiteOption = None) -> None:
    """Show what a board is, what it runs since when, and what it last reported. Asks the records, not the board."""
    _, [known] = find(settings, site, board)
    table = Table(box=box.SIMPLE, show_header=False)
    for name, value in rows(known, settings.tz):
        table.add_row(name, Text(value))  # a board may say anything: not as markup
    console.print(table)


def rows(known: dict[str, Any], tz: str) -> list[tuple[str, str]]:
    """(what, its value) of everything that is known of a board."""

    def at(name: str) -> str:
        return when(known[name], tz) if known[name] else "never"

    def since(text: str | None, instant: str | None) -> str:
        return f"{text}, since {when(instant, tz)}" if text and instant else text or ""

    reported, reply = known["reported"], known["last_reply"]
    found = [
        ("board", known["id"]),
        ("site", known["site"]),
        ("availability", f"{known['availability']}, last heard {at('last_seen')}"),
        ("first heard", at("first_seen")),
        ("firmware", since(known["firmware"], known["firmware_since"])),
        ("hardware", known["hardware"] or ""),
        ("last start", known["reset_cause"] or ""),
        ("access point", known["access_point"] or ""),
        *(
            ("note", f"{note}: {NOTES.get(note.partition(':')[0], 'see docs/remote.md')}")
            for note in known["notes"]
        ),
        ("measures", ", ".join(sorted(known["points"]))),
    ]
    if reported:
        fate = "accepted" if reported["ok"] else "refused: " + "; ".join(reported["errors"])
        found.append(
            ("configuration", f"revision {reported['rev']} {fate}, {when(reported['received_at'], tz)}")
        )
    if reply:
        fate = "done" if reply["ok"] else f"refused: {reply['message'] or reply['code']}"
        found.append(("last answer", f"{fate}, {when(reply['received_at'], tz)}"))
    return found


import campus.cli.boards_configure  # noqa: E402
import campus.cli.boards_update  # noqa: E402, F401 (both register their commands on board_app)

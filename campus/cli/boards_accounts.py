"""`campus board enroll`, `foreign`, `reader`, `list` and `remove`: whom the broker lets in."""

import json
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from campus.boards.accounts import Account
from campus.boards.rights import BOARD, FOREIGN, READER
from campus.boards.usb import Usb, check_port
from campus.cli.asking import agreed
from campus.cli.boards import BoardId, DryRun, Office, SiteOption, Yes, board_app, console, own_wifi, site_for
from campus.cli.boards_reach import known_boards, when
from campus.cli.options import with_settings
from campus.errors import CampusError, UsageError
from campus.settings import Settings


@board_app.command("enroll")
@with_settings()
def enroll(
    settings: Settings,
    board: BoardId,
    site: SiteOption = None,
    port: Annotated[
        str | None, typer.Option(help="The board is on this serial port: give it its credential over USB")
    ] = None,
    hours: Annotated[float, typer.Option(help="How long a claim code is good, at most 744")] = 24,
) -> None:
    """Let a board in: a new credential over USB with --port, else a one-time claim code to type at the board.

    An older credential of the board ends. `campus board flash` does this by itself.
    """
    office = Office.open(settings)
    site = site_for(settings, site)
    if port is not None:
        _enroll_over_usb(office, site, board, port)
        console.print(f"{board} has a new credential for site {site}, and starts.")
        return
    office.accounts.require()
    code = office.accounts.claim_board(site, board, hours)
    until = _local((time.time() + hours * 3600) * 1000, settings.tz)
    console.print(f"Claim code of {board} for site {site}: [bold]{code}[/bold]")
    console.print(f"It is good once, until {until}.")
    console.print(
        f"Join the board's own Wi-Fi {own_wifi(board)} with the password on its label, open http://192.168.4.1, "
        f"and type the school's Wi-Fi, the server {office.setup.board_host()} and this code (docs/provisioning.md)."
    )


@board_app.command("foreign")
@with_settings()
def foreign(
    settings: Settings,
    source: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="An id for the device, such as plug-12: its board id here", show_default=False
        ),
    ],
    site: SiteOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Let in a device that is none of our boards: Tasmota, Shelly, Zigbee2MQTT or ESPHome (docs/foreign.md).

    Shows what to type into the device, its password among it. Again for the same id: a new password.
    """
    office = Office.open(settings)
    office.accounts.require()
    site = site_for(settings, site)
    told = _access(office, source, office.accounts.add_foreign(site, source), f"campus/ext/{site}/{source}")
    _show(told, f"Type into {source}, which speaks TLS (docs/foreign.md says where):", as_json)


@board_app.command("reader")
@with_settings()
def add_reader(
    settings: Settings,
    name: Annotated[
        str,
        typer.Argument(metavar="ID", help="An id for it, such as home-assistant", show_default=False),
    ],
    site: SiteOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Let in a program that reads the live state of rooms and boards, such as Home Assistant (docs/home-assistant.md).

    What it shows is personal data: for people who may see the live view only. Again for the same id: a new password.
    """
    office = Office.open(settings)
    office.accounts.require()
    site = site_for(settings, site)
    prefix = settings.discovery() or "off"
    told = _access(office, name, office.accounts.add_reader(site, name), prefix)
    _show(told, f"Type into {name}, which speaks TLS (docs/home-assistant.md says where):", as_json)


def _access(office: Office, user: str, password: str, prefix: str) -> dict[str, str | int]:
    return {
        "server": office.setup.board_host(),
        "port": office.setup.port,
        "authority": str(office.authority.ca_file),
        "user": user,
        "password": password,
        "prefix": prefix,
    }


def _show(told: dict[str, str | int], heading: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told))
        return
    console.print(heading)
    for name, value in told.items():
        console.print(f"  {name:10} {value}")


def _enroll_over_usb(office: Office, site: str, board: str, port: str) -> None:
    check_port(port)
    with TemporaryDirectory() as folder:
        usb = Usb(port, Path(folder))
        chip = usb.look()
        if chip.board != board:
            raise UsageError(f"The board on {port} is {chip.board}, not {board}.")
        if chip.site != site or "main.py" not in chip.names:
            raise UsageError(
                f"The board on {port} has no program for site {site}: install it with `campus board flash`."
            )
        usb.remember(office.credential(site, board), restart=True)


@board_app.command("list")
@with_settings()
def list_boards(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """List the boards that are let in, those whose claim code waits or ran out, and when each was last heard.

    Foreign devices and readers too: what is behind a bridge is listed by its readings only.
    """
    accounts = Office.open(settings).accounts.boards((BOARD, FOREIGN, READER))
    heard = _heard(settings, {account.site for account in accounts})
    rows = [_row(account, heard.get((account.site, account.user), {}), settings.tz) for account in accounts]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(box=box.SIMPLE)
    # An id that is cut names no board: it is the one to be typed again.
    table.add_column("board", no_wrap=True, min_width=max((len(one.user) for one in accounts), default=0))
    for heading in ("site", "state", "availability", "last heard", "firmware"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        seen = row["last_seen"]
        shown = {**row, "last_seen": when(seen, settings.tz) if seen else "never"}
        table.add_row(
            *(Text(value or "") for value in shown.values())
        )  # a board may say anything: not as markup
    console.print(table if rows else "No board is let in yet: see docs/provisioning.md.")


@board_app.command("remove")
@with_settings()
def remove(settings: Settings, board: BoardId, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Shut a board, a foreign device or a reader out: its credential and its connection end, its readings stay."""
    accounts = Office.open(settings).accounts
    found = [one for one in accounts.boards((BOARD, FOREIGN, READER)) if one.user == board]
    if dry_run and found:
        console.print(f"{board} of site {found[0].site} would be shut out. Nothing was changed.")
        return
    if found:
        agreed(f"Shut out {board} of site {found[0].site}?", yes)
    accounts.remove(board)
    console.print(f"{board} is shut out. `campus board enroll` lets it in again.")


def _local(unix_ms: float, tz: str) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, ZoneInfo(tz)):%Y-%m-%d %H:%M}"


def _heard(settings: Settings, sites: set[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """(site, board) -> what the records have of it; nothing of sites whose records cannot be read."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for site in sorted(sites):
        try:
            found |= {(site, one["id"]): one for one in known_boards(settings, site)}
        except CampusError as error:
            typer.echo(f"What the boards of {site} said last cannot be shown: {error}", err=True)
    return found


def _row(account: Account, heard: dict[str, Any], tz: str) -> dict[str, str | None]:
    expires_ms = account.claim_expires_ms
    if account.kind in (FOREIGN, READER):
        state = account.kind
    elif expires_ms is None:
        state = "enrolled"
    elif account.valid(time.time_ns() // 1_000_000):
        state = f"claim code until {_local(expires_ms, tz)}"
    else:
        state = "claim code ran out"
    told = {name: heard.get(name) for name in ("availability", "last_seen", "firmware")}
    return {"board": account.user, "site": account.site, "state": state, **told}

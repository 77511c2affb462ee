"""`campus inventory` and `campus password`: what a school's records need before its first board."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from campus.cli.options import with_settings
from campus.cli.running import DataFolder, running
from campus.errors import StoreError, UsageError
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.records.passwords import LEAST_PASSWORD
from campus.settings import Settings


@with_settings()
def inventory(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(help="JSON or TOML, as docs/records.md describes", show_default=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change")] = False,
) -> None:
    """Add or update rooms, boards, placements and timetable from a file; all of it or nothing."""
    wanted = Inventory.load(file)
    _refuse_beside_owner(settings)
    with ExitStack() as stack:
        data = settings.data
        if dry_run and settings.records == "sqlite" and not data.exists():
            data = Path(
                stack.enter_context(TemporaryDirectory())
            )  # nothing is there yet, and nothing shall be
        else:
            folder = DataFolder(data)
            folder.claim()
            stack.callback(folder.release)
        records = stack.enter_context(open_records(settings.records, data))
        changes = records.import_inventory(wanted, dry_run=dry_run)
    for change in changes:
        print(change)
    fate = "nothing written" if dry_run else "written" if changes else "all was there already"
    print(f"{len(changes)} changes: {fate}.")


@with_settings()
def password(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="Who signs in")] = "admin",
) -> None:
    """Set a new password; every session of that person ends. Piped input is taken as its first line."""
    if settings.records == "sqlite" and not settings.data.is_dir():
        raise StoreError(
            f"There is no data folder {settings.data}. Name it with --data, or start the system once."
        )
    if sys.stdin.isatty():
        asked = f"New password (at least {LEAST_PASSWORD} characters)"
        new = str(typer.prompt(asked, hide_input=True, confirmation_prompt=True))
    else:
        new = sys.stdin.readline().rstrip("\r\n")
    with closing(open_records(settings.records, settings.data)) as records:
        records.ensure_admin()
        records.set_password(name, new)
    print(f"The password of {name} is changed.")


def _refuse_beside_owner(settings: Settings) -> None:
    if owner := running(settings.data):
        raise UsageError(
            f"Process {owner.pid} is running on {settings.data}: stop it first, then import, then start it again."
        )

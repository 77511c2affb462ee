"""`campus board ...`: real boards, from the first flash over USB to the day one is removed.

What its commands share is here. They are in boards_accounts.py (who is let in), boards_place.py (where they are),
boards_flash.py (over USB) and, over the network, in boards_remote.py, boards_configure.py and boards_update.py.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.boards.setup import Setup
from campus.cli.running import Api, choose_site, reader
from campus.errors import StoreError, UsageError
from campus.records import open_records
from campus.settings import Settings
from campus.wire.topics import valid_id

board_app = typer.Typer(no_args_is_help=True, help="Set up real boards, and look after them.")

BoardId = Annotated[
    str,
    typer.Argument(metavar="BOARD", help="The board's id, such as esp32-a0b1c2d3e4f5", show_default=False),
]
SiteOption = Annotated[str | None, typer.Option(help="Site id, where there are several")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Office:
    """What `campus init` made in a data folder: the place where boards are let in."""

    setup: Setup
    accounts: Accounts
    authority: Authority

    @classmethod
    def open(cls, settings: Settings) -> "Office":
        """Raises StoreError where `campus init` did not run."""
        folder = Setup.folder(settings.data)
        setup = Setup.load(folder) if folder.is_dir() else None
        if setup is None:
            raise StoreError(
                f"{settings.data} is not prepared for real boards: run `campus init`, or name its folder with --data."
            )
        return cls(setup, Accounts(folder), Authority(folder))

    def credential(self, site: str, board: str) -> dict[str, str | None]:
        """What a board is given to prove itself and to know this server: keys of its own store. Ends an older one."""
        self.accounts.require()
        return {**self.trust(), "password": self.accounts.add_board(site, board), "password_old": None}

    def trust(self) -> dict[str, str | None]:
        """What a board believes, none of it secret: this server's authority, the key of its updates, the time."""
        return {
            "ca": self.authority.ca_pem(),
            "update_key": self.authority.update_modulus(),
            "time_s": str(time.time_ns() // 1_000_000_000),
            "guessed": None,  # that its clock was set by the last time it knew
        }


def site_for(settings: Settings, site: str | None) -> str:
    """The site a board is for: the one named, or the only one of the records. Raises UsageError."""
    if site is not None and not valid_id(site):
        raise UsageError(f"'{site}' is not an id: use a-z, 0-9 and -, at most 64 of them.")
    if owner := reader(settings):
        return choose_site(Api(owner).sites(), site)
    with closing(open_records(settings.records, settings.data)) as records:
        return choose_site([one.id for one in records.sites()], site)


def own_wifi(board: str) -> str:
    """The name of the Wi-Fi that a board without settings opens (firmware/board/portal.py)."""
    return "campus-" + board[-6:]


# Each registers its commands on board_app.
from campus.cli import boards_accounts, boards_flash, boards_place, boards_quality, boards_remote  # noqa: E402, F401

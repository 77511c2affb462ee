"""`campus board update`: this server's program goes to a board, signed and in pieces, and has to prove itself there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from campus.boards import bundle
from campus.boards.bundle import Bundle
from campus.boards.setup import Setup
from campus.cli.asking import agreed
from campus.cli.boards import DryRun, Office, SiteOption, Yes, board_app, console
from campus.cli.boards_reach import Reached, Refusal, accepted, find, last_heard
from campus.cli.brokers import operator_url
from campus.cli.options import with_settings
from campus.cli.progress import progress
from campus.errors import CampusError, UsageError
from campus.settings import Settings
from campus.wire.server import Birth, Reply, encode_update
from campus.wire.update import CHUNK_BYTES, MANIFEST
from collector.operator import Operator

STEP_S = 60.0  # the last steps have it read and compare all its files
PROOF_S = 480.0  # a trial of 5 min, and a start before and after it
SETBACKS = 8  # times that one file may be taken up at another place than we thought

Ask = Callable[[dict[str, Any]], Reply]
"""Sends one step of an update; the board's answer, ok or not."""


@dataclass(frozen=True, slots=True)
class Update:
    """A program and its signature."""

    program: Bundle
    signature: bytes

    def push(self, board: str, ask: Ask, told: Callable[[int], None] = lambda done: None) -> None:
        """Send everything that the board lacks; it restarts into it then. `told(bytes)` of `program.size`.

        Raises CampusError for a refusal: the board works on as it was.
        """
        manifest, files = self.program.manifest, self.program.files
        sent = 0

        def more(count: int) -> None:
            nonlocal sent
            sent += count
            told(sent)

        accepted(board, ask(encode_update("begin", len(manifest), self.signature)))
        needed = _needed(board, _send(board, ask, MANIFEST, manifest, more), self.program)
        more(sum(len(held) for path, held in files.items() if path not in needed))
        for path in needed:
            _send(board, ask, path, files[path], more)
        accepted(board, ask(encode_update("finish")))


def _send(board: str, ask: Ask, path: str, content: bytes, told: Callable[[int], None]) -> Any:
    """Send a file in order, from where the board says that it stands; returns the result of its last piece."""
    at = setbacks = 0
    while True:
        piece = content[at : at + CHUNK_BYTES]
        reply = ask(encode_update("file", path, at, piece))
        stands = (reply.result or {}).get("at")
        resumes = not reply.ok and reply.error["code"] == "offset" and setbacks < SETBACKS
        if resumes and type(stands) is int and 0 <= stands < len(content):
            at, setbacks = stands, setbacks + 1
            continue
        accepted(board, reply)
        at += len(piece)
        told(len(piece))
        if at >= len(content):
            return reply.result


def _needed(board: str, result: Any, program: Bundle) -> list[str]:
    """The files that the board asks for once it has the manifest."""
    needed = (result or {}).get("need")
    if not isinstance(needed, list) or not all(
        type(path) is str and path in program.files for path in needed
    ):
        raise CampusError(f"The board {board} asks for files that the update does not have.")
    return needed


@board_app.command("update")
@with_settings()
def update(
    settings: Settings,
    board: Annotated[
        str | None, typer.Argument(metavar="BOARD", help="The board's id", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every board of the site that is there")] = False,
    site: SiteOption = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Bring this server's version of the program to boards, one at a time, and wait until it has proved itself.

    A board that does not reach the broker with it within 5 minutes goes back to the program from before. The first
    board that fails ends the command. Try one board first, then --all.
    """
    if (board is None) is not every:
        raise UsageError("Name one board, or say --all.")
    site, known = find(settings, site, board)
    office = Office.open(settings)
    program = (
        bundle.build(0) if dry_run else bundle.release(Setup.folder(settings.data), datetime.now(UTC).date())
    )
    wanted = Update(program, office.authority.sign_update(program.manifest))
    with Operator(operator_url(settings)) as operator:
        there = _present([Reached(operator, site, one["id"], one, settings.tz) for one in known], board)
        number = f", number {program.version}" if program.version else ""
        console.print(
            f"Firmware {program.firmware}{number}: {len(program.files)} files, {program.size} bytes."
        )
        for one, birth in there:
            console.print(f"{one.board} runs {birth.firmware}.", markup=False)
        if dry_run or not there:
            console.print("Nothing was changed.")
            return
        agreed(f"Update {there[0][0].board if len(there) == 1 else f'{len(there)} boards'}?", yes)
        while there:
            one, birth = there.pop(0)
            try:
                _update(one, birth, wanted)
            except CampusError as error:
                left = f" Not tried: {', '.join(other.board for other, _ in there)}." if there else ""
                raise CampusError(f"{error}{left}") from error


def _present(boards: list[Reached], named: str | None) -> list[tuple[Reached, Birth]]:
    """Those that are online, with their births; of the others it is told. Raises CampusError for the one named."""
    births = boards[0].operator.births(boards[0].site) if boards else {}
    there = []
    for one in boards:
        birth = births.get(one.board)
        if birth is not None and one.online():
            there.append((one, birth))
        elif named:
            raise CampusError(f"The board {named} is not there. {last_heard(one.known, one.tz)}")
        else:
            console.print(f"{one.board} is left out. {last_heard(one.known, one.tz)}", markup=False)
    return there


def _proved(there: Reached, before: Birth) -> Birth | None:
    """Its birth when it has proved itself or gone back: a board on trial answers no command before. None: neither."""
    if there.reborn(before, PROOF_S) is None:
        return None
    there.answer("rebirth", {}, PROOF_S)
    return there.birth()


def _update(there: Reached, before: Birth, wanted: Update) -> None:
    """Send it, and wait for the proof. Raises CampusError where there is none."""
    board, firmware = there.board, wanted.program.firmware
    try:
        with progress(board, wanted.program.size) as told:
            wanted.push(board, lambda args: there.answer("update", args, STEP_S), told)
    except Refusal as refusal:
        if refusal.code != "version":
            raise
        console.print(f"{board} runs this version already, or a newer one.")
        return
    with console.status(f"{board} has all of it, and has to reach the broker with it within 5 minutes"):
        birth = _proved(there, before)
    if birth is None:
        raise CampusError(
            f"The board {board} did not come back within {PROOF_S / 60:.0f} min after its update: see docs/remote.md."
        )
    if "update-reverted" in birth.notes or birth.firmware != firmware:
        raise CampusError(
            f"The board {board} went back to firmware {birth.firmware}: the new one did not prove itself."
        )
    console.print(f"{board} runs {firmware} now.", markup=False)

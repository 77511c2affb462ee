"""`campus board configure`: what a board is to be configured as, checked here as the board does, and its verdict."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from campus.cli.boards import BoardId, DryRun, SiteOption, board_app, console
from campus.cli.boards_reach import Reached, last_heard, reach
from campus.cli.options import with_settings
from campus.errors import CampusError, UsageError
from campus.settings import Settings
from campus.wire.errors import WireError
from campus.wire.remote import Desired
from campus.wire.server import Availability, Reported, encode_desired
from firmware.board.config import ConfigError, parse

PROOF_S = 420.0  # a trial of 5 min, and a start before and after it
FIXED = ("site", "board")
STAND_IN: dict[str, Any] = {"broker": {"host": "broker"}, "sensors": [{"kind": "pir", "pin": 27}]}
"""In place of the keys that a board must have and that are not known here."""


@board_app.command("configure")
@with_settings()
def configure(
    settings: Settings,
    board: BoardId,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="JSON: keys of config.json with what they become")
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One key; null takes it away")
    ] = None,
    site: SiteOption = None,
    dry_run: DryRun = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the board's verdict")] = False,
) -> None:
    """Change keys of a board's config.json. It takes all of the change or nothing, and tries it for 5 minutes.

    A board that does not reach the broker with it by then goes back to what it had. One that is away takes the change
    when it comes back.
    """
    change = wanted(file, pairs or [])
    check(change)
    with reach(settings, site, board) as there:
        last, reported = there.operator.desired(there.site, board), there.operator.reported(there.site, board)
        pending = last.config if last and (reported is None or reported.rev < last.rev) else {}
        config = {**pending, **change}
        check(config)
        for line in difference(last, config):
            console.print(line, markup=False)
        rev = 1 + max(
            last.rev if last else 0,
            reported.rev if reported else 0,
            (there.known["reported"] or {"rev": 0})["rev"],
        )
        _check_size(rev, config)
        if dry_run:
            console.print("Nothing was changed.")
            return
        _carry_out(there, rev, config, no_wait)


def wanted(file: Path | None, pairs: list[str]) -> dict[str, Any]:
    """The change that a file and KEY=VALUE pairs ask for. Raises UsageError."""
    change: Any = {}
    if file is not None:
        try:
            change = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"Cannot read {file}: {error.strerror}.") from error
        except ValueError as error:
            raise UsageError(f"{file} is not JSON: {error}.") from error
        if not isinstance(change, dict):
            raise UsageError(f'{file} has to be an object such as {{"sample_ms": 2000}}.')
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {pair}: write KEY=VALUE.")
        try:
            change[key] = json.loads(value)
        except ValueError:
            change[key] = value
    if not change:
        raise UsageError("Name a FILE with the change, or --set KEY=VALUE.")
    return change


def check(change: Mapping[str, Any]) -> None:
    """Raises UsageError for what the board would refuse, found by the board's own check."""
    for key in FIXED:
        if key in change:
            raise UsageError(
                f"{key} cannot be changed from here: install the board anew with `campus board flash`."
            )
    document = {"site": "site", "board": "board", **STAND_IN}
    for key, value in change.items():
        if value is None:
            document.pop(key, None)
        else:
            document[key] = value
    try:
        parse(document)
    except ConfigError as error:
        raise UsageError(f"The board would refuse this: {error}.") from error


def difference(last: Desired | None, config: Mapping[str, Any]) -> list[str]:
    """Lines that show what changes, without secrets. What a board had before is known where it was set from here."""
    lines = []
    for key in sorted(config):
        if last is not None and key in last.config:
            if last.config[key] == config[key]:
                lines.append(f"  {key} = {shown(config[key])}")
                continue
            lines.append(f"- {key} = {shown(last.config[key])}")
        lines.append(f"+ {key} = {shown(config[key])}" if config[key] is not None else f"- {key}")
    return lines


def shown(value: Any) -> str:
    """JSON of a value, its passwords covered."""

    def covered(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: "…" if key == "password" else covered(held) for key, held in part.items()}
        return [covered(each) for each in part] if isinstance(part, list) else part

    return json.dumps(covered(value), ensure_ascii=False)


def _check_size(rev: int, config: dict[str, Any]) -> None:
    try:
        encode_desired(rev, config)
    except WireError as error:
        raise UsageError(
            f"This is more than one change may be: {error}. Change fewer keys at a time."
        ) from error


def _carry_out(there: Reached, rev: int, config: dict[str, Any], no_wait: bool) -> None:
    board, before = there.board, there.availability()
    there.operator.desire(there.site, board, rev, config, 0)
    if no_wait:
        console.print(
            f"Revision {rev} waits for {board}. `campus board show {board}` tells what it made of it."
        )
        return
    if before is None or before.state != "online":
        console.print(f"Revision {rev} waits for {board}. {last_heard(there.known, there.tz)}", markup=False)
        return
    with console.status(f"{board} checks revision {rev}") as status:
        report = _verdict(there, rev, before, status.update)
    if report is None:
        raise CampusError(f"The board {board} has said nothing of revision {rev}: see docs/remote.md.")
    if report.rev > rev:
        raise CampusError(f"Another change came after this one: {board} is at revision {report.rev}.")
    if not report.ok:
        raise CampusError(
            f"The board {board} did not keep revision {rev}: {'; '.join(report.errors).rstrip('.')}."
        )
    console.print(f"Confirmed: {board} works with revision {rev}.")


def _verdict(there: Reached, rev: int, before: Availability, told: Callable[[str], None]) -> Reported | None:
    """The board's report of a revision; None when there is none although the trial must be over."""
    until, on_trial = time.monotonic() + PROOF_S, False
    while time.monotonic() < until:
        report: Reported | None = there.heard("config/reported", lambda report: report.rev >= rev, 0.2)
        if report is not None:
            return report
        if not on_trial and there.heard("availability", lambda now: now != before, 0) is not None:
            on_trial = True
            console.print(f"Accepted, on trial: {there.board} restarts with it.")
            told(f"{there.board} has to reach the broker with it within 5 minutes")
    return None

"""What `campus doctor` looks at where `campus init` prepared a broker for real boards."""

import os
import shlex
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from campus.boards.accounts import Accounts
from campus.boards.authority import RENEW_DAYS, Authority
from campus.boards.setup import Setup, own_hosts
from campus.errors import CampusError
from collector.installed import program, version
from collector.mosquitto import refuse_taken


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `ok`, what was found, and what to do when it is not ok."""

    check: str
    ok: bool
    found: str
    advice: str = ""


def examine_boards(folder: Path, running: bool) -> list[Finding]:
    """`folder` is DIR/broker; `running`: a system runs on it, and has the port."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("broker files", lambda: _files(folder)),
        ("accounts", lambda: _accounts(folder)),
        ("keys", lambda: _keys(folder)),
        ("certificate", lambda: _certificate(folder)),
        ("mosquitto", _mosquitto),
        ("boards' port", lambda: _port(folder, running)),
    ]
    return [examined(name, check) for name, check in checks]


def examined(name: str, check: Callable[[], Finding]) -> Finding:
    """What a check finds, or what kept it from looking."""
    try:
        return check()
    except CampusError as error:
        return Finding(name, False, str(error), "See docs/first-board.md.")
    except OSError as error:
        advice = "Correct its owner, or run this as the user that the system runs as."
        return Finding(name, False, f"{error.filename}: {error.strerror}", advice)


def _files(folder: Path) -> Finding:
    private = [folder, *(file for file in folder.iterdir() if file.is_file() and file.name != "lock")]
    if opened := [file for file in private if file.stat().st_mode & 0o077]:
        names = shlex.join(map(str, opened))
        return Finding("broker files", False, f"{names}: open to other users", f"Run: chmod go= {names}")
    if closed := [file for file in private if not os.access(file, os.R_OK | os.W_OK)]:
        advice = (
            f"Run: sudo chown -R --reference={shlex.quote(str(folder.parent))} {shlex.quote(str(folder))}"
        )
        return Finding("broker files", False, f"{', '.join(map(str, closed))}: of another user", advice)
    return Finding("broker files", True, f"{folder}, closed to other users")


def _accounts(folder: Path) -> Finding:
    accounts = Accounts(folder)
    accounts.require()
    boards, now_ms = accounts.boards(), time.time_ns() // 1_000_000
    waiting = sum(board.claim_expires_ms is not None and board.valid(now_ms) for board in boards)
    return Finding("accounts", True, f"boards: {len(boards)}; with a claim code that waits: {waiting}")


def _keys(folder: Path) -> Finding:
    Authority(folder).check()
    return Finding("keys", True, f"{folder}/ca.key and update.key, of which a copy should be elsewhere")


def _certificate(folder: Path) -> Finding:
    authority = Authority(folder)
    days, hosts = authority.days_left(), authority.server_hosts()
    if days < RENEW_DAYS:
        advice = "`campus up` renews it: start it, or look at its log."
        return Finding("certificate", False, f"{days} days left", advice)
    setup = Setup.load(folder)
    own = own_hosts(setup.listen) if setup else []
    if unnamed := [host for host in own if host not in hosts]:
        advice = (
            "Run `campus init` again: boards refuse a server by a name that its certificate does not have."
        )
        return Finding("certificate", False, f"not for {', '.join(unnamed)}", advice)
    return Finding("certificate", True, f"{days} days left, for {', '.join(hosts)}")


def _mosquitto() -> Finding:
    path = program()
    return Finding("mosquitto", True, f"{path}, version {'.'.join(map(str, version(path)))}")


def _port(folder: Path, running: bool) -> Finding:
    setup = Setup.load(folder)
    if setup is None:
        return Finding("boards' port", False, "not settled", "Run `campus init`.")
    where = f"{setup.listen}:{setup.port}"
    if not running:
        refuse_taken(setup)
        return Finding("boards' port", True, f"{where} is free")
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(setup.listen, setup.listen)  # noqa: S104
    try:
        socket.create_connection((address, setup.port), 3).close()
    except OSError as error:
        advice = "Stop the system and start it again; then look at its log."
        return Finding("boards' port", False, f"{where}: {error.strerror or error}", advice)
    return Finding("boards' port", True, f"{where} answers")

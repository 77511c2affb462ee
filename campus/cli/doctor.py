"""`campus doctor`: what is wrong with this installation, and what to do about it. It changes nothing."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from campus.boards.authority import EARLIEST
from campus.boards.setup import Setup
from campus.cli.brokers import MOSQUITTO, NAMED, broker_kind
from campus.cli.doctor_boards import Finding, examine_boards, examined
from campus.cli.options import with_settings
from campus.cli.running import Running, running
from campus.errors import CampusError
from campus.records.database import inspect_records, unheld
from campus.settings import Settings
from campus.telemetry.stores import open_telemetry
from collector.address import BrokerAddress

LEAST_FREE_MB = 500


@with_settings()
def doctor(
    settings: Settings,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Check settings, data folder, disk, clock, stores, broker and the running system; exit 1 if anything is wrong."""
    findings = examine(settings)
    if as_json:
        print(
            json.dumps(
                {"ok": all(f.ok for f in findings), "findings": [asdict(f) for f in findings]},
                ensure_ascii=False,
            )
        )
    else:
        console = Console(highlight=False, soft_wrap=True)  # a command to copy stays in one piece
        for f in findings:
            mark = "[green]ok   [/green]" if f.ok else "[red]wrong[/red]"
            told = f"{f.check}: {f.found}" + (f"\n      → {f.advice}" if f.advice and not f.ok else "")
            console.print(f"{mark} {escape(told)}")
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order a person would mend them."""
    owner = running(settings.data)
    checks: list[Callable[[Settings, Running | None], Finding]] = [
        _zone,
        _folder,
        _disk,
        _clock,
        _records,
        _telemetry,
        _broker,
        _address,
        _system,
    ]
    found = [examined(check.__name__.strip("_"), partial(check, settings, owner)) for check in checks]
    folder = Setup.folder(settings.data)
    if settings.mqtt in ("auto", MOSQUITTO) and os.access(folder, os.F_OK):
        found += examine_boards(folder, owner is not None)
    return found


def _zone(settings: Settings, _: Running | None) -> Finding:
    try:
        ZoneInfo(settings.tz)
    except (ZoneInfoNotFoundError, ValueError):
        return Finding(
            "time zone", False, f"'{settings.tz}' is unknown", "Set tz to a name such as Asia/Ho_Chi_Minh."
        )
    return Finding("time zone", True, settings.tz)


def _folder(settings: Settings, _: Running | None) -> Finding:
    path = settings.data
    if not path.exists():
        return Finding("data folder", True, f"{path} is not there yet; the first start makes it")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "data folder",
            False,
            f"{path} cannot be read and written",
            "Correct its owner, or name another with --data.",
        )
    if path.stat().st_mode & 0o077:
        return Finding("data folder", False, f"{path} is open to other users", f"Run: chmod 700 {path}")
    return Finding("data folder", True, str(path))


def _disk(settings: Settings, _: Running | None) -> Finding:
    path = next((p for p in (settings.data, *settings.data.absolute().parents) if p.exists()), settings.data)
    free = shutil.disk_usage(path).free // 2**20
    return Finding(
        "disk",
        free >= LEAST_FREE_MB,
        f"{free} MB free",
        f"Free at least {LEAST_FREE_MB} MB, or move the data folder.",
    )


def _clock(settings: Settings, _: Running | None) -> Finding:
    now = datetime.now(UTC)
    return Finding(
        "clock",
        now > EARLIEST,
        f"{now:%Y-%m-%d %H:%M:%S} UTC",
        "Set the clock, or let it follow a time server.",
    )


def _records(settings: Settings, owner: Running | None) -> Finding:
    try:
        found = inspect_records(settings.records, settings.data)
        why = None if settings.records == "sqlite" else unheld(settings.records)
    except CampusError as error:
        return Finding("records", False, str(error), "See docs/records.md.")
    if why is None:
        return Finding("records", True, found)
    return Finding(
        "records",
        False,
        f"{found}; {why}, so row-level security does not keep its schools apart",
        "Give the records a role of their own; docs/records.md has the commands.",
    )


def _telemetry(settings: Settings, owner: Running | None) -> Finding:
    file = settings.data / "telemetry.duckdb"
    if settings.telemetry == "duckdb" and (owner or not file.exists()):
        return Finding(
            "telemetry",
            True,
            "held by the running system" if owner else "not there yet; the first start makes it",
        )
    try:
        with closing(open_telemetry(settings.telemetry, settings.data)) as store:
            extent = store.extent()
    except CampusError as error:
        return Finding("telemetry", False, str(error), "See docs/telemetry.md.")
    if extent is None:
        return Finding("telemetry", True, "empty")
    first, last = (datetime.fromtimestamp(ms / 1000, UTC) for ms in extent)
    return Finding("telemetry", True, f"readings from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")


def _broker(settings: Settings, owner: Running | None) -> Finding:
    try:
        if (kind := broker_kind(settings)) != NAMED:
            where = f", on 127.0.0.1:{owner.mqtt_port}" if owner and owner.mqtt_port else "; not running"
            return Finding("broker", True, kind + where)
        address = BrokerAddress.parse(settings.mqtt)
        address.probe(3)
    except CampusError as error:
        return Finding("broker", False, str(error), "Start the broker, or correct --mqtt.")
    return Finding("broker", True, f"{address} answers")


def _address(settings: Settings, owner: Running | None) -> Finding:
    host, port = settings.address()
    if owner and owner.http:
        return Finding("address", True, f"served at {owner.http}")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                "address", False, f"{settings.http}: {error.strerror}", "Choose another with --http."
            )
    return Finding("address", True, f"{settings.http} is free")


def _system(settings: Settings, owner: Running | None) -> Finding:
    if owner is None:
        return Finding("system", True, "not running on this data folder")
    if owner.http is None:
        return Finding("system", True, f"process {owner.pid}, collector alone")
    try:
        health = httpx.get(
            f"{owner.http}/api/v1/health",
            headers={"Authorization": f"Bearer {owner.token}"},
            timeout=5,
            trust_env=False,
        ).json()
    except (httpx.HTTPError, ValueError) as error:
        return Finding(
            "system", False, f"process {owner.pid} does not answer: {error}", "Stop it and start it again."
        )
    ready = bool(health.get("ready"))
    return Finding(
        "system",
        ready,
        f"process {owner.pid}, " + ("ready" if ready else "; ".join(health.get("reasons", []))),
        "Wait a minute; then look at its log.",
    )

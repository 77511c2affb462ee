"""`campus backup`: everything a server keeps, in one file, while it runs."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from campus.cli import archive
from campus.cli.archive import Manifest
from campus.cli.copies import copies, examine, megabytes, opened
from campus.cli.options import with_settings
from campus.cli.progress import progress
from campus.cli.running import Running, running
from campus.errors import CampusError, StoreError, UsageError
from campus.settings import Settings

ROUTE = "/api/v1/backup"
_stderr = Console(stderr=True, highlight=False, soft_wrap=True)


@with_settings()
def backup(
    settings: Settings,
    file: Annotated[
        Path | None,
        typer.Argument(help="The file, or a folder for it \\[default: the data folder's name and the time]"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look whether FILE is a whole backup")] = False,
) -> None:
    """Put records with their files, readings, journal, the broker's keys and accounts into one file, while all runs.

    Whoever has the file has every secret of the server: keep it as you keep the server.
    `campus restore` brings it back.
    """
    if check:
        if file is None:
            raise UsageError("Name the file to check: campus backup --check FILE.")
        manifest = checked(file)
        print(f"{file} is whole: {holds(manifest)}, made at {manifest.made_at}.{_lacks(manifest)}")
        return
    target = _target(settings.data.absolute(), file)
    owner = running(settings.data)
    source = _through(owner) if owner else _directly(settings)
    with source as (size, pieces), progress("Writing", size, _stderr) as told:
        packed, manifest = archive.write(target, _counted(pieces, told))
    print(
        f"{target}: {megabytes(packed)}, {holds(manifest)}. It holds every secret of this server: keep it safe."
        + (f" {manifest.beside}" if manifest.beside else "")
        + _lacks(manifest)
    )


def checked(file: Path) -> Manifest:
    """The manifest of an archive of which every file is whole and every database opens. Raises CampusError."""
    manifest = archive.read(file)
    with tempfile.TemporaryDirectory(prefix="campus-check-") as folder:
        archive.read(file, Path(folder))
        try:
            examine(Path(folder), manifest)
        except StoreError as error:
            raise StoreError(f"{file} is no good: {error}") from error
    return manifest


def holds(manifest: Manifest) -> str:
    """What an archive holds, in words."""
    readings = "no readings" if manifest.beside else f"readings up to batch {manifest.cursor}"
    broker = ", the broker's keys and accounts" if has_broker(manifest) else ""
    files = ", photos and documents" if manifest.holds(archive.CONTENTS) else ""
    return f"records{files}, {readings}, {manifest.waiting} batches after it{broker}"


def _lacks(manifest: Manifest) -> str:
    if not manifest.lacking:
        return ""
    return (
        f" {manifest.lacking} photos or documents were not whole on the server any more, and are not in it."
    )


def has_broker(manifest: Manifest) -> bool:
    """Whether it holds the broker of real boards."""
    return any(file.name.startswith("broker/") for file in manifest.files)


def _tell(step: str) -> None:
    """On a terminal only: whom a timer writes to, wants the last sentence."""
    if _stderr.is_terminal:
        _stderr.print(step)


def _target(data: Path, file: Path | None) -> Path:
    name = f"{data.resolve().name or 'campus'}-{datetime.now(UTC):%Y%m%d-%H%M%S}Z.tar.gz"
    target = Path(name) if file is None else file / name if file.is_dir() else file
    if target.exists() and not target.is_file():
        raise UsageError(f"{target} is no file: name another.")
    return target


def _counted(pieces: Iterator[bytes], told: Callable[[float], None]) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        told(done)


@contextmanager
def _directly(settings: Settings) -> Iterator[tuple[int, Iterator[bytes]]]:
    with opened(settings) as stores:
        made = copies(settings, *stores, told=lambda step: _tell(f"Copying the {step} ..."))
    yield made.size, made.pieces()


@contextmanager
def _through(owner: Running) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The bytes from the process that owns the folder."""
    if owner.http is None:
        raise UsageError(
            f"Process {owner.pid} collects without an API: stop it for the backup; the broker keeps what boards send."
        )
    _tell(f"Process {owner.pid} copies its stores ...")
    headers = {"Authorization": f"Bearer {owner.token}", "Accept-Language": "en"}
    # How long the copies take is not known; a process that ends closes the connection.
    patience = httpx.Timeout(30, read=None)
    try:
        with httpx.stream(
            "GET", owner.http + ROUTE, headers=headers, timeout=patience, trust_env=False
        ) as answer:
            if answer.status_code == 404:
                raise CampusError(f"Process {owner.pid} is of a version that makes no backups: restart it.")
            if answer.status_code >= 400:
                answer.read()
                raise CampusError(str(answer.json()["detail"]))
            yield int(answer.headers["content-length"]), answer.iter_bytes()
    except httpx.HTTPError as error:
        raise CampusError(
            f"The running system broke off: {error}. No backup was made; run it again."
        ) from error

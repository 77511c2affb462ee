"""The photos and documents of equipment in a backup: one plain tar of contents, each named by its SHA-256."""

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from campus.cli.archive import CONTENTS, Unpacked
from campus.errors import StoreError
from campus.records.attachments import FOLDER, MOST_BYTES
from campus.records.snapshot import attached

HELD = "attachments-held"
_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")
_BLOCK = tarfile.BLOCKSIZE


def hold(data: Path, folder: Path) -> None:
    """Keep the contents that are there now under `folder`, by links: nobody can remove them from there.

    Before the records are copied and again after it: what is removed meanwhile is held by then, what is added later.
    """
    for path in (data / FOLDER).glob("??/*"):
        if _NAME.fullmatch(f"{path.parent.name}/{path.name}"):
            target = folder / HELD / path.name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if not target.exists():
                _link(path, target)


def pack(folder: Path) -> int:
    """Make `folder`/attachments.tar of what `folder`/records.sqlite names; returns how many contents are not whole."""
    lacking = 0
    wanted = sorted(attached(folder))
    if wanted:
        with (folder / CONTENTS).open("xb") as out:
            for digest in wanted:
                try:
                    content = (folder / HELD / digest).read_bytes()
                except FileNotFoundError:
                    content = b""
                if hashlib.sha256(content).hexdigest() != digest:
                    lacking += 1
                    continue
                info = tarfile.TarInfo(f"{digest[:2]}/{digest}")
                info.size, info.mode = len(content), 0o600
                out.write(info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % _BLOCK))
            out.write(bytes(2 * _BLOCK))
    shutil.rmtree(folder / HELD, ignore_errors=True)
    return lacking


def examine(folder: Path, lacking: int) -> None:
    """Look at each content, and whether each that the records name is there, but for `lacking`. Raises StoreError."""
    there = {digest for digest, _ in _contents(folder)}
    wanted = attached(folder)
    if there - wanted or len(wanted - there) != lacking:
        raise StoreError("It has not the photos and documents that its records name: take another backup.")


def unpack(folder: Path) -> None:
    """`folder`/attachments.tar becomes the folder of the contents. Raises StoreError, OSError."""
    for digest, content in _contents(folder):
        with Unpacked(folder / FOLDER / digest[:2] / digest) as out:
            out.write(content)
    (folder / CONTENTS).unlink(missing_ok=True)


def size(data: Path) -> int:
    """Bytes of the contents in a data folder."""
    return sum(path.stat().st_size for path in (data / FOLDER).glob("??/*") if path.is_file())


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(SHA-256, content) of each. Raises StoreError for anything that `pack` would not have put there."""
    file = folder / CONTENTS
    if not file.exists():
        return
    damaged = StoreError("Its photos and documents are damaged: take another backup.")
    seen: set[str] = set()
    with file.open("rb") as tar:
        while (block := tar.read(_BLOCK)).strip(b"\0"):
            try:
                info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
            except (tarfile.HeaderError, ValueError) as error:
                raise damaged from error
            found = _NAME.fullmatch(info.name)
            if not found or info.type != tarfile.REGTYPE or not 0 <= info.size <= MOST_BYTES:
                raise damaged
            digest, content = found[2], tar.read(info.size)
            if digest in seen or hashlib.sha256(content).hexdigest() != digest:
                raise damaged
            seen.add(digest)
            tar.read(-info.size % _BLOCK)
            yield digest, content
        if len(block) != _BLOCK or tar.read() != bytes(_BLOCK):
            raise damaged


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileNotFoundError:
        pass  # removed just now
    except OSError:  # a file system without links
        shutil.copyfile(path, target)

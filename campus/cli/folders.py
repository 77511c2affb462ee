"""A data folder put in the place of another in one step, so that a crash leaves the one or the other, whole."""

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from itertools import count
from pathlib import Path

from campus.cli.archive import sync

UNFINISHED = "unfinished"
"""A file in a folder that is still being filled; without it, the folder is whole."""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def staging(data: Path) -> Iterator[Path]:
    """An empty folder beside `data`, gone at the end unless it was put in its place. Raises OSError.

    What is left of a process that was killed is removed where it is unfinished, and left to a person where it is whole.
    """
    made = [folder for folder in data.parents if not folder.exists()]
    data.parent.mkdir(parents=True, exist_ok=True)
    for left in data.parent.glob(f"{escape(data.name)}.restoring-*"):
        with suppress(OSError), (left / UNFINISHED).open() as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{data.name}.restoring-", dir=data.parent))
    mark = (folder / UNFINISHED).open("w")
    try:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield folder
    finally:
        mark.close()
        if (folder / UNFINISHED).exists():
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # something is there now
            for parent in made:
                parent.rmdir()


def left_over(data: Path) -> list[Path]:
    """Whole folders beside `data` that a killed process left: the old one, or one that was about to replace it."""
    return [
        left
        for left in data.parent.glob(f"{escape(data.name)}.restoring-*")
        if not (left / UNFINISHED).exists()
    ]


def put_in_place(folder: Path, data: Path) -> Path | None:
    """Make `folder` what `data` is; returns where the old one is now, None where there was none. Raises OSError.

    Where the file system cannot exchange two folders in one step, `data` is not there for a moment between two.
    """
    _protect(folder, data if data.exists() else data.parent)
    for each in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync(each)
    (folder / UNFINISHED).unlink()
    sync(folder)
    if not data.exists():
        folder.rename(data)
        sync(data.parent)
        return None
    aside = _free(data.with_name(f"{data.name}.before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}Z"))
    try:
        _exchange(folder, data)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL):
            (folder / UNFINISHED).touch()
            raise
        data.rename(aside)
        folder.rename(data)
    else:
        try:
            folder.rename(aside)
        except OSError:  # it is the old one now, and whole: under this name too
            aside = folder
    sync(data.parent)
    return aside


def _free(path: Path) -> Path:
    """`path`, or the first of it with a number that is not there."""
    return next(one for n in count(1) if not (one := path if n == 1 else Path(f"{path}-{n}")).exists())


def _exchange(one: Path, other: Path) -> None:
    """https://man7.org/linux/man-pages/man2/rename.2.html"""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, "no renameat2")
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _protect(folder: Path, like: Path) -> None:
    """Only its owner may read it; what root restores belongs to whom the folder belonged to."""
    owner = like.stat()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)


def is_empty(data: Path) -> bool:
    """Whether nothing of a system lies there: no folder, or only what says who owned it."""
    with suppress(FileNotFoundError):
        return all(path.name in ("lock", "run.json", "run.json.new") for path in data.iterdir())
    return True

"""Files that hold secrets: readable by their owner only, written whole or not at all, also through a power cut."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from campus.errors import StoreError

DRAFT = ".draft"


def make_folder(folder: Path) -> None:
    """`folder` with mode 0700, also when it was there already. Raises StoreError."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _hand_over(folder, folder.parent)
        folder.chmod(0o700)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def replace(file: Path, content: bytes) -> None:
    """Write `file` with mode 0600 in place of what was there. Raises StoreError."""
    _write(file, content, lambda draft: draft.replace(file))


def create(file: Path, content: bytes) -> None:
    """Write `file` with mode 0600. Raises StoreError, also when it is there already: it is never overwritten."""
    _write(file, content, lambda draft: file.hardlink_to(draft))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time changes what is in `folder`; drafts of one that was killed go. Raises StoreError."""
    make_folder(folder)
    try:
        with (folder / "lock").open("a") as lock:
            _hand_over(lock.fileno(), folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            for draft in folder.glob(f"*{DRAFT}"):
                draft.unlink()
            yield
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be written: {error.strerror}.") from error


def _hand_over(made: Path | int, folder: Path) -> None:
    """What root makes is for the owner of the folder: a `sudo campus ...` must not lock the running system out."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def _write(file: Path, content: bytes, publish: Callable[[Path], object]) -> None:
    draft = None
    try:
        number, name = tempfile.mkstemp(
            dir=file.parent, prefix=f"{file.name}.", suffix=DRAFT
        )  # its mode is 0600
        draft = Path(name)
        with os.fdopen(number, "wb") as out:
            _hand_over(number, file.parent)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        publish(draft)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is durable too
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"Cannot write {file}: {error.strerror}.") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)

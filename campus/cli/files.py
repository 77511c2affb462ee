"""Files that a command writes: whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campus.errors import UsageError


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """A path beside `file` to write to; it becomes `file` when all went well. Raises UsageError."""
    part = file.with_name(f".{file.name}.part") if file.name else file
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if file.exists() and not file.is_file():  # a pipe or a terminal is written as it is
            part = file
        yield part
        if part != file:
            part.replace(file)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from error
    finally:
        if part != file:
            part.unlink(missing_ok=True)

"""Questions to the person at the terminal."""

import os
import sys
from pathlib import Path

import typer

from campus.errors import UsageError


def agreed(question: str, yes: bool) -> None:
    """Return when the person says yes. Raises UsageError without a terminal, and when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is here to ask: add --yes.")
    if not typer.confirm(question):
        raise UsageError("It is not done: you said no.")


def secret(question: str, file: Path | None, option: str, variable: str) -> str:
    """A secret, which is never a word of the command line: the first line of `file`, which `option` named, else of the
    environment, else asked without echo; piped input is taken as its first line. Raises UsageError."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"Cannot read {file}: {error}.") from error
    if (held := os.environ.get(variable)) is not None:
        return held
    if sys.stdin.isatty():
        return str(typer.prompt(question, hide_input=True, default="", show_default=False))
    if line := sys.stdin.readline():
        return line.rstrip("\r\n")
    raise UsageError(
        f"{question}: nobody is here to ask; name a file with {option}, or put it in {variable}."
    )

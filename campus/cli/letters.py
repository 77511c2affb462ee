"""Commands that read the collector's journal, running or not: `campus dead-letters` and `campus gaps`."""

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from campus.cli.options import with_settings
from campus.errors import UsageError
from campus.settings import Settings
from campus.wire.causes import CAUSES
from collector.dead_letters import DEAD_LETTER_BYTES, MAX_DEAD_LETTERS
from collector.intake import DISORDER, FAULT
from collector.journal_view import Gap, find_gaps, rejected
from collector.limits import FLOOD
from collector.messages import DeadLetter

MEANINGS = CAUSES | {
    FLOOD: "more messages than one board may send; it keeps these records and sends them again",
    DISORDER: "so far out of order that it cannot be remembered; it stays on its board",
    FAULT: "our own mistake in taking it in: the collector's log has it, please report it",
}
RANGES = 6
"""Ranges of one boot that are shown; --json has them all."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output")]


@with_settings()
def dead_letters(
    settings: Settings,
    limit: Annotated[
        int, typer.Option(min=0, max=MAX_DEAD_LETTERS, help="Messages to show, the newest first")
    ] = 20,
    cause: Annotated[str | None, typer.Option(help="Only messages of this cause")] = None,
    full: Annotated[bool, typer.Option("--full", help="All that is kept of a message, not one line")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the collector rejected and why: how many of each cause, and the newest messages.

    Works beside a running system and without one. Nothing that a board sent can harm the terminal.
    """
    if cause is not None and cause not in MEANINGS:
        raise UsageError(f"There is no cause '{cause}'; known are: {', '.join(MEANINGS)}.")
    zone = _zone(settings.tz)
    counts, letters = rejected(settings.data, limit, cause)
    if as_json:
        print(json.dumps({"counts": counts, "letters": [_document(letter, zone) for letter in letters]}))
        return
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if not counts:
        console.print("No message was ever rejected.")
        return
    table = Table(title="Rejected since the journal was made", box=box.SIMPLE, title_justify="left")
    for heading, justify in (("cause", "left"), ("count", "right"), ("means", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(Text(harmless(name)), str(count), Text(MEANINGS.get(name, "")))
    console.print(table, soft_wrap=False)
    if limit:
        of = f" of {cause}" if cause else ""
        console.print(
            f"The newest {len(letters)}{of}, times of {settings.tz}; the last {MAX_DEAD_LETTERS} are kept."
        )
    width = None if full else max(20, console.width - 4)
    for letter in letters:
        at = _time(letter, zone).strftime("%Y-%m-%d %H:%M:%S")
        console.print(f"{at}  {harmless(letter.cause)}  {harmless(letter.topic)}")
        console.print(f"    {shown(letter.payload, width)}")


@with_settings()
def gaps(
    settings: Settings,
    site: Annotated[str | None, typer.Option(help="Only this site")] = None,
    board: Annotated[str | None, typer.Option(help="Only this board")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the records that boards made and could not deliver: they were offline for longer than their memory lasts.

    Per board and boot (a start of the board): how many, and their numbers. What still comes is no gap any more.
    """
    found = find_gaps(settings.data, site, board)
    total = sum(gap.missing for gap in found)
    if as_json:
        boots = [gap._asdict() | {"missing": gap.missing} for gap in found]
        print(json.dumps({"records_missing": total, "boots": boots}))
        return
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("No record is missing: all that boards told of was delivered.")
        return
    table = Table(box=box.SIMPLE)
    for heading, justify in (
        ("site", "left"),
        ("board", "left"),
        ("boot", "left"),
        ("missing", "right"),
        ("records", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for gap in found:
        table.add_row(gap.site, gap.board, gap.boot, str(gap.missing), _ranges(gap))
    console.print(table, soft_wrap=False)
    console.print(
        f"{total} records were measured and never delivered: their boards had to drop the oldest, "
        "offline for longer than their memory lasts."
    )


def shown(payload: bytes, width: int | None = None) -> str:
    """One line of a payload that no terminal obeys: text with escapes, or hex where it is no text; cut to `width`."""
    try:
        text = harmless(payload.decode())
    except UnicodeDecodeError:
        text = f"hex {payload.hex(' ')}"
    if len(payload) >= DEAD_LETTER_BYTES:
        text += " … (no more is kept)"
    if not payload:
        text = "(nothing)"
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


def harmless(text: str) -> str:
    """Text without control characters, terminal escapes and invisible signs: those become \\x1b and the like."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )


def _ranges(gap: Gap) -> str:
    told = [str(first) if first == last else f"{first}..{last}" for first, last in gap.ranges[:RANGES]]
    if (more := len(gap.ranges) - RANGES) > 0:
        told.append(f"{more} more ranges")
    if gap.closed:
        told.append(f"{gap.closed} whose numbers were given up")
    return ", ".join(told)


def _document(letter: DeadLetter, zone: ZoneInfo) -> dict[str, str | None]:
    """`payload` is text; where it is none, `payload_hex` has its bytes."""
    try:
        text, raw = letter.payload.decode(), None
    except UnicodeDecodeError:
        text, raw = None, letter.payload.hex()
    at = _time(letter, zone).isoformat(timespec="milliseconds")
    return {
        "received_at": at,
        "cause": letter.cause,
        "topic": letter.topic,
        "payload": text,
        "payload_hex": raw,
    }


def _time(letter: DeadLetter, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(letter.received_at_ms / 1000, zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"tz is '{name}', which is unknown: set it to a name such as Asia/Ho_Chi_Minh."
        ) from error

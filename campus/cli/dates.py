"""Local school dates on the command line: half-open ranges [from, to)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from campus.errors import UsageError


def parse_date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} is '{text}': write a date as YYYY-MM-DD.") from error


def parse_range(start: str | None, end: str | None, today: date) -> tuple[date, date]:
    """[from, to) as dates; without them, the last seven days including today. Raises UsageError."""
    last = parse_date(end, "--to") if end else today + timedelta(days=1)
    first = parse_date(start, "--from") if start else last - timedelta(days=7)
    if first >= last:
        raise UsageError(
            f"--from {first} is not before --to {last}; the range is half-open, so --to is the day after the last."
        )
    return first, last


def midnight_ms(day: date, tz: str) -> int:
    """Unix ms of the start of a local day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz)).timestamp()) * 1000

"""Local days in Unix ms: where they begin. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campus.indicators.facts import ms


def midnight(at_ms: int, zone: ZoneInfo) -> int:
    """The local midnight at or before."""
    return start_of(_date(at_ms, zone), zone)


def next_midnight(at_ms: int, zone: ZoneInfo) -> int:
    """The first local midnight after."""
    return start_of(_date(at_ms, zone) + timedelta(days=1), zone)


def dates(start_ms: int, end_ms: int, zone: ZoneInfo) -> list[date]:
    """The local dates that [start_ms, end_ms) touches, ascending."""
    first, last = _date(start_ms, zone), _date(end_ms - 1, zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _date(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> int:
    """Unix ms of the local midnight with which a date begins."""
    return ms(datetime.combine(day, time(), zone))

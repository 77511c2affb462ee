"""The words in which files name days, sessions, periods and weeks: Vietnamese and English."""

import re
import unicodedata
from functools import lru_cache

from campus.calendar import SESSIONS, WEEKS

_MORNING, _AFTERNOON = SESSIONS
_SESSIONS = {
    "sang": _MORNING,
    "s": _MORNING,
    "morning": _MORNING,
    "am": _MORNING,
    "chieu": _AFTERNOON,
    "c": _AFTERNOON,
    "afternoon": _AFTERNOON,
    "pm": _AFTERNOON,
}
_NUMBERS = {"hai": 2, "ba": 3, "tu": 4, "nam": 5, "sau": 6, "bay": 7}
_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SESSION = r"(?:buoi\s*)?(?P<session>sang|chieu|morning|afternoon|am|pm)"
_WITH_SESSION = (
    re.compile(rf"{_SESSION}\b\s*[-:,]?\s*(?P<rest>.*)"),
    re.compile(rf"(?P<rest>.*?)\s*[-:,(]?\s*\b{_SESSION}\)?"),
)
_THU = re.compile(r"(?:thu|t)\s*\.?\s*([2-8]|hai|ba|tu|nam|sau|bay)")
_HALF_DAY = re.compile(r"([sc])\s*([2-7])")  # S2: the morning of Thứ 2
_HOUR = re.compile(r"(?:(?P<half>[sc])|tiet|t|period|p|hour|h)?\s*\.?\s*(?P<number>\d{1,2})")
MOST_PERIODS = 20
_CACHED = 1000  # the same few labels stand on every row


@lru_cache(_CACHED)
def plain(text: str) -> str:
    """Lower case without accents and double spaces: how labels are compared, never how they are kept."""
    bare = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(letter for letter in bare if not unicodedata.combining(letter)).split())


def read_session(text: str) -> str | None:
    """morning or afternoon; None for anything else."""
    return _SESSIONS.get(plain(text).removeprefix("buoi").strip(" .:"))


@lru_cache(_CACHED)
def read_day(text: str) -> tuple[int, str | None] | None:
    """(ISO weekday, session where the label tells it): Thứ 2, Thứ Hai, T2, Monday, Mon, CN, S2, Sáng Thứ 2; or None."""
    label, session = _without_session(plain(text))
    if half := _HALF_DAY.fullmatch(label):
        return int(half[2]) - 1, _SESSIONS[half[1]]
    if label in ("chu nhat", "cn"):
        return 7, session
    if thu := _THU.fullmatch(label):
        number = _NUMBERS.get(thu[1]) or int(thu[1])
        return number - 1, session
    english = text.casefold().strip()  # with its accents: "Thứ" alone is not Thu
    for weekday, name in enumerate(_ENGLISH, 1):
        if english in (name, name[:3]) or label == name:
            return weekday, session
    return None


@lru_cache(_CACHED)
def read_hour(text: str) -> tuple[int, str | None] | None:
    """(period, session where the label tells it): Tiết 1, T1, 1, S1, C1, Sáng 1, Tiết 1 chiều; or None."""
    label, session = _without_session(plain(text))
    found = _HOUR.fullmatch(label)
    if found is None or not 1 <= int(found["number"]) <= MOST_PERIODS:
        return None
    return int(found["number"]), _SESSIONS[found["half"]] if found["half"] else session


def read_week(text: str) -> str | None:
    """a or b: A, Tuần B, week-a; None for anything else."""
    label = re.sub(r"^(?:tuan|week)\s*-?\s*", "", plain(text))
    return label if label in WEEKS else None


def _without_session(label: str) -> tuple[str, str | None]:
    for pattern in _WITH_SESSION:
        if found := pattern.fullmatch(label):
            return found["rest"].strip(), _SESSIONS[found["session"]]
    return label, None

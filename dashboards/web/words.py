"""The words of the pages in Vietnamese and English, and how numbers, dates and times are written in each."""

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

LANGUAGES = ("vi", "en")
CATALOGUE = Path(__file__).parent / "catalogue.json"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """key -> language -> text; `{name}` in a text is filled in."""
    found: dict[str, dict[str, str]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return found


class Words:
    """One language's texts and formats. An unknown key raises KeyError: a page never shows a key."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self.other = LANGUAGES[1 - LANGUAGES.index(self.language)]

    def __call__(self, key: str, **values: Any) -> str:
        text = catalogue()[key][self.language]
        return text.format_map(values) if values else text

    def number(self, value: float, decimals: int = 0) -> str:
        """1.234,5 in Vietnamese, 1,234.5 in English; always the given number of decimals."""
        return _decimal(round(value, decimals) + 0.0, decimals, self.language)

    def percent(self, ratio: float) -> str:
        """62,4 % of 0.624; the sign is kept with the number."""
        return f"{self.number(ratio * 100, 1)}\u00a0%"

    def date(self, day: dt.date) -> str:
        return f"{day:%d/%m/%Y}"

    def day_month(self, day: dt.date) -> str:
        return f"{day:%d/%m}"

    def weekday(self, day: dt.date) -> str:
        return self(f"weekday.{day.isoweekday()}")

    def time(self, at: dt.datetime, zone: ZoneInfo) -> str:
        return f"{at.astimezone(zone):%H:%M}"

    def since(self, ms: int, now_ms: int, zone: ZoneInfo) -> str:
        """The local time, with its date when that is not today's."""
        at, now = (dt.datetime.fromtimestamp(one / 1000, zone) for one in (ms, now_ms))
        return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%H:%M %d/%m}"

    def room_type(self, room_type: Any) -> str:
        """The name of a records' RoomType."""
        name: str = room_type.name_vi if self.language == "vi" else room_type.name_en
        return name

    def script(self) -> dict[str, str]:
        """The texts a page's script needs, without their `script.` prefix."""
        return {
            key.removeprefix("script."): text[self.language]
            for key, text in catalogue().items()
            if key.startswith("script.")
        }


@cache
def _pattern(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _decimal(value: float, decimals: int, language: str) -> str:
    return format_decimal(value, format=_pattern(decimals), locale=language)


@cache
def words(language: str) -> Words:
    return Words(language)

"""The words of the pages in Vietnamese and English, and how numbers, dates and times are written in each."""

import datetime as dt
import json
import re
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

    def moment(self, at: dt.datetime, zone: ZoneInfo) -> str:
        """The local time and date."""
        return f"{at.astimezone(zone):%H:%M %d/%m/%Y}"

    def month(self, day: dt.date) -> str:
        """A month by its numbers."""
        return f"{day:%m/%Y}"

    @staticmethod
    def has(key: str) -> bool:
        """Whether the catalogue has a key that is made of data."""
        return key in catalogue()

    def room_type(self, room_type: Any) -> str:
        """The name of a records' RoomType."""
        name: str = room_type.name_vi if self.language == "vi" else room_type.name_en
        return name

    def retold(self, sentence: str) -> str | None:
        """A sentence of the records, which are English, in this language; None for one the catalogue does not have.

        The keys `told.*` hold those sentences; what stands for `{name}` in the English one is taken over.
        """
        if self.language == "en":
            return sentence
        for pattern, key in _told():
            if found := pattern.fullmatch(sentence):
                return self(
                    key, **{name: _word(self, name, text) for name, text in found.groupdict().items()}
                )
        return None

    def script(self) -> dict[str, str]:
        """The texts a page's script needs, without their `script.` prefix."""
        return {
            key.removeprefix("script."): text[self.language]
            for key, text in catalogue().items()
            if key.startswith("script.")
        }


@cache
def _told() -> list[tuple[re.Pattern[str], str]]:
    """The English sentences of `told.*` as patterns, those with the most words of their own first."""
    found = []
    for key, texts in catalogue().items():
        if key.startswith("told."):
            parts = re.split(r"\{(\w+)\}", texts["en"])
            pattern = "".join(
                f"(?P<{part}>.*?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
            )
            found.append((sum(len(part) for part in parts[::2]), re.compile(pattern, re.S), key))
    return [(pattern, key) for _, pattern, key in sorted(found, key=lambda one: -one[0])]


def _word(words: Words, name: str, text: str) -> str:
    """A word of the data model in a sentence, such as a session or the number of a weekday, as people say it."""
    if name == "weekday" and text in "1234567":
        return words(f"weekday.{text}")
    return words(f"word.{text}") if f"word.{text}" in catalogue() else text


@cache
def _pattern(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _decimal(value: float, decimals: int, language: str) -> str:
    return format_decimal(value, format=_pattern(decimals), locale=language)


@cache
def words(language: str) -> Words:
    return Words(language)

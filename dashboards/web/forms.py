"""Forms: the texts of a page's fields become values, or a sentence beside the field. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

TEXT, LONG, WHOLE, DECIMAL, DATE, CHOICE, MONEY = (
    "text",
    "long",
    "whole",
    "decimal",
    "date",
    "choice",
    "money",
)
FIRST_YEAR, LAST_YEAR = 1900, 2199
NEWEST_TEXT = 2000  # letters of one field that are looked at, and shown again

Told = tuple[str, dict[str, int]]
"""A key of the catalogue, and the numbers that are filled in."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `label` and `hint` are keys of the catalogue; `choices` are (value, text).

    `number` stands for `{number}` in the label of one of several.
    """

    name: str
    label: str
    kind: str = TEXT
    required: bool = False
    least: float = 0
    most: float = 10**13
    longest: int = 120
    choices: Sequence[tuple[str, str]] = ()
    suggested: Sequence[str] = ()
    hint: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """Fields with what stands in them. `problems`: name -> sentence; `stored`: name -> what somebody else wrote.

    `version`: that of the record which the person saw. `mark`: of a form that adds one, what tells it apart.
    """

    fields: Sequence[Field]
    texts: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    version: int | None = None
    mark: str | None = None

    @property
    def first_wrong(self) -> str | None:
        """The field at which a person goes on."""
        return next((one.name for one in self.fields if one.name in self.problems), None)


def read(fields: Sequence[Field], texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Told]]:
    """(values by name, None where nothing right was written; what is wrong by name)."""
    values: dict[str, Any] = {}
    problems: dict[str, Told] = {}
    for one in fields:
        text, values[one.name] = texts.get(one.name, "").strip(), None
        if not text:
            if one.required:
                problems[one.name] = ("form.required", {})
            continue
        try:
            values[one.name] = _value(one, text)
        except _WrongError as wrong:
            problems[one.name] = wrong.told
    return values, problems


def texts_of(fields: Sequence[Field], record: Any, comma: bool) -> dict[str, str]:
    """What stands in the fields for a record; `comma`: before decimals, as in Vietnamese."""
    return {one.name: _text(getattr(record, one.name, None), comma) for one in fields}


class _WrongError(Exception):
    def __init__(self, key: str, **values: int) -> None:
        self.told: Told = (key, values)


def _value(one: Field, text: str) -> Any:
    match one.kind:
        case "whole" | "money":
            return _whole(one, text)
        case "decimal":
            return _decimal(one, text)
        case "date":
            return _date(text)
        case "choice":
            if text not in {value for value, _ in one.choices}:
                raise _WrongError("form.choice")
            return text
    text = text.replace("\r\n", "\n")
    if len(text) > one.longest:
        raise _WrongError("form.long", most=one.longest, length=len(text))
    allowed = "\n\t" if one.kind == LONG else ""
    if any((ord(sign) < 32 and sign not in allowed) or ord(sign) == 127 for sign in text):
        raise _WrongError("form.control")
    return text


def _whole(one: Field, text: str) -> int:
    digits = text
    if one.kind == MONEY:
        digits = text.translate({ord(sign): None for sign in ".,đ₫ \u00a0\u202f"})
    bare = digits.removeprefix("-")
    if not (bare.isascii() and bare.isdigit() and len(bare) <= 15 and one.least <= int(digits) <= one.most):
        raise _WrongError("form.whole", least=int(one.least), most=int(one.most))
    return int(digits)


def _decimal(one: Field, text: str) -> float:
    whole, _, rest = text.replace(",", ".", 1).partition(".")
    plain = whole.isascii() and whole.isdigit() and len(whole) <= 9
    if not plain or (rest and not (rest.isascii() and rest.isdigit() and len(rest) <= 6)):
        raise _WrongError("form.decimal", most=int(one.most))
    value = float(f"{whole}.{rest or 0}")
    if not one.least < value <= one.most:
        raise _WrongError("form.decimal", most=int(one.most))
    return value


def _date(text: str) -> date:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            day = datetime.strptime(text, pattern).date()  # noqa: DTZ007 a date has no zone
        except ValueError:
            continue
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    raise _WrongError("form.date")


def _text(value: Any, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if comma else text
    return str(value)

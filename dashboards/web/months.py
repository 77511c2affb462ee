"""A month's indicators as a page tells them: the value with its evidence, or why there is none. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campus.indicators import Indicator
from campus.indicators.definition import Amount, Definition
from dashboards.web.words import Words, catalogue

FIRST_MONTH = date(2000, 1, 1)
MONTHS_BACK = 24
GROUPS = ("room", "equipment", "link", "record")


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator in the reader's words. `value` None has a `reason`; `signed`: as closed, if not the same."""

    of: str
    id: str
    version: int
    name: str
    value: str | None
    reason: str
    counted: str
    coverage: str | None
    signed: str | None


def parse_month(text: str | None) -> date | None:
    """The first day of "2026-10"; None for what is no month from 2000 to 2199."""
    found = re.fullmatch(r"(2[01]\d\d)-(0[1-9]|1[0-2])", text or "")
    return date(int(found[1]), int(found[2]), 1) if found else None


def month_list(chosen: date, today: date) -> list[date]:
    """The first days of the months to choose from, the newest first; the chosen one is among them."""
    months, one = {chosen}, today.replace(day=1)
    for _ in range(MONTHS_BACK):
        months.add(one)
        one = (one - timedelta(days=1)).replace(day=1)
    return sorted(months, reverse=True)


def evidence(words: Words, definition: Definition, one: Indicator, signed: Indicator | None = None) -> Line:
    """The line of an indicator; `signed` is the same one as it was when the month was closed."""
    name = definition.name_vi if words.language == "vi" else definition.name_en
    value = _value(words, definition, one)
    was = _value(words, definition, signed) if signed else None
    return Line(
        of=definition.of,
        id=one.id,
        version=one.version,
        name=name[:1].upper() + name[1:],
        value=value,
        reason=_reason(words, one) if value is None else "",
        counted=_counted(words, definition, one),
        coverage=None if one.coverage is None else words.percent(one.coverage),
        signed=(was or words("rate.none")) if signed and was != value else None,
    )


def groups(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """(what they are of, its lines), in the order of the reference."""
    found = [(of, [line for line in lines if line.of == of]) for of in GROUPS]
    return [(of, some) for of, some in found if some]


def _value(words: Words, definition: Definition, one: Indicator) -> str | None:
    if one.value is None:
        return None
    if definition.unit == "1":
        return words.percent(one.value)
    return f"{_number(words, one.value)}\u00a0{unit(words, definition.unit)}"


def _counted(words: Words, definition: Definition, one: Indicator) -> str:
    of, over = (
        _amount(words, part, value)
        for part, value in ((definition.numerator, one.numerator), (definition.denominator, one.denominator))
    )
    return words("month.total" if definition.total else "month.ratio", numerator=of, denominator=over)


def _amount(words: Words, amount: Amount, value: float) -> str:
    return f"{_number(words, value)}\u00a0{unit(words, amount.unit)}"


def _number(words: Words, value: float) -> str:
    return words.number(value, 0 if float(value).is_integer() or abs(value) >= 1000 else 1)


def unit(words: Words, name: str) -> str:
    """A unit of the definitions, as people write it."""
    key = f"unit.{name}"
    return words(key) if key in catalogue() else name


def _reason(words: Words, one: Indicator) -> str:
    if one.reason_code is None:
        return one.reason or words("rate.none")
    values = {
        name: words.number(value, 1) if isinstance(value, float) else value
        for name, value in one.reason_values.items()
    }
    return words(f"reason.{one.reason_code}", **values)

"""The reference page of all definitions: `python -m campus.indicators.reference > docs/indicator-reference.md`."""

import sys

from campus.indicators.definition import EQUIPMENT, LINK, RECORD, ROOM, UPKEEP, Definition
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.reasons import CODES

HEAD = """\
# Indicator reference

Made from `campus/indicators` by `python -m campus.indicators.reference`; do not edit. What the definitions have in
common, and what their choices mean: [indicators.md](indicators.md).

A value is numerator ÷ denominator, or, where it is called a total, the numerator alone; the denominator then says what
it was counted over. Where less was measured than the least coverage, there is no value, and a reason. Personal figures
tell about teachers, and are shown by their own rule.
"""

CHAPTERS = {
    ROOM: "Rooms",
    EQUIPMENT: "Equipment",
    LINK: "Connectivity in school hours",
    RECORD: "Digital records",
    UPKEEP: "Upkeep of equipment",
}


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for of, title in CHAPTERS.items():
        parts.append(f"\n## {title}\n")
        parts += [_entry(found) for found in DEFINITIONS.values() if found.of == of]
    parts.append("\n## Reasons for no value\n\n| code | sentence |\n|---|---|\n")
    parts += [f"| `{code}` | {text} |\n" for code, text in CODES.items()]
    return "".join(parts)


def _entry(found: Definition) -> str:
    needed = f"{found.least_coverage_pct} %" if found.least_coverage_pct and found.coverage else "none"
    kinds = [name for name, is_so in (("total", found.total), ("personal", found.personal)) if is_so]
    rows = {
        "Vietnamese": found.name_vi,
        "version": str(found.version),
        "formula": found.formula,
        "unit": found.unit + (f" ({', '.join(kinds)})" if kinds else ""),
        "numerator, denominator in": f"{found.numerator.unit}, {found.denominator.unit}",
        "least coverage": needed,
        "source": found.source,
    }
    lines = "".join(f"* {name}: {text}\n" for name, text in rows.items())
    return f"\n### `{found.id}`: {found.name_en}\n\n{lines}"


if __name__ == "__main__":
    sys.stdout.write(page())

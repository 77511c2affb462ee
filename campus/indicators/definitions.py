"""What each published figure means: one table, quoted by docs/indicators.md and tested against it.

A definition that changes gets a new version; old figures keep the version they were computed with.
"""

from dataclasses import dataclass

SMG = "UK Space Management Group, Space utilisation: practice, performance and guidelines (2006)"
DESIGN = "this project"


@dataclass(frozen=True, slots=True)
class Definition:
    """`formula` in words of the data model; `source` names who defined it so."""

    id: str
    version: int
    formula: str
    unit: str
    source: str


_ALL = (
    Definition(
        "frequency_rate",
        1,
        "occupied minutes ÷ valid minutes, over the available lesson slots; no value under 80 % coverage",
        "1",
        SMG,
    ),
    Definition(
        "periods_used",
        1,
        "lesson slots that were held, partly held or used without being scheduled",
        "periods",
        DESIGN,
    ),
    Definition(
        "held",
        1,
        "scheduled, and presence in at least 50 % of the valid minutes",
        "periods",
        DESIGN,
    ),
    Definition(
        "no_show",
        1,
        "scheduled, presence in less than 10 % of the valid minutes and none from start + 10 min to the end",
        "periods",
        DESIGN,
    ),
    Definition(
        "partly_held",
        1,
        "scheduled and measured, neither held nor a no-show",
        "periods",
        DESIGN,
    ),
    Definition(
        "not_measured",
        1,
        "coverage under 80 %, unless the class is the same whatever the missing minutes were",
        "periods",
        DESIGN,
    ),
    Definition(
        "unscheduled",
        1,
        "a slot without a lesson, of which at least 1 min lies in a run of at least 10 consecutive occupied "
        "minutes; a run may cross slots, and ends where a scheduled lesson begins",
        "slots",
        DESIGN,
    ),
    Definition(
        "after_hours",
        1,
        "unscheduled midday, evening, night or closed slots; counted apart from the lesson slots",
        "slots",
        DESIGN,
    ),
)
DEFINITIONS: dict[str, Definition] = {definition.id: definition for definition in _ALL}

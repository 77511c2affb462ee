"""What each published figure means: one table, from which docs/indicator-reference.md is made and tested.

A definition that changes gets a new version; old figures keep the version they were computed with.
"""

from campus.indicators import appliances, connectivity, people, records, rooms, upkeep
from campus.indicators.definition import Definition

__all__ = ["DEFINITIONS", "Definition"]

DEFINITIONS: dict[str, Definition] = {
    definition.id: definition
    for definition in (
        *rooms.DEFINITIONS,
        *people.DEFINITIONS,
        *appliances.DEFINITIONS,
        *connectivity.DEFINITIONS,
        *records.DEFINITIONS,
        *upkeep.DEFINITIONS,
    )
}

"""Applies what an inventory says of the calendar: each part given replaces the stored one, if the whole is sound."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from campus.calendar import (
    IN_ROOM,
    IN_ROOM_TYPE,
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    SubjectPlace,
    Substitution,
    Term,
)
from campus.calendar.holidays import public_holidays
from campus.calendar.places import normal
from campus.calendar.school import CalendarError, validate
from campus.errors import UsageError
from campus.records import timetable
from campus.records.inventory import Inventory

Given = dict[str, Sequence[timetable.Entry]]

_ROWS: dict[str, type[timetable.Entry]] = {
    "terms": Term,
    "closures": Closure,
    "lessons": Lesson,
    "make_up_days": MakeUpDay,
    "exams": ExamPeriod,
    "substitutions": Substitution,
    "subject_places": SubjectPlace,
}
_VALIDATED = ("terms", "bells", "closures", "lessons", "make_up_days", "exams", "substitutions")
_ONE = {
    "terms": "term",
    "bells": "bell",
    "closures": "closure",
    "lessons": "lesson",
    "make_up_days": "make-up day",
    "exams": "exam period",
    "substitutions": "substitution",
    "subject_places": "place of a subject",
}


def apply(session: Session, inventory: Inventory, known: Mapping[str, set[str]]) -> list[str]:
    """`known` are the ids of rooms, room types, classes and subject groups, those of the inventory included."""
    given: Given = {}
    names: dict[str, list[str]] = {}
    for part, entity in _ROWS.items():
        rows: Sequence[BaseModel] | None = getattr(inventory, part)
        if rows is not None:
            given[part] = [entity(**row.model_dump()) for row in rows]
    if inventory.bells is not None:
        bells = [(number, row, day) for number, row in enumerate(inventory.bells) for day in row.weekday]
        given["bells"] = [Bell(**{**row.model_dump(), "weekday": day}) for _, row, day in bells]
        names["bells"] = [f"bells[{number}]" for number, _, _ in bells]
    if inventory.public_holidays is not None:
        stored = timetable.load(session, inventory.site.id)
        terms: Sequence[Any] = given.get("terms", stored.terms)
        own: Sequence[Any] = given.get("closures", [each for each in stored.closures if not each.public])
        given["closures"] = [*own, *_holidays(inventory.public_holidays, terms, own)]
        if inventory.closures is None:
            names["closures"] = [f"the closure ({timetable.describe(each)})" for each in given["closures"]]
    return replace(session, inventory.site.id, given, known, names)


def replace(
    session: Session,
    site: str,
    given: Given,
    known: Mapping[str, Collection[str]],
    names: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Store the parts given in place of the stored ones; one line per row added or removed.

    `known` are the ids of "rooms", "room_types", "classes" and "subject_groups"; `names` says, by part, where each row
    was written: `lessons[3]` and so on when it does not. Raises UsageError for the first contradiction of the whole.
    """
    stored = timetable.load(session, site)
    whole: dict[str, Any] = stored.parts() | given
    written = dict(names or {})
    for part, one in _ONE.items():
        if part not in given:
            written[part] = [f"the stored {one} ({timetable.describe(each)})" for each in whole[part]]
    try:
        validate(
            **{part: whole[part] for part in _VALIDATED},
            rooms=known["rooms"],
            classes=known["classes"],
            names=written,
        )
        _groups(whole, written, known["subject_groups"])
        _subject_places(whole["subject_places"], written, known)
    except CalendarError as error:
        raise UsageError(str(error)) from None
    return timetable.store(session, site, given)


def _holidays(country: str, terms: Sequence[Term], own: Sequence[Closure]) -> list[Closure]:
    if not terms:
        raise UsageError("public_holidays: there is no term yet; add the terms whose holidays it is to name.")
    try:
        found = public_holidays(country, min(term.start for term in terms), max(term.end for term in terms))
    except CalendarError as error:
        raise UsageError(str(error)) from None
    return [holiday for holiday in found if holiday not in own]


def _groups(
    whole: Mapping[str, Sequence[Lesson | Substitution]],
    names: Mapping[str, Sequence[str]],
    groups: Collection[str],
) -> None:
    for part in ("lessons", "substitutions"):
        for row, entry in enumerate(whole[part]):
            if entry.subject_group is not None and entry.subject_group not in groups:
                raise CalendarError(
                    f"{_name(names, part, row)}.subject_group: there is no '{entry.subject_group}' in "
                    "subject_groups; add it first."
                )


def _subject_places(
    places: Sequence[SubjectPlace], names: Mapping[str, Sequence[str]], known: Mapping[str, Collection[str]]
) -> None:
    seen: dict[str, int] = {}
    for row, place in enumerate(places):
        where = _name(names, "subject_places", row)
        subject = normal(place.subject)
        if subject in seen:
            other = _name(names, "subject_places", seen[subject])
            raise CalendarError(f"{where}.subject: '{place.subject}' is already {other}; remove one of them.")
        seen[subject] = row
        targets = {IN_ROOM: "rooms", IN_ROOM_TYPE: "room_types"}.get(place.place)
        if targets is None and place.target is not None:
            raise CalendarError(
                f"{where}.target: '{place.place}' names no room and no room type; leave it out."
            )
        if targets is not None and place.target not in known[targets]:
            missing = "missing" if place.target is None else f"there is no '{place.target}'"
            raise CalendarError(f"{where}.target: {missing}; '{place.place}' names one of {targets}.")


def _name(names: Mapping[str, Sequence[str]], part: str, row: int) -> str:
    return names[part][row] if part in names else f"{part}[{row}]"

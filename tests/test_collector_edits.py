"""Edits of timetable, calendar, capacity and placements: exactly the facts they touch become what they would be."""

import copy
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from test_collector_derive import DAY, DAYS, HOUR, INVENTORY, START, School, messages, teach

from campus.records.inventory import Inventory
from collector import edits

LESSONS = [
    {"room": "room-1", "weekday": day, "session": "morning", "period": 1, "school_class": "6A",
     "subject": "Toán", "from": "2026-09-01"}
    for day in (1, 2)
]  # fmt: skip
MONDAY = date(2026, 9, 21)


def inventory(**changed) -> Inventory:
    document = copy.deepcopy(INVENTORY)
    document["classes"] = [{"name": "6A"}, {"name": "6B"}]
    document["lessons"] = copy.deepcopy(LESSONS)
    for name, value in changed.items():
        document[name] = value
    return Inventory.model_validate(document)


def made(folder, document, taught_by=None) -> School:
    """A school of two derived days, with this inventory from the beginning, and what another one has learned."""
    school = School(folder, START + DAYS * DAY + HOUR)
    school.records.import_inventory(document)
    school.pipeline.places.refresh()
    if taught_by is not None:
        teach(school, taught_by, ("room-1", "room-2"))
    for board, seed in (("board-1", 1), ("board-2", 9)):
        school.send([(topic, payload) for _, topic, payload in messages(board=board, seed=seed)])
    for board in ("board-1", "board-2") if taught_by else ():
        school.pipeline.deriver.touched("school", board, START, school.now_ms, 1)
    school.pipeline.derive()
    return school


@pytest.fixture
def school(tmp_path):
    found = made(tmp_path / "school", inventory())
    yield found
    found.close()


def without(lesson: int) -> list:
    return [one for n, one in enumerate(LESSONS) if n != lesson]


def rooms(**fields) -> list:
    return [{**INVENTORY["rooms"][0], **fields}, INVENTORY["rooms"][1]]


CHANGES = {
    "a lesson falls out": {"lessons": without(1)},
    "another class": {"lessons": [LESSONS[0], {**LESSONS[1], "school_class": "6B"}]},
    "a holiday": {"closures": [{"start": "2026-09-22", "end": "2026-09-23", "reason": "Bão"}]},
    "other bells": {
        "bells": [{**bell, "end": bell["end"].replace("45", "40")} for bell in INVENTORY["bells"]]
    },
    "a capacity": {"rooms": rooms(capacity=30)},
    "a board that was in the other room": {
        "placements": [
            {"board": "board-1", "room": "room-1", "from": "2026-09-01"},
            {"board": "board-1", "room": "room-2", "from": "2026-09-22"},
            {"board": "board-2", "room": "room-2", "from": "2026-09-01"},
        ]
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_edit_makes_the_facts_what_they_would_have_been(school, tmp_path, change):
    """After the edit and the next derivation, both rooms have the facts of a school that was so from the beginning."""
    before = [school.outcome(room) for room in ("room-1", "room-2")]
    school.records.import_inventory(inventory(**change))
    assert school.records.dirty("school")
    school.pipeline.derive()
    assert school.records.dirty("school") == []
    other = made(tmp_path / "other", inventory(**change), school)
    after = [school.outcome(room) for room in ("room-1", "room-2")]
    assert after == [other.outcome(room) for room in ("room-1", "room-2")]
    assert after != before
    other.close()


def test_only_the_dates_that_an_edit_touches_are_made_anew(school):
    """A lesson of Tuesdays that falls out reopens the Tuesday of its room, and nothing else."""
    school.records.import_inventory(inventory(lessons=without(1)))
    (edit,) = school.records.dirty()
    tuesday = MONDAY + timedelta(days=1)
    assert (edit.room, edit.start, edit.end, edit.again) == (
        "room-1",
        tuesday,
        tuesday + timedelta(days=1),
        "facts",
    )
    before = school.pipeline.deriver.days
    school.pipeline.derive()
    assert school.pipeline.deriver.days - before == 1


def test_an_edit_that_changes_nothing_reopens_nothing(school):
    """The same inventory once more, and a lesson that is still to come."""
    school.records.import_inventory(inventory())
    later = {**LESSONS[0], "period": 2, "from": "2026-11-01"}
    school.records.import_inventory(inventory(lessons=[*LESSONS, later]))
    assert school.records.dirty() == []


def test_a_break_in_the_middle_is_made_good(school, tmp_path, monkeypatch):
    """The collector ends between two days of an edit: the next one makes all of it anew."""
    change = {"bells": CHANGES["other bells"]["bells"]}
    school.records.import_inventory(inventory(**change))
    made_days = []
    day_facts = edits.day_facts

    def breaking(*args):
        if made_days:
            raise KeyboardInterrupt
        made_days.append(1)
        return day_facts(*args)

    monkeypatch.setattr(edits, "day_facts", breaking)
    with pytest.raises(KeyboardInterrupt):
        school.pipeline.derive()
    monkeypatch.undo()
    assert school.records.dirty()
    school.pipeline.derive()
    other = made(tmp_path / "other", inventory(**change), school)
    assert school.outcome() == other.outcome()
    other.close()


def test_an_edit_that_is_not_noted_would_be_noticed(school, tmp_path, monkeypatch):
    """The control: without the note the facts stay as they were."""
    monkeypatch.setattr("campus.records.dirty.mark", lambda *args: None)
    change = CHANGES["a lesson falls out"]
    school.records.import_inventory(inventory(**change))
    monkeypatch.undo()
    school.pipeline.derive()
    other = made(tmp_path / "other", inventory(**change), school)
    assert school.outcome() != other.outcome()
    other.close()


def test_a_board_that_is_placed_later_by_hand_makes_the_facts_what_they_would_have_been(school, tmp_path):
    """Placed one by one, not by the inventory: the days from the move on, of both rooms, and no others are dirty."""
    before = [school.outcome(room) for room in ("room-1", "room-2")]
    moved_at = datetime(2026, 9, 22, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    school.records.place_board("school", "board-1", "room-2", moved_at, "lan")
    noted = {(one.room, one.start, one.again) for one in school.records.dirty("school")}
    tuesday = MONDAY + timedelta(days=1)
    assert noted == {("room-1", tuesday, "readings"), ("room-2", tuesday, "readings")}
    school.pipeline.derive()
    assert school.records.dirty("school") == []
    other = made(tmp_path / "other", inventory(**CHANGES["a board that was in the other room"]), school)
    after = [school.outcome(room) for room in ("room-1", "room-2")]
    assert after == [other.outcome(room) for room in ("room-1", "room-2")]
    assert after != before
    other.close()


def test_a_capacity_that_is_changed_by_hand_makes_the_facts_what_they_would_have_been(school, tmp_path):
    """As by the inventory."""
    before = school.outcome()
    school.records.change_room("school", "room-1", {"capacity": 30}, "lan")
    school.pipeline.derive()
    other = made(tmp_path / "other", inventory(**CHANGES["a capacity"]), school)
    assert school.outcome() == other.outcome() != before
    other.close()

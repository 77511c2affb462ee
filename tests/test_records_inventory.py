"""The inventory file: all or nothing, the same again changes nothing, errors name the field."""

from datetime import UTC, date, datetime

import pytest
from records_stores import BOARD, DATABASES, ROOM, SITE, changed, example, example_text, opened

from campus.calendar import Lesson
from campus.errors import NotFound, UsageError
from campus.records.inventory import Inventory


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path) as records:
        yield records


def put(records, document, **options) -> list[str]:
    return records.import_inventory(Inventory.parse(document), **options)


def refused(records, document) -> str:
    """The message of the refusal; nothing must have changed."""
    before = everything(records)
    with pytest.raises(UsageError) as caught:
        put(records, document)
    assert everything(records) == before
    return str(caught.value)


def everything(records) -> list:
    held = [records.sites(), records.room_types(), records.boards()]
    for site in records.sites():
        held += [
            records.buildings(site.id),
            records.rooms(site.id),
            records.equipment(site.id),
            records.placements(site.id),
            records.classes(site.id),
            records.subject_groups(site.id),
            records.calendar(site.id).version,
        ]
    return held


def test_the_documented_example_is_imported_whole(records, tmp_path):
    """The TOML of docs/records.md gives every kind of thing, readable as entities."""
    file = tmp_path / "school.toml"
    file.write_text(example_text(), encoding="utf-8")
    changes = records.import_inventory(Inventory.load(file))
    assert f"add room {ROOM} (Phòng 101)" in changes
    site = records.site(SITE)
    assert (site.name, site.tz, site.level) == ("THCS Hòa Bình", "Asia/Ho_Chi_Minh", "lower-secondary")
    room = records.room(SITE, ROOM)
    assert (room.building, room.floor, room.room_type, room.capacity, room.volume_m3) == (
        *("a", 1, "classroom", 45),
        180.0,
    )
    assert {kind.id: kind.in_frequency_rate for kind in records.room_types()} == {
        "classroom": True,
        "library": False,
    }
    assert records.equipment(SITE)[0].in_service_on == date(2024, 8, 15)
    assert records.classes(SITE)[0].home_room == ROOM
    assert records.subject_groups(SITE)[0].name == "Tổ Toán – Tin"
    in_room, on_equipment = records.placements(SITE)
    assert (in_room.room, in_room.channel, in_room.equipment) == (ROOM, None, None)
    assert (on_equipment.room, on_equipment.channel, on_equipment.equipment) == (None, 1, "projector-a101")
    assert in_room.valid_from == datetime(2026, 8, 31, 17, tzinfo=UTC)  # local midnight
    calendar = records.calendar(SITE)
    lesson = calendar.scheduled(ROOM, date(2026, 9, 7))[("morning", 2)]
    assert lesson == Lesson(ROOM, 1, "morning", 2, "6A", "Toán", date(2026, 9, 5), None, "math")
    assert len(calendar.bells) == 12 and not calendar.is_open(date(2027, 1, 1))


def test_the_same_again_changes_nothing(records):
    """A second import reports no change and keeps the calendar's version."""
    assert len(put(records, example())) == 2 + 2 + 1 + 1 + 1 + 1 + 1 + 1 + 2 + (1 + 12 + 1 + 1) - 1
    before = everything(records)
    assert put(records, example()) == []
    assert everything(records) == before


def test_a_dry_run_tells_and_does_nothing(records):
    """The listing of a dry run is that of the import that follows."""
    planned = put(records, example(), dry_run=True)
    assert records.sites() == [] and records.room_types() == []
    assert put(records, example()) == planned


def test_only_what_is_given_changes(records):
    """A row changes the fields it gives, a list that is left out stays, nothing is removed."""
    put(records, example())
    version = records.calendar(SITE).version
    changes = put(
        records,
        {
            "site": {"id": SITE, "name": "THCS Hòa Bình"},
            "rooms": [{"id": ROOM, "name": "Phòng 101", "room_type": "library", "capacity": None}],
        },
    )
    assert changes == [f"change room {ROOM}: room_type classroom -> library, capacity 45 -> none"]
    room = records.room(SITE, ROOM)
    assert (room.room_type, room.capacity, room.floor) == ("library", None, 1)
    assert records.site(SITE).level == "lower-secondary"
    assert len(records.placements(SITE)) == 2
    assert records.calendar(SITE).version == version


def test_lists_of_the_timetable_are_replaced_as_a_whole(records):
    """Given lessons replace all stored ones, are listed, and change the version; the calendar is new at once."""
    put(records, example())
    before = records.calendar(SITE)
    document = example()
    document["lessons"][0]["subject"] = "Ngữ văn"
    assert put(records, document) == [
        "remove from lessons: a101, weekday 1, morning 2: 6A Toán, from 2026-09-05",
        "add to lessons: a101, weekday 1, morning 2: 6A Ngữ văn, from 2026-09-05",
    ]
    after = records.calendar(SITE)
    assert after.version != before.version
    assert [lesson.subject for lesson in after.lessons] == ["Ngữ văn"]
    put(records, example())
    assert records.calendar(SITE).version == before.version


def test_a_change_of_zone_changes_the_calendar(records):
    """The zone is part of the calendar's version."""
    put(records, example())
    before = records.calendar(SITE).version
    document = example()
    document["site"]["tz"] = "Asia/Tokyo"
    put(records, document)
    assert records.calendar(SITE).version != before
    assert records.calendar(SITE).tz == "Asia/Tokyo"


def test_moving_a_board_is_one_row(records):
    """The open placement ends where the next one starts; importing either file again changes nothing."""
    document = example()
    document["rooms"].append({"id": "a102", "name": "Phòng 102", "room_type": "classroom"})
    put(records, document)
    move = {
        "site": document["site"],
        "placements": [{"board": BOARD, "room": "a102", "from": "2026-10-05T12:00+07:00"}],
    }
    assert put(records, move) == [
        f"change placement board {BOARD} in a101 from 2026-09-01T00:00+07:00 to 2026-10-05T12:00+07:00; "
        f"it was board {BOARD} in a101 from 2026-09-01T00:00+07:00",
        f"add placement board {BOARD} in a102 from 2026-10-05T12:00+07:00",
    ]
    assert put(records, move) == [] and put(records, document) == []
    noon = datetime(2026, 10, 5, 5, tzinfo=UTC)
    assert records.room_of(BOARD, noon) == "a102"
    assert records.room_of(BOARD, noon.replace(hour=4, minute=59)) == "a101"
    assert records.room_of(BOARD, noon, site="another") is None


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("rooms.0.building", "b", "rooms[0].building: there is no 'b' in buildings"),
        ("rooms.0.room_type", "hall", "rooms[0].room_type: there is no 'hall' in room_types"),
        ("equipment.0.room", "a999", "equipment[0].room: there is no 'a999' in rooms"),
        ("classes.0.home_room", "a999", "classes[0].home_room: there is no 'a999' in rooms"),
        ("placements.0.board", "b2", "placements[0].board: there is no 'b2' in boards"),
        ("placements.1.equipment", "tv", "placements[1].equipment: there is no 'tv' in equipment"),
        ("placements.0.equipment", "projector-a101", "placements[0]: give either a room"),
        ("placements.0.channel", 1, "placements[0].channel: a piece of equipment needs one"),
        ("placements.0.to", date(2026, 8, 1), "placements[0].to: "),
        (
            "placements.2",
            {"board": BOARD, "room": ROOM, "from": date(2026, 9, 1)},
            "placements[2].from: the same as placements[0]",
        ),
        (
            "rooms.1",
            {"id": ROOM, "name": "x", "room_type": "library"},
            "rooms[1].id: 'a101' is already rooms[0]",
        ),
        ("lessons.0.room", "a999", "lessons[0].room: there is no 'a999' in rooms"),
        ("lessons.0.school_class", "9Z", "lessons[0].school_class: there is no '9Z' in classes"),
        ("lessons.0.period", 3, "lessons[0].period: no bell rings for weekday 1, morning 3"),
        ("bells.1.start", "07:30", "bells[1].start: 07:30 of weekday 1, morning 2 is before the end 07:45"),
        ("bells.1.period", 1, "bells[1].period: weekday 1, morning 1 has two bells"),
        ("terms.0.end", date(2026, 9, 5), "terms[0].end: "),
    ],
)
def test_a_contradiction_is_named_and_refused_as_a_whole(records, path, value, expected):
    """Into filled or empty records, the first wrong row is named and nothing is imported."""
    document = changed(path, value)
    assert refused(records, document).startswith(expected)
    put(records, example())
    assert refused(records, document).startswith(expected)


def test_a_lesson_in_a_taken_room_is_refused(records):
    """Two lessons at one time in one room are refused, and allowed when their dates do not meet."""
    document = example()
    document["classes"].append({"name": "6B"})
    document["lessons"].append(document["lessons"][0] | {"school_class": "6B"})
    assert refused(records, document).startswith("lessons[1].room: 'a101' already holds 6A Toán (lessons[0])")
    document["lessons"][0]["to"] = document["lessons"][1]["from"] = date(2026, 11, 2)
    put(records, document)


def test_bells_that_leave_a_stored_lesson_without_a_time_are_refused(records):
    """New bells are checked against the lessons that stay."""
    put(records, example())
    document = {"site": example()["site"], "bells": example()["bells"][:1]}
    assert "a101, weekday 1, morning 2: 6A Toán" in refused(records, document)


def test_a_board_in_two_rooms_at_once_is_refused(records):
    """A placement with an end that reaches over the next start is refused, not shortened."""
    document = example()
    document["placements"] = [
        {"board": BOARD, "room": ROOM, "from": date(2026, 9, 1), "to": date(2026, 10, 1)},
        {"board": BOARD, "room": ROOM, "from": date(2026, 9, 30)},
    ]
    assert refused(records, document).startswith(f"placements[1]: board '{BOARD}' is placed twice")


def test_what_does_not_exist_is_not_found(records):
    """An unknown site or room, and ids that are no ids, are NotFound; the message stays one line."""
    put(records, example())
    hostile = ["nowhere", "a'b", "a\nb", "a\x00b", "<b>", "\ud800", "x" * 10_000, "other/a101", "room", ""]
    for id in hostile:
        for ask in (
            lambda id=id: records.site(id),
            lambda id=id: records.rooms(id),
            lambda id=id: records.room(SITE, id),
            lambda id=id: records.room(id, ROOM),
            lambda id=id: records.board(SITE, id),
            lambda id=id: records.calendar(id),
        ):
            with pytest.raises(NotFound) as caught:
                ask()
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 250

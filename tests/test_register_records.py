"""Records of equipment: every field kept with its history, changed by one at a time, counted as complete or not."""

from datetime import date

import pytest
from records_stores import DATABASES, url_of
from register_school import NOW, PROJECTOR, SITE, TODAY, Clock, document, school

from campus.errors import NotFound, UsageError
from campus.indicators.records import RecordCounts
from campus.records.inventory import Inventory
from campus.records.paging import Page, following
from campus.records.register import Conflict


@pytest.fixture
def records(tmp_path):
    with school(tmp_path) as records:
        yield records


@pytest.fixture(params=DATABASES)
def either(request, tmp_path):
    with school(tmp_path, url_of(request)) as records:
        yield records


def test_a_change_is_kept_with_who_when_before_and_after(either):
    """The history of a field can be read, and the version rises by one; dates and amounts come back as they were."""
    assert either.equipment_record(SITE, PROJECTOR).version == 1
    changes = {"price_vnd": 15_000_000, "in_service_on": date(2024, 9, 1), "maker": "Epson"}
    made = either.change_equipment(SITE, PROJECTOR, changes, "Thầy Nam")
    assert (made.price_vnd, made.in_service_on, made.maker, made.version) == (*changes.values(), 2)
    latest = {one.field: one for one in either.equipment_history(SITE, PROJECTOR)[:3]}
    one = latest["in_service_on"]
    assert (one.before, one.after, one.by, one.at, one.how) == (
        "2024-08-15",
        "2024-09-01",
        "Thầy Nam",
        NOW,
        "edit",
    )
    assert latest["maker"].before is None and latest["price_vnd"].after == 15_000_000
    first = either.equipment_history(SITE, PROJECTOR)[-1]
    assert (first.field, first.how, first.by) == ("created", "import", "Cô Lan")
    assert first.after["name"] == "Máy chiếu phòng 101" and first.after["in_service_on"] == "2024-08-15"


def test_the_same_values_again_change_nothing(records):
    """No version, no history."""
    before = records.equipment_history(SITE, PROJECTOR)
    assert records.change_equipment(SITE, PROJECTOR, {"condition": "good"}, "x").version == 1
    assert records.equipment_history(SITE, PROJECTOR) == before


def test_the_inventory_import_leaves_the_same_history(records):
    """A field that an import changes has its row, with the version risen; rooms and buildings too."""
    given = document()
    given["equipment"][0]["condition"] = "worn"
    given["rooms"][1]["area_m2"] = 60.0
    changes = records.import_inventory(Inventory.parse(given), by="Cô Lan")
    assert changes == [
        "change room a102: area_m2 54.5 -> 60.0",
        f"change equipment {PROJECTOR}: condition good -> worn",
    ]
    newest = records.equipment_history(SITE, PROJECTOR)[0]
    assert (newest.field, newest.before, newest.after, newest.how) == ("condition", "good", "worn", "import")
    assert records.equipment_record(SITE, PROJECTOR).version == 2
    assert records.room(SITE, "a102").area_m2 == 60.0
    area, created = records.place_history(SITE, "room", "a102")
    assert (area.field, area.before, area.after, created.field) == ("area_m2", 54.5, 60.0, "created")
    assert records.place_history(SITE, "building", "a")[0].by == "Cô Lan"


def test_a_dry_run_leaves_no_history(records):
    """What was only tried is not remembered."""
    given = document()
    given["equipment"][0]["condition"] = "worn"
    assert records.import_inventory(Inventory.parse(given), dry_run=True)
    assert len(records.equipment_history(SITE, PROJECTOR)) == 1


def test_who_read_an_older_version_is_refused(either):
    """Of two who read the same version, the second is told and changes nothing."""
    either.change_equipment(SITE, PROJECTOR, {"note": "đã lau bụi"}, "a", version=1)
    with pytest.raises(Conflict, match=r"version 2, not 1"):
        either.change_equipment(SITE, PROJECTOR, {"note": "cháy bóng"}, "b", version=1)
    assert either.equipment_record(SITE, PROJECTOR).note == "đã lau bụi"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"condition": "fine"}, "condition: input should be 'good'"),
        ({"price_vnd": -1}, "price_vnd: "),
        ({"price_vnd": 1.5}, "price_vnd: "),
        ({"quantity": 0}, "quantity: "),
        ({"in_service_on": "15/08/2024"}, "in_service_on: write a date as YYYY-MM-DD"),
        ({"in_service_on": 1700000000}, "in_service_on: write a date"),
        ({"verified_on": "2026-11-19"}, "verified_on: 2026-11-19 is in the future"),
        ({"retired_on": "2024-01-01"}, "retired_on: 2024-01-01 is before it was put into service"),
        ({"room": "a999"}, "room: there is no 'a999'"),
        ({"subject_group": "art"}, "subject_group: there is no 'art'"),
        ({"item_code": "TV.01/2025"}, "item_code: 'TV.01/2025' is the code of"),
        ({"item_code": "tv-1"}, "item_code: 'tv-1' is the code of"),
        ({"name": "a\x00b"}, "name: control characters"),
        ({"name": "x" * 10_000}, "name: "),
        ({"id": "other"}, "id: not a field that can be changed"),
        ({"version": 9}, "version: not a field that can be changed"),
        ({"'; DROP TABLE equipment; --\n": 1}, "not a field"),
    ],
)
def test_a_wrong_change_names_its_field_and_changes_nothing(records, changes, expected):
    """The other fields of the same change are not applied either."""
    before = records.equipment_record(SITE, PROJECTOR)
    with pytest.raises(UsageError) as refused:
        records.change_equipment(SITE, PROJECTOR, {"maker": "Epson", **changes}, "x")
    assert expected in str(refused.value) and "\n" not in str(refused.value)
    assert records.equipment_record(SITE, PROJECTOR) == before


@pytest.mark.parametrize("id", ["none", "a'b", "x" * 10_000, "a\nb", "", "room"])
def test_a_piece_that_is_none_is_not_found(records, id):
    """Strange ids do nothing, and nothing of another site is reached."""
    with pytest.raises(NotFound):
        records.equipment_record(SITE, id)
    with pytest.raises(NotFound):
        records.change_equipment(SITE, id, {"note": "x"}, "x")
    with pytest.raises(NotFound):
        records.equipment_record("another", PROJECTOR)


def test_a_new_piece_is_added_once(records):
    """Its fields are checked as those of the inventory are; an id that is taken is a conflict."""
    made = records.create_equipment(
        SITE, {"id": "tv-2", "name": "Ti vi", "kind": "tv", "item_code": "TV2"}, "x"
    )
    assert (made.code, made.version, made.quantity) == ("TV2", 1, 1)
    with pytest.raises(Conflict, match="'tv-2' already"):
        records.create_equipment(SITE, {"id": "tv-2", "name": "Ti vi", "kind": "tv"}, "x")
    with pytest.raises(UsageError, match="kind"):
        records.create_equipment(SITE, {"id": "tv-3", "name": "Ti vi"}, "x")


def test_item_codes_can_be_swapped_by_one_import(either):
    """The unique code of the one may be that of the other before, as long as all are different in the end."""
    either.change_equipment(SITE, PROJECTOR, {"item_code": "PJ1"}, "x")
    swapped = {
        "site": {"id": SITE, "name": "THCS Hòa Bình"},
        "equipment": [
            {"id": PROJECTOR, "name": "Máy chiếu phòng 101", "kind": "projector", "item_code": "TV.01/2025"},
            {"id": "tv-1", "name": "Ti vi", "kind": "tv", "item_code": "PJ1"},
        ],
        "rooms": [],
    }
    either.import_inventory(Inventory.parse(swapped))
    assert either.equipment_record(SITE, "tv-1").item_code == "PJ1"
    swapped["equipment"][1]["item_code"] = "TV.01/2025"
    with pytest.raises(UsageError, match=r"equipment\[0\].item_code: 'TV.01/2025'"):
        either.import_inventory(Inventory.parse(swapped))


def test_complete_is_id_type_room_date_condition_and_a_stocktaking_of_the_last_year(records):
    """Each thing that is missing is named; what is retired does not count."""
    found = records.completeness(SITE)
    assert found.total == RecordCounts(3, 1)
    assert found.missing == {
        PROJECTOR: ("verified_on",),
        "set-1": ("room", "in_service_on", "condition", "verified_on"),
    }
    assert found.rooms == {"a101": RecordCounts(1, 0), "a102": RecordCounts(1, 1), None: RecordCounts(1, 0)}
    assert found.kinds["tv"] == RecordCounts(1, 1)
    records.change_equipment(SITE, PROJECTOR, {"verified_on": TODAY}, "x")
    assert records.completeness(SITE).total == RecordCounts(3, 2)
    records.change_equipment(SITE, "set-1", {"retired_on": TODAY}, "x")
    assert records.completeness(SITE).total == RecordCounts(2, 2)
    assert records.completeness(SITE, ["tv-1"]).total == RecordCounts(1, 1)
    assert [one.id for one in records.equipment_records(SITE)] == [PROJECTOR, "tv-1"]
    assert [one.id for one in records.equipment_records(SITE, retired=True)] == ["set-1"]


def test_a_record_stops_being_complete_when_its_stocktaking_is_a_year_old(tmp_path):
    """The clock of the records says what today is, in the school's zone."""
    clock = Clock()
    with school(tmp_path, clock=clock) as records:
        clock.now = clock.now.replace(year=2027, month=5, day=1, hour=16, minute=59)  # 23:59 on 1 May there
        assert records.equipment_record(SITE, "tv-1").missing == ()
        clock.later(minutes=2)
        assert records.equipment_record(SITE, "tv-1").missing == ("verified_on",)


def test_the_list_is_filtered_and_paged(records):
    """By room, kind and condition; a page goes on after the last id of the one before."""
    assert [one.id for one in records.equipment_records(SITE, room="a102")] == ["tv-1"]
    assert [one.id for one in records.equipment_records(SITE, kind="lab-set")] == ["set-1"]
    assert [one.id for one in records.equipment_records(SITE, condition="good")] == [PROJECTOR, "tv-1"]
    pages, page = [], Page(1, "id")
    while found := records.equipment_records(SITE, page=page):
        pages.append(found[0].id)
        page = following(page, found[0], ["id"])
    assert pages == [PROJECTOR, "set-1", "tv-1"]


def test_targets_are_data_and_a_school_may_have_its_own(either):
    """The national ones until the inventory gives others; quotas name known subject groups only."""
    assert [(one.year, one.value) for one in either.targets(SITE)] == [(2025, 0.8), (2030, 1.0)]
    given = {
        "site": {"id": SITE, "name": "THCS Hòa Bình"},
        "targets": [{"indicator": "record_coverage", "year": 2027, "value": 0.95}],
        "equipment_quotas": [
            {"subject_group": "math", "from": "2026-09-05", "to": "2027-05-31", "lessons": 40}
        ],
    }
    changes = either.import_inventory(Inventory.parse(given))
    assert changes == [
        "add to targets: record_coverage 0.95 by 2027",
        "add to equipment_quotas: 40 lessons of math, 2026-09-05 to 2027-05-31",
    ]
    assert either.import_inventory(Inventory.parse(given)) == []
    assert [(one.year, one.value) for one in either.targets(SITE)] == [(2027, 0.95)]
    assert either.equipment_quotas(SITE)[0].lessons == 40
    given["targets"][0]["indicator"] = "nothing"
    with pytest.raises(UsageError, match=r"targets\[0\].indicator: there is no indicator 'nothing'"):
        either.import_inventory(Inventory.parse(given))
    given["targets"] = []
    given["equipment_quotas"][0]["subject_group"] = "art"
    with pytest.raises(UsageError, match=r"equipment_quotas\[0\].subject_group"):
        either.import_inventory(Inventory.parse(given))


def test_every_change_is_in_the_audit_log(records):
    """Beside the history, which tells of fields, the log tells that something was done."""
    records.change_equipment(SITE, PROJECTOR, {"maker": "Epson"}, "x")
    assert "equipment.changed" in [row.what for row in records.audit_log()]

"""One contract for every list: shape, sorting, cursors, and that each of its items is found alone."""

import base64
import json
from dataclasses import asdict
from datetime import date, timedelta

import pytest
from api_school import MONDAY, NOW, SITE, is_problem, items, running

from api.listing import MOST_CURSOR, Listing, Page
from campus.calendar import Lesson
from campus.indicators import EquipmentFact
from campus.inference.incidents import Incident
from campus.records.entities import Grant
from campus.records.inventory import Inventory

OTHER = "truong-khac"
DAYS = {"from": "2026-11-09", "to": "2026-11-19"}
SINGLE = {
    "/api/v1/sites": "/api/v1/sites/{id}",
    "/api/v1/room-types": "/api/v1/room-types/{id}",
    "/api/v1/people": "/api/v1/people/{name}",
    "/api/v1/indicators": "/api/v1/indicators/{id}",
    "/api/v1/sites/{site}/buildings": "/api/v1/sites/{site}/buildings/{id}",
    "/api/v1/sites/{site}/rooms": "/api/v1/sites/{site}/rooms/{id}",
    "/api/v1/sites/{site}/boards": "/api/v1/sites/{site}/boards/{id}",
    "/api/v1/sites/{site}/placements": "/api/v1/sites/{site}/placements/{id}",
    "/api/v1/sites/{site}/classes": "/api/v1/sites/{site}/classes/{name}",
    "/api/v1/sites/{site}/subject-groups": "/api/v1/sites/{site}/subject-groups/{id}",
    "/api/v1/sites/{site}/calendar/terms": "/api/v1/sites/{site}/calendar/terms/{start}",
    "/api/v1/sites/{site}/calendar/closures": "/api/v1/sites/{site}/calendar/closures/{id}",
    "/api/v1/sites/{site}/calendar/make-up-days": "/api/v1/sites/{site}/calendar/make-up-days/{date}",
    "/api/v1/sites/{site}/calendar/exams": "/api/v1/sites/{site}/calendar/exams/{id}",
    "/api/v1/sites/{site}/calendar/lessons": "/api/v1/sites/{site}/calendar/lessons/{id}",
    "/api/v1/sites/{site}/tariffs": "/api/v1/sites/{site}/tariffs/{valid_from}",
    "/api/v1/sites/{site}/equipment": "/api/v1/sites/{site}/equipment/{id}",
    "/api/v1/sites/{site}/loans": "/api/v1/sites/{site}/loans/{number}",
    "/api/v1/sites/{site}/upkeep": "/api/v1/sites/{site}/upkeep/{number}",
    "/api/v1/sites/{site}/stocktakings": "/api/v1/sites/{site}/stocktakings/{number}",
    "/api/v1/sites/{site}/incidents": "/api/v1/sites/{site}/incidents/{number}",
    "/api/v1/sites/{site}/months": "/api/v1/sites/{site}/months/{start:.7}",
    "/api/v1/sessions": "/api/v1/sessions/{id}",
    "/api/v1/tokens": "/api/v1/tokens/{id}",
}
"""List -> where one of its items is found alone."""

PARTS = {
    "/api/v1/readings",
    "/api/v1/audit",
    "/api/v1/sites/{site}/calendar/bells",
    "/api/v1/sites/{site}/calendar/substitutions",
    "/api/v1/sites/{site}/calendar/subject-places",
    "/api/v1/sites/{site}/targets",
    "/api/v1/sites/{site}/facts",
    "/api/v1/sites/{site}/equipment/facts",
    "/api/v1/sites/{site}/equipment-quotas",
    "/api/v1/sites/{site}/findings",
    "/api/v1/sites/{site}/rooms/{room}/intervals",
    "/api/v1/sites/{site}/rooms/{room}/forecast",
    "/api/v1/sites/{site}/rooms/{room}/anomalies",
    "/api/v1/sites/{site}/boards/{board}/availability",
    "/api/v1/sites/{site}/months/{month}/amendments",
    "/api/v1/sites/{site}/equipment/{id}/history",
    "/api/v1/sites/{site}/equipment/{id}/files",
    "/api/v1/sites/{site}/buildings/{building}/history",
    "/api/v1/sites/{site}/rooms/{room}/history",
    "/api/v1/sites/{site}/boards/{board}/history",
}
"""Lists of rows that have no address of their own."""

MAY_BE_EMPTY = {"anomalies", "availability", "amendments", "files", "history", "findings"}
QUERIES = {
    "/api/v1/readings": {"site": SITE, "from": "2026-11-16", "to": "2026-11-17", "point": "co2_ppm"},
    "/api/v1/sites/{site}/rooms/{room}/forecast": {"date": "2026-11-19"},
    "/api/v1/sites/{site}/rooms/{room}/anomalies": {"date": "2026-11-17"},
}
STEPS = {
    "/api/v1/readings": 400,
    "/api/v1/sites/{site}/facts": 23,
    "/api/v1/sites/{site}/calendar/lessons": 97,
}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("lists")) as made:
        fill(made)
        yield made


def fill(campus):
    """Some of everything that the virtual school does not have by itself."""
    records, room = campus.records, campus.room
    piece = records.equipment(SITE)[0].id
    document = {
        "site": asdict(records.site(SITE)),
        "classes": [{"name": "6/1", "size": 40}, {"name": "6/2"}],
        "subject_groups": [{"id": f"group-{one}", "name": f"Tổ {9 - one}"} for one in range(3)],
        "tariffs": [{"from": f"202{one}-01-01", "vnd_per_kwh": 1900 + one} for one in range(4)],
        "make_up_days": [
            {"date": day, "weekday": 3, "reason": "Học bù"}
            for day in ("2026-11-21", "2026-11-28", "2026-12-05")
        ],
        "exams": [
            {"name": f"Kiểm tra {one}", "start": f"2026-12-{one:02d}", "end": f"2026-12-{one + 1:02d}"}
            for one in (7, 14, 21)
        ],
        "closures": [
            {"start": f"2027-0{one}-02", "end": f"2027-0{one}-05", "reason": "Nghỉ"} for one in (2, 3, 4)
        ],
        "substitutions": [
            {"date": f"2026-11-{day}", "session": lesson.session, "period": lesson.period}
            | {"school_class": lesson.school_class, "teacher": "Cô Mai", "reason": "ốm"}
            for lesson in records.calendar(SITE).lessons[:1]
            for day in (23 + lesson.weekday - 1, 16 + lesson.weekday - 1)
        ],
        "subject_places": [{"subject": one, "place": "outside"} for one in ("Thể dục", "Chào cờ")],
        "equipment_quotas": [
            {"from": f"202{one}-09-05", "to": f"202{one + 1}-05-31", "lessons": 40} for one in (5, 6)
        ],
    }
    records.import_inventory(Inventory.parse(document))
    for number in range(5):
        made = {"id": f"set-{number}", "name": f"Bộ {number % 2}", "kind": "lab-set", "quantity": 9}
        records.create_equipment(SITE, made, "lan")
        records.lend(SITE, {"equipment": f"set-{number}", "borrower": "Cô Hoa"}, "lan")
        records.begin_upkeep(SITE, f"set-{number}", {"kind": "maintenance", "symptom": "x"}, "lan")
    records.give_back(SITE, 2, "lan")
    for one in campus.school.rooms[:3]:
        records.begin_stocktaking(SITE, one.id, "lan")
    for month in (8, 9, 10):
        records.close_month(SITE, date(2026, month, 1), "admin")
    hour = 3_600_000
    end = int(NOW.timestamp() * 1000)
    lost = [
        Incident("board", end - n * hour, end - n * hour + 60_000, (campus.board,), {}, {"scope": "board"})
        for n in (9, 5, 3)
    ]
    records.store_incidents(SITE, 0, lost)
    stored = [f for f in records.facts(SITE, room, MONDAY, MONDAY + timedelta(1)) if f.kind == "lesson"][:4]
    by_piece = [
        EquipmentFact(
            SITE, one, room, f.date, f.start, f.end, f.kind, f.session, f.period, f.school_class, None,
            *(45.0, 45.0, 41.0, 4.0, 45.0, 164.0, 45.0, 0.0, 0.0),
        )
        for f in stored for one in (piece, "set-0")
    ]  # fmt: skip
    start = int(stored[0].start.timestamp() * 1000)
    records.restate(
        SITE,
        room,
        start,
        start + 24 * hour,
        records.facts(SITE, room, MONDAY, MONDAY + timedelta(1)),
        by_piece,
    )
    for name in ("an", "binh", "chi"):
        records.add_person(name, [Grant("leader", SITE)])
    admin = records.person("admin")
    for label in ("b", "a", "c"):
        records.create_token(admin, label)
        records.create_session(admin, 1)


@pytest.fixture(scope="module")
def document(campus):
    return campus.app.openapi()


def lists_of(document):
    """Path -> the GET operation, of every list."""
    found = {}
    for path, methods in document["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        if set(document["components"]["schemas"].get(name, {}).get("properties", {})) == {"items", "next"}:
            found[path] = methods["get"]
    return found


ALL = sorted(set(SINGLE) | PARTS)


def address(campus, path):
    """(path with its places filled, query)."""
    values = {
        "site": SITE, "room": campus.room, "board": campus.board, "month": "2026-10", "building": "a",
        "id": "set-0",
    }  # fmt: skip
    return path.format(**values).removeprefix("/api/v1/"), QUERIES.get(path, DAYS) | (
        {"board": campus.board} if path == "/api/v1/readings" else {}
    )


def sorts_of(operation):
    [parameter] = [one for one in operation["parameters"] if one["name"] == "sort"]
    schema = parameter["schema"]
    return schema["enum"] if "enum" in schema else [schema["const"]], schema["default"]


@pytest.fixture
def reader(campus):
    """A person with every right, with a session of their own."""
    token = campus.records.create_session(campus.records.person("admin"), 1)
    with campus.client(cookies={"campus_session": token}) as client:
        yield client


def test_every_list_is_one_of_the_contract(document):
    """No answer is a bare array, and every list has `limit`, `sort` with its fields, and `after`."""
    assert sorted(lists_of(document)) == ALL
    for path, methods in document["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        assert schema.get("type") != "array", path
    for path, operation in lists_of(document).items():
        parameters = {one["name"]: one["schema"] for one in operation["parameters"]}
        assert parameters["limit"]["minimum"] == 1 and "maximum" in parameters["limit"], path
        assert parameters["limit"]["maximum"] == (10_000 if path == "/api/v1/readings" else 500), path
        sorts, default = sorts_of(operation)
        assert default in sorts and len(set(sorts)) == len(sorts), path
        assert "after" in parameters


def test_every_operation_is_described(document):
    """An id and a summary of its own, and a description of what it does and of every parameter."""
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    for field in ("operationId", "summary"):
        values = [one[field] for one in operations]
        assert len(values) == len(set(values)), [one for one in values if values.count(one) > 1]
    for one in operations:
        assert one["description"], one["operationId"]
        lacking = [each["name"] for each in one.get("parameters", []) if not each.get("description")]
        assert not lacking, (one["operationId"], lacking)


@pytest.mark.parametrize("path", ALL)
def test_pages_of_every_list_join_without_a_seam(campus, document, reader, path):
    """By every field it can be sorted by, in pages of few: the same as the whole, each item once."""
    where, query = address(campus, path)
    sorts, default = sorts_of(lists_of(document)[path])
    key = json.dumps
    whole = items(reader, where, **query, limit=500)
    if not any(where.endswith(one) for one in MAY_BE_EMPTY):
        assert whole, "the list is empty: this proves nothing"
    for sort in sorts:
        step = STEPS.get(path, 3 if len(whole) < 60 else 17)
        paged = items(reader, where, **query, limit=step, sort=sort)
        assert sorted(map(key, paged)) == sorted(map(key, whole)), sort
        if sort == default:
            assert paged == whole
        field = sort.removeprefix("-")
        values = [one[field] for one in paged]
        told = [one for one in values if one is not None]
        assert values[: len(told)] == told, f"{sort}: what has no value comes last"
        # Instants are answered with as many digits as they have, which sort as text only where all have none.
        if all(isinstance(one, int | float) or (one.isascii() and "." not in one) for one in told):
            assert told == sorted(told, reverse=sort.startswith("-")), sort


@pytest.mark.parametrize("path", ALL)
def test_a_cursor_that_is_not_of_this_list_and_sort_is_refused(campus, document, reader, path):
    """Broken, of another sort, of another list, or endless: 422 that names `after`; so are other limits and sorts."""
    where, query = address(campus, path)
    sorts, default = sorts_of(lists_of(document)[path])
    others = items(reader, "indicators")[:1]
    strange = Listing("indicators", {"id": str}).cursor(others[0], Page(1, "id"))
    wrong = [
        strange,
        "",
        "!",
        "AAAA",
        "x" * 10_000,
        "ü",
        _encoded([]),
        _encoded(["audit", default]),
        _encoded({}),
    ]
    page = reader.get(f"/api/v1/{where}", params=query | {"limit": 1}).json()
    if page["next"] is not None:
        wrong += [page["next"][:-4], page["next"] + "AAAA"]
        other = next((one for one in sorts if one != default), None)
        if other is not None:
            given = query | {"after": page["next"], "sort": other}
            is_problem(reader.get(f"/api/v1/{where}", params=given), 422)
    for cursor in wrong:
        if path == "/api/v1/indicators" and cursor == strange:
            continue
        body = is_problem(reader.get(f"/api/v1/{where}", params=query | {"after": cursor}), 422)
        assert "after" in body["errors"][0]["field"], cursor
    for more in ({"limit": 0}, {"limit": 10_001}, {"sort": "nothing"}, {"sort": f"--{default.strip('-')}"}):
        is_problem(reader.get(f"/api/v1/{where}", params=query | more), 422)


def _encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("where", "listed", "key"),
    [
        ("equipment", "equipment", ["room", {"a": 1}, "set-0"]),
        ("equipment", "equipment", ["room", "a\x00", "set-0"]),
        ("equipment", "equipment", ["room", "a" * 201, "set-0"]),
        ("equipment", "equipment", ["room", "\ud800", "set-0"]),
        ("equipment", "equipment", ["room", "a101"]),
        ("equipment", "equipment", ["room", "a101", "set-0", "more"]),
        ("equipment", "equipment", ["price_vnd", 2**63, "set-0"]),
        ("equipment", "equipment", ["price_vnd", True, "set-0"]),
        ("equipment", "equipment", ["price_vnd", 1.5, "set-0"]),
        ("equipment", "equipment", ["in_service_on", "2026-13-01", "set-0"]),
        ("equipment", "equipment", ["name", None, "set-0"]),
        ("loans", "loans", ["out_at", "2026-11-18T00:00:00", 1]),
        ("loans", "loans", ["out_at", 5, 1]),
        ("calendar/lessons", "lessons", ["weekday", "1", 1]),
    ],
)
def test_a_cursor_made_by_hand_is_checked_like_any_input(campus, reader, where, listed, key):
    """Only values that the column could hold pass: the database never sees another type, a NUL or half a sign."""
    query = {"sort": key[0], "after": _encoded([listed, *key])}
    body = is_problem(reader.get(f"/api/v1/sites/{SITE}/{where}", params=query), 422)
    assert body["errors"][0]["field"] == "query.after"


@pytest.mark.parametrize(
    ("where", "listed", "key"),
    [
        ("equipment", "equipment", ["room", None, "set-0"]),
        ("equipment", "equipment", ["room", "' OR 1=1 --", "'"]),
        ("equipment", "equipment", ["price_vnd", -(2**63), "\x7f"]),
        ("equipment", "equipment", ["in_service_on", "9999-12-31", "set-0"]),
        ("loans", "loans", ["-out_at", "9999-12-31T23:59:59.999999-23:59", 2**62]),
        ("loans", "loans", ["out_at", "0001-01-01T00:00:00+23:59", -1]),
    ],
)
def test_a_cursor_of_any_place_is_answered(campus, reader, where, listed, key):
    """A place where nothing is, at the end of what a column holds, is a place."""
    query = {"sort": key[0], "after": _encoded([listed, *key])}
    answer = reader.get(f"/api/v1/sites/{SITE}/{where}", params=query)
    assert answer.status_code == 200, answer.text


def test_the_longest_cursor_is_taken():
    """A label of 120 signs of four bytes, beside the longest id."""
    listing = Listing("substitutions-of-classes", {"id": str}, {"name": str})
    cursor = listing.cursor({"name": "𠮷" * 120, "id": "i" * 64}, Page(1, "name"))
    assert len(cursor) <= MOST_CURSOR
    assert listing._decoded(cursor, "name") == ("𠮷" * 120, "i" * 64)


@pytest.mark.parametrize("path", sorted(SINGLE))
def test_every_item_of_a_list_is_found_alone(campus, reader, path):
    """At an address made of what the list says of it; another id is 404 with a sentence."""
    where, query = address(campus, path)
    found = items(reader, where, **query)
    single = SINGLE[path].replace("{site}", SITE)
    for one in found[:5]:
        answer = reader.get(single.format(**one))
        assert answer.status_code == 200, answer.text
        alone = answer.json()
        assert {name: alone[name] for name in one} == one
    missing = dict.fromkeys(found[0], "nothing") | {
        "number": 999,
        "start": "2199-01-01",
        "date": "2199-01-01",
    }
    missing |= {"valid_from": "2199-01-01"}
    if isinstance(found[0].get("id"), int):
        missing["id"] = 999_999
    if path == "/api/v1/sessions":
        missing["id"] = "0" * 16
    answer = reader.get(single.format(**missing))
    assert answer.status_code == (422 if "{start:.7}" in single else 404), answer.text


def test_lists_are_filtered_by_their_fields(campus, reader):
    """A filter narrows to what has the value, and the cursor goes on within it."""
    for where, filter, holds in (
        ("rooms", {"building": "b"}, lambda one: one["building"] == "b"),
        ("rooms", {"floor": 2}, lambda one: one["floor"] == 2),
        ("boards", {"room": campus.room}, lambda one: one["id"] == campus.board),
        ("boards", {"availability": "online"}, lambda one: one["availability"] == "online"),
        ("placements", {"board": campus.board}, lambda one: one["board"] == campus.board),
        ("classes", {"home_room": campus.room}, lambda one: one["home_room"] == campus.room),
        ("calendar/bells", {"weekday": 2}, lambda one: one["weekday"] == 2),
        ("calendar/lessons", {"room": campus.room}, lambda one: one["room"] == campus.room),
        ("calendar/lessons", {"session": "morning"}, lambda one: one["session"] == "morning"),
        ("calendar/closures", {"public": True}, lambda one: one["public"]),
        ("equipment", {"kind": "lab-set"}, lambda one: one["kind"] == "lab-set"),
        ("loans", {"status": "returned"}, lambda one: one["number"] == 2),
        ("loans", {"equipment": "set-3"}, lambda one: one["equipment"] == "set-3"),
        ("upkeep", {"kind": "maintenance", "open": True}, lambda one: one["closed_at"] is None),
        ("stocktakings", {"room": campus.room}, lambda one: one["room"] == campus.room),
        ("incidents", {"cause": "board"}, lambda one: one["cause"] == "board"),
        ("facts", {"outcome": "held"}, lambda one: one["outcome"] == "held"),
        ("equipment/facts", {"equipment": "set-0"}, lambda one: one["equipment"] == "set-0"),
    ):
        query = DAYS if where in ("incidents", "facts", "equipment/facts") else {}
        path = f"sites/{SITE}/{where}"
        narrowed = items(reader, path, **query, **filter, limit=7)
        assert narrowed == [one for one in items(reader, path, **query, limit=500) if holds(one)], (
            where,
            filter,
        )
    assert items(reader, f"sites/{SITE}/loans", status="overdue") == []
    assert [one["name"] for one in items(reader, "people", role="administrator")] == ["admin"]


def test_the_timetable_of_a_date_is_that_which_holds(campus, reader):
    """`on` is half-open: the first date of a lesson is in, the date after its last is not."""
    given = campus.records.calendar(SITE)
    old = next(one for one in given.lessons if one.school_class != given.substitutions[0].school_class)
    before = items(reader, f"sites/{SITE}/calendar/lessons", on=str(old.valid_from - timedelta(1)), limit=500)
    first = items(reader, f"sites/{SITE}/calendar/lessons", on=str(old.valid_from), limit=500)
    assert len(first) > len(before)
    records, day = campus.records, old.valid_from + timedelta(28)
    calendar = records.calendar(SITE)
    with records._database.write() as session:
        from campus.records import timetable

        ended = [Lesson(**asdict(one) | {"valid_to": day}) if one == old else one for one in calendar.lessons]
        timetable.store(session, SITE, {"lessons": ended})
    last, over = (
        items(reader, f"sites/{SITE}/calendar/lessons", on=str(day - timedelta(late)), limit=500)
        for late in (1, 0)
    )
    assert len(last) - len(over) == 1


def test_who_teaches_is_for_those_who_may_see_periods(campus):
    """In the list and alone; a leader sees the lesson without the teacher."""
    with campus.records._database.write() as session:
        from campus.records import timetable

        lessons = [
            Lesson(**asdict(one) | {"teacher": "Cô Hoa"}) for one in campus.records.calendar(SITE).lessons
        ]
        timetable.store(session, SITE, {"lessons": lessons})
    campus.records.add_person("phong", [Grant("facilities", SITE)])
    for name, teachers in (("an", {None}), ("phong", {"Cô Hoa"})):
        token = campus.records.create_session(campus.records.person(name), 1)
        with campus.client(cookies={"campus_session": token}) as client:
            found = items(client, f"sites/{SITE}/calendar/lessons", limit=500)
            assert found and {one["teacher"] for one in found} == teachers
            alone = client.get(f"/api/v1/sites/{SITE}/calendar/lessons/{found[0]['id']}").json()
            assert {alone["teacher"]} == teachers


def test_a_name_with_a_slash_is_an_address(campus, reader):
    """Classes are called 6/1 in many schools."""
    assert reader.get(f"/api/v1/sites/{SITE}/classes/6/1").json()["size"] == 40
    assert reader.get(f"/api/v1/sites/{SITE}/classes/6%2F1").json()["size"] == 40
    is_problem(reader.get(f"/api/v1/sites/{SITE}/classes/6/1/x"), 404)
    is_problem(reader.get(f"/api/v1/sites/{SITE}/classes/%00"), 422)


def test_what_comes_between_two_requests_hides_nothing(campus, reader):
    """Over HTTP: a piece is added before the cursor and the last one seen is gone; the next page goes on after it."""
    path = f"/api/v1/sites/{SITE}/equipment"
    first = reader.get(path, params={"kind": "lab-set", "limit": 2}).json()
    assert [one["id"] for one in first["items"]] == ["set-0", "set-1"]
    campus.records.create_equipment(SITE, {"id": "a-set", "name": "x", "kind": "lab-set"}, "lan")
    campus.records.change_equipment(SITE, "set-1", {"retired_on": NOW.date()}, "lan")
    following = reader.get(path, params={"kind": "lab-set", "limit": 2, "after": first["next"]}).json()
    assert [one["id"] for one in following["items"]] == ["set-2", "set-3"]

"""Places edited over HTTP: versions, conflicts, rights, placements, and imports that are refused as a whole."""

import json

import pytest
from api_school import NOW, SITE, TOKEN, is_problem, running

from api.routes.imports import Format
from campus.calendar.formats.registry import READERS

BASE = f"/api/v1/sites/{SITE}"


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture
def staff(campus):
    with campus.client(headers={"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}) as client:
        yield client


@pytest.fixture
def place(campus, staff):
    """An empty building with one empty room, new for each test."""
    place.made = getattr(place, "made", 0) + 1
    building, room = f"n{place.made}", f"n{place.made}01"
    kind = campus.records.room(SITE, campus.room).room_type
    assert staff.post(f"{BASE}/buildings", json={"id": building, "name": "Dãy N"}).status_code == 201
    made = staff.post(
        f"{BASE}/rooms", json={"id": room, "name": "N01", "room_type": kind, "building": building}
    )
    assert made.status_code == 201, made.text
    return building, room


def test_a_room_goes_through_its_life(staff, place):
    """Added, read with its ETag, changed with it, refused with an old one, its history read, removed, gone."""
    building, room = place
    url = f"{BASE}/rooms/{room}"
    first = staff.get(url)
    assert first.json()["version"] == 1 and first.headers["etag"].startswith('"1.')
    changed = staff.patch(url, json={"capacity": 40}, headers={"If-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()["capacity"], changed.json()["version"]) == (200, 40, 2)
    assert changed.headers["etag"] == staff.get(url).headers["etag"]
    stale = staff.patch(url, json={"capacity": 41}, headers={"If-Match": first.headers["etag"]})
    assert "changed by somebody else" in is_problem(stale, 412)["detail"]
    is_problem(staff.delete(url, headers={"If-Match": first.headers["etag"]}), 412)
    assert staff.get(url).json()["capacity"] == 40
    page = staff.get(f"{url}/history", params={"limit": 1}).json()
    assert [(one["field"], one["before"], one["after"]) for one in page["items"]] == [("capacity", None, 40)]
    rest = staff.get(f"{url}/history", params={"limit": 1, "after": page["next"]}).json()
    assert [one["field"] for one in rest["items"]] == ["created"] and rest["next"] is None
    is_problem(staff.delete(f"{BASE}/buildings/{building}"), 409)
    assert staff.delete(url, headers={"If-Match": changed.headers["etag"]}).status_code == 204
    is_problem(staff.get(url), 404)
    assert staff.get(f"{url}/history").json()["items"][0]["field"] == "removed"
    assert staff.delete(f"{BASE}/buildings/{building}").status_code == 204
    is_problem(staff.delete(f"{BASE}/buildings/{building}"), 404)


def test_a_building_is_changed(staff, place):
    """With its fields bounded; null empties."""
    building, _ = place
    url = f"{BASE}/buildings/{building}"
    made = staff.patch(url, json={"floors": 3, "area_m2": 1200, "built_year": 2008})
    assert (made.json()["floors"], made.json()["area_m2"], made.json()["version"]) == (3, 1200.0, 2)
    assert staff.patch(url, json={"floors": None}).json()["floors"] is None
    assert staff.get(f"{url}/history").json()["items"][0]["field"] == "floors"


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "rooms", {"id": "x y", "name": "x", "room_type": "classroom"}, "id"),
        ("POST", "rooms", {"id": "x" * 10_000, "name": "x", "room_type": "classroom"}, "id"),
        ("POST", "rooms", {"id": "x'; --", "name": "x", "room_type": "classroom"}, "id"),
        ("POST", "rooms", {"id": "x1", "name": "x", "room_type": "nothing"}, "room_type"),
        ("POST", "rooms", {"id": "x1", "name": "x", "room_type": "classroom", "site": "other"}, "site"),
        ("POST", "rooms", {"id": "x1", "name": "x\n", "room_type": "classroom", "floor": 1.5}, "floor"),
        ("POST", "rooms", [], "body"),
        ("POST", "buildings", {"id": "x1", "name": "x", "floors": 0}, "floors"),
        ("PATCH", "rooms/{room}", {"id": "other"}, "id"),
        ("PATCH", "rooms/{room}", {"name": None}, "name"),
        ("PATCH", "rooms/{room}", {"capacity": 5001}, "capacity"),
        ("PATCH", "rooms/{room}", {"version": 1}, "version"),
        ("PATCH", "boards/{board}", {"firmware": "9"}, "firmware"),
        ("PATCH", "boards/{board}", {"note": "x" * 501}, "note"),
        ("PUT", "boards/{board}/placement", {}, "room"),
        ("PUT", "boards/{board}/placement", {"room": "other/a101"}, "room"),
        ("PUT", "boards/{board}/placement", {"room": "nowhere"}, "room"),
        ("PUT", "boards/{board}/placement", {"room": "{room}", "at": "2026-11-18T09:00:00"}, "at"),
        ("PUT", "boards/{board}/placement", {"room": "{room}", "at": 0}, "at"),
        ("PUT", "boards/{board}/placement", {"room": "{room}", "at": "0001-01-01T00:00:00Z"}, "at"),
        ("PUT", "boards/{board}/placement", {"room": "{room}", "channels": {"1": "x"}}, "channels"),
        (
            "PUT",
            "boards/{board}/placement",
            {"room": "{room}", "channels": [{"channel": 1, "equipment": "x"}] * 2},
            "channels",
        ),
        (
            "PUT",
            "boards/{board}/placement",
            {"room": "{room}", "channels": [{"channel": 1, "equipment": "nothing"}]},
            "channels.1",
        ),
        ("DELETE", "boards/{board}/placement?at=yesterday", None, "at"),
        ("POST", "timetable/import", None, "from"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(campus, staff, method, path, body, told):
    """422 with the field; places, placements and the audit log stay."""
    records = campus.records

    def everything():
        return records.rooms(SITE), records.buildings(SITE), records.placements(SITE), records.audit_head()

    def filled(value):
        text = json.dumps(value).replace("{room}", campus.room).replace("{board}", campus.board)
        return json.loads(text)

    before = everything()
    answer = staff.request(method, f"{BASE}/{filled(path)}", json=filled(body))
    assert told in is_problem(answer, 422)["detail"]
    assert everything() == before


def test_a_taken_id_is_a_conflict(campus, staff):
    """409, and the room is as it was."""
    room = campus.records.room(SITE, campus.room)
    again = {"id": campus.room, "name": "x", "room_type": room.room_type}
    assert campus.room in is_problem(staff.post(f"{BASE}/rooms", json=again), 409)["detail"]
    detail = is_problem(staff.delete(f"{BASE}/rooms/{campus.room}"), 409)["detail"]
    assert "placed in it" in detail and "lessons in it" in detail
    assert campus.records.room(SITE, campus.room) == room


def test_a_board_is_placed_and_taken_out(campus, staff, place):
    """From a moment on, with what it meters; then in no room; each in its history and the audit log."""
    _, room = place
    board = "esp32-new"
    campus.records.saw_board(SITE, board, NOW, availability="online")
    piece = campus.records.equipment(SITE)[0].id
    url = f"{BASE}/boards/{board}"
    named = staff.patch(url, json={"name": "Bảng N01", "note": "trên cửa"})
    assert (named.json()["name"], named.json()["assigned"]) == ("Bảng N01", False)
    form = {"room": room, "at": "2026-11-17T07:00:00+07:00", "channels": [{"channel": 1, "equipment": piece}]}
    tag = staff.get(url).headers["etag"]
    placed = staff.put(f"{url}/placement", json=form, headers={"If-Match": tag})
    told = [(one["room"], one["channel"], one["equipment"]) for one in placed.json()["placements"]]
    assert told == [(room, None, None), (None, 1, piece)]
    assert placed.json()["placements"][0]["valid_from"] == "2026-11-17T00:00:00Z"
    is_problem(staff.put(f"{url}/placement", json=form, headers={"If-Match": tag}), 412)
    assert staff.get(url).json()["room"] == room
    assert staff.put(f"{url}/placement", json=form).json() == placed.json()
    out = staff.delete(f"{url}/placement")
    assert out.json() == {"placements": []} and staff.get(url).json()["assigned"] is False
    assert staff.delete(f"{url}/placement").json() == {"placements": []}
    fields = [one["field"] for one in staff.get(f"{url}/history").json()["items"]]
    assert set(fields) == {"room", "channel 1", "name", "note"} and len(fields) == 6
    rows = staff.get("/api/v1/audit", params={"limit": 3}).json()["items"]
    assert [row["what"] for row in rows] == ["board.placed", "board.placed", "board.changed"]
    assert {row["who"] for row in rows} == {"local"}
    is_problem(staff.put(f"{BASE}/boards/nothing/placement", json=form), 404)


LESSONS = "Lớp,Thứ,Buổi,Tiết,Môn\n{rows}"


def timetable(campus, rows):
    school_class = campus.records.classes(SITE)[0].name
    return LESSONS.format(rows="".join(f"{school_class},2,{one}\n" for one in rows)).encode()


def test_a_timetable_is_tried_and_then_imported(campus, staff):
    """A dry run unless told otherwise; the lessons are in the calendar; each change in the audit log."""
    url, query = f"{BASE}/timetable/import", {"from": "2027-01-04", "session": "morning"}
    content = timetable(campus, ["Sáng,1,Toán", "Sáng,2,Ngữ văn"])
    before = campus.records.calendar(SITE).version
    tried = staff.post(url, params=query, content=content)
    assert tried.status_code == 200, tried.text
    assert (tried.json()["format"], tried.json()["lessons"], tried.json()["problems"]) == ("csv", 2, [])
    assert tried.json()["changes"] and campus.records.calendar(SITE).version == before
    made = staff.post(url, params={**query, "dry_run": False}, content=content)
    assert made.json() == tried.json()
    assert campus.records.calendar(SITE).version != before
    assert campus.records.audit_log(limit=1)[0].what == "timetable.imported"
    again = staff.post(url, params={**query, "dry_run": False}, content=content)
    assert again.json()["changes"] == []


def test_a_timetable_with_a_wrong_row_is_refused_as_a_whole(campus, staff):
    """The row is named; the right one beside it is not written either. What is no timetable is a 422."""
    url, query = f"{BASE}/timetable/import", {"from": "2027-02-01", "dry_run": False}
    before = campus.records.calendar(SITE).version, campus.records.audit_head()
    made = staff.post(url, params=query, content=timetable(campus, ["Sáng,1,Toán", "Sáng,19,Lí"])).json()
    assert [one["row"] for one in made["problems"]] == ["row 3"] and made["changes"] == []
    is_problem(staff.post(url, params=query, content=b"\x00\x01 nothing"), 422)
    is_problem(staff.post(url, params={**query, "to": "2027-01-01"}, content=timetable(campus, [])), 422)
    is_problem(staff.post(url, params={**query, "format": "doc"}, content=b"x"), 422)
    is_problem(staff.post(url, params=query, content=b"x" * 10_000_001), 413)
    assert (campus.records.calendar(SITE).version, campus.records.audit_head()) == before


def test_an_inventory_is_tried_and_then_imported(campus, staff):
    """JSON or TOML; a dry run unless told otherwise; by the name of the person in the history."""
    url = f"{BASE}/inventory/import"
    name = campus.records.site(SITE).name
    toml = f'[site]\nid = "{SITE}"\nname = "{name}"\n[[buildings]]\nid = "inv"\nname = "Dãy I"\n'.encode()
    tried = staff.post(url, content=toml)
    assert tried.json() == {"changes": ["add building inv (Dãy I)"]}
    is_problem(staff.get(f"{BASE}/buildings/inv"), 404)
    document = {"site": {"id": SITE, "name": name}, "buildings": [{"id": "inv", "name": "Dãy I"}]}
    made = staff.post(url, params={"dry_run": False}, content=json.dumps(document).encode())
    assert made.json() == tried.json()
    created = staff.get(f"{BASE}/buildings/inv/history").json()["items"][0]
    assert (created["by"], created["how"]) == ("local", "import")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"site": {"id": "other", "name": "x"}}', "site.id: it is 'other'"),
        (b'{"site": {"id": "demo", "name": "x"}, "rooms": [{"id": "x"}]}', "rooms[0].name"),
        (b"[" * 100_000, "The inventory"),
        (b'{"a":' * 100_000, "The inventory"),
        (b"", "site"),
        (b"\xff\xfe", "The inventory is not valid"),
        (b"# " + b"x" * 1_000_001, "send more than 1000000 as JSON"),
    ],
)
def test_what_is_no_inventory_of_this_school_is_refused(campus, staff, content, told):
    """422, and nothing is written."""
    before = campus.records.audit_head()
    answer = staff.post(f"{BASE}/inventory/import", params={"dry_run": False}, content=content)
    assert told in is_problem(answer, 422)["detail"]
    assert campus.records.audit_head() == before


def test_only_who_administers_all_schools_changes_room_types(campus, staff):
    """Types of rooms are shared: the administrator of one school is refused, what stays the same is let through."""
    from api.security import signed_in
    from campus.records.entities import ADMINISTRATOR, Grant, Person

    kind = campus.records.room_types()[0]
    site = {"id": SITE, "name": campus.records.site(SITE).name}
    same = {"id": kind.id, "name_vi": kind.name_vi, "name_en": kind.name_en}

    def asked(grant, types):
        person = Person(9, "lan", (grant,))
        campus.app.dependency_overrides[signed_in] = lambda: person
        try:
            content = json.dumps({"site": site, "room_types": types}).encode()
            return staff.post(f"{BASE}/inventory/import", content=content)
        finally:
            campus.app.dependency_overrides.clear()

    one, all_ = Grant(ADMINISTRATOR, SITE), Grant(ADMINISTRATOR)
    assert asked(one, [same]).json() == {"changes": []}
    for types in ([same | {"name_vi": "Khác"}], [{"id": "hall", "name_vi": "x", "name_en": "x"}]):
        assert "all schools share" in is_problem(asked(one, types), 422)["detail"]
        assert len(asked(all_, types).json()["changes"]) == 1


def test_a_limited_token_edits_nothing_else(campus):
    """A token with the right to edit places places no board, and the other way round."""
    from campus.records.entities import Limits

    admin = campus.records.person("admin")
    edits, places = (
        campus.records.create_token(admin, right, Limits(frozenset({"places", right})), 30)
        for right in ("edit-places", "place-boards")
    )
    asked = [
        ("PATCH", f"rooms/{campus.room}", {}),
        ("PATCH", f"boards/{campus.board}", {}),
        ("PUT", f"boards/{campus.board}/placement", {}),
        ("POST", "timetable/import?from=2027-03-01", None),
        ("POST", "inventory/import", None),
    ]
    statuses = []
    for token in (edits, places):
        with campus.client(headers={"Authorization": f"Bearer {token}"}) as client:
            statuses.append(
                [
                    client.request(method, f"{BASE}/{path}", json=body).status_code
                    for method, path, body in asked
                ]
            )
    assert statuses == [[200, 403, 403, 403, 403], [403, 200, 422, 403, 403]]


def test_the_formats_of_the_import_are_those_that_are_read():
    """The words of the query and the table of readers are one list."""
    assert set(Format.__args__) == set(READERS)

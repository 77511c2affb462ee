"""The register over HTTP: records, loans, upkeep, stocktaking, files; refused to whom it does not concern."""

import io

import pytest
from api_school import NOW, SITE, is_problem, running
from openpyxl import load_workbook

BASE = f"/api/v1/sites/{SITE}"
PNG = b"\x89PNG\r\n\x1a\npicture"
COUNTER = iter(range(1000))


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture(scope="module")
def staff(campus):
    with campus.program() as client:
        yield client


@pytest.fixture
def piece(campus, staff):
    """The id of a new piece in a measured room."""
    form = {"id": f"piece-{next(COUNTER)}", "name": "Máy chiếu", "kind": "projector", "room": campus.room}
    answer = staff.post(f"{BASE}/equipment", json=form)
    assert answer.status_code == 201
    return answer.json()["id"]


def test_a_record_is_read_changed_and_has_its_history(staff, piece):
    """A change needs no more than its fields; with an old version it is refused with 409."""
    answer = staff.patch(f"{BASE}/equipment/{piece}", json={"price_vnd": 9_000_000, "version": 1})
    assert answer.status_code == 200 and answer.json()["version"] == 2
    is_problem(staff.patch(f"{BASE}/equipment/{piece}", json={"price_vnd": 1, "version": 1}), 409)
    assert staff.patch(f"{BASE}/equipment/{piece}", json={"price_vnd": None}).json()["price_vnd"] is None
    found = staff.get(f"{BASE}/equipment/{piece}").json()
    assert (found["code"], found["version"], found["missing"][-1]) == (piece, 3, "verified_on")
    changes = staff.get(f"{BASE}/equipment/{piece}/history").json()
    told = [(one["field"], one["before"], one["after"]) for one in changes["items"][:2]]
    assert told == [("price_vnd", 9_000_000, None), ("price_vnd", None, 9_000_000)]
    assert changes["items"][0]["by"] == "local" and changes["next"] is None


def test_the_list_is_filtered_and_paged_by_a_cursor(campus, staff, piece):
    """Pages of one give each piece once, in order; a filter that fits nothing gives nothing."""
    query = {"room": campus.room, "limit": 1}
    seen, after = [], None
    while True:
        answer = staff.get(f"{BASE}/equipment", params=query | ({"after": after} if after else {})).json()
        seen += [one["id"] for one in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert piece in seen and seen == sorted(set(seen))
    assert staff.get(f"{BASE}/equipment", params={"kind": "none"}).json() == {"items": [], "next": None}
    is_problem(staff.get(f"{BASE}/equipment", params={"condition": "fine"}), 422)
    is_problem(staff.get(f"{BASE}/equipment", params={"limit": 501}), 422)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"price_vnd": -1}, "price_vnd"),
        ({"colour": "red"}, "colour"),
        ({"id": "other"}, "id"),
        ({"name": None}, "name"),
        ({"room": "a-999"}, "room"),
        ({"item_code": "x" * 10_000}, "item_code"),
        ({"note": "a\x00b"}, "note"),
        ({"in_service_on": "2026-02-30"}, "in_service_on"),
        ({"verified_on": "2199-01-01"}, "verified_on"),
        ({"quantity": 2**70}, "quantity"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(staff, piece, form, field):
    """422 and a sentence."""
    before = staff.get(f"{BASE}/equipment/{piece}").json()
    assert field in str(is_problem(staff.patch(f"{BASE}/equipment/{piece}", json=form), 422))
    assert staff.get(f"{BASE}/equipment/{piece}").json() == before


@pytest.mark.parametrize("id", ["a'b", "a%0Ab", "%3Cscript%3E", "x" * 10_000, "other%2fpiece", "none"])
def test_an_id_that_is_none_opens_nothing(staff, id):
    """404 or 422 for each."""
    for path in (f"equipment/{id}", f"equipment/{id}/history", f"equipment/{id}/files", f"loans/{id}"):
        answer = staff.get(f"{BASE}/{path}")
        assert answer.status_code in (404, 422)
        is_problem(answer, answer.status_code)


def test_a_piece_is_lent_and_comes_back(staff, piece):
    """A slip, a second one that is refused, the return, and that the facts route beside it still answers."""
    form = {"equipment": piece, "borrower": "Cô Hoa", "session": "morning", "period": 2, "school_class": "6A"}
    made = staff.post(f"{BASE}/loans", json=form)
    assert made.status_code == 201 and made.json()["status"] == "lent"
    is_problem(staff.post(f"{BASE}/loans", json=form), 409)
    number = made.json()["number"]
    listed = staff.get(f"{BASE}/loans", params={"equipment": piece, "status": "lent"}).json()["items"]
    assert [one["number"] for one in listed] == [number]
    back = staff.post(f"{BASE}/loans/{number}/return", json={"condition": "worn"})
    assert back.json()["status"] == "returned"
    is_problem(staff.post(f"{BASE}/loans/{number}/return", json={}), 409)
    is_problem(staff.get(f"{BASE}/loans/{2**31 - 1}"), 404)
    assert staff.get(f"{BASE}/equipment/{piece}").json()["condition"] == "worn"
    span = "from=2026-11-16&to=2026-11-19"
    assert staff.get(f"{BASE}/declared-use?{span}").json()["declared"] >= 1
    assert staff.get(f"{BASE}/equipment/facts?{span}").status_code == 200
    assert staff.get(f"{BASE}/equipment-quotas").json() == {"items": [], "next": None}


def test_upkeep_is_begun_and_ended(staff, piece):
    """An incident with its cause and cost; how dependable the piece is follows from it."""
    staff.patch(f"{BASE}/equipment/{piece}", json={"in_service_on": "2026-11-16"})
    form = {
        "equipment": piece,
        "kind": "incident",
        "symptom": "Không lên",
        "opened_at": "2026-11-17T02:30:00Z",
    }
    made = staff.post(f"{BASE}/upkeep", json=form)
    assert made.status_code == 201 and made.json()["down"] is True
    number = made.json()["number"]
    assert number in [one["number"] for one in staff.get(f"{BASE}/upkeep?open=true").json()["items"]]
    ended = staff.post(f"{BASE}/upkeep/{number}/end", json={"cause": "Bóng đèn", "cost_vnd": 900_000})
    assert ended.json()["closed_at"].startswith(NOW.strftime("%Y-%m-%dT%H:%M"))
    is_problem(staff.post(f"{BASE}/upkeep/{number}/end", json={}), 409)
    query = f"from=2026-11-16&to=2026-11-30&equipment={piece}"
    available, between, repair = staff.get(f"{BASE}/equipment-reliability?{query}").json()["indicators"]
    assert (repair["value"], repair["unit"]) == (24.0, "h")
    assert available["numerator"] == available["denominator"] - 24.0 and between["denominator"] == 1


def test_a_room_is_taken_stock_of_with_a_phone(campus, staff, piece):
    """Scans, a report of what differs, and what was found is verified today."""
    made = staff.post(f"{BASE}/stocktakings", json={"room": campus.room})
    assert made.status_code == 201
    number = made.json()["number"]
    is_problem(staff.post(f"{BASE}/stocktakings", json={"room": campus.room}), 409)
    is_problem(staff.post(f"{BASE}/stocktakings", json={"room": "a-999"}), 404)
    scanned = staff.post(f"{BASE}/stocktakings/{number}/scans", json={"code": piece, "condition": "good"})
    assert (scanned.status_code, scanned.json()["state"]) == (201, "found")
    unknown = staff.post(f"{BASE}/stocktakings/{number}/scans", json={"code": "<b>LẠ'; --"})
    assert unknown.json()["state"] == "unknown"
    closed = staff.post(f"{BASE}/stocktakings/{number}/close", json={}).json()
    assert {item["code"]: item["state"] for item in closed["items"]}[piece] == "found"
    assert staff.get(f"{BASE}/stocktakings/{number}").json() == closed
    is_problem(staff.post(f"{BASE}/stocktakings/{number}/close", json={}), 409)
    assert staff.get(f"{BASE}/equipment/{piece}").json()["verified_on"] == "2026-11-18"
    coverage = staff.get(f"{BASE}/record-coverage").json()
    assert coverage["unrecorded"] == [{"code": "<b>LẠ'; --", "room": campus.room}]
    assert [(one["year"], one["value"]) for one in coverage["targets"]] == [(2025, 0.8), (2030, 1.0)]
    assert piece in coverage["missing"] and coverage["total"]["known"] > len(coverage["missing"]) - 1


def test_a_photo_comes_back_as_a_download_only(staff, piece):
    """Its type is never told to the browser, and other contents are refused."""
    made = staff.post(f"{BASE}/equipment/{piece}/files", params={"name": 'ảnh".html'}, content=PNG)
    assert made.status_code == 201 and made.json()["media"] == "image/png"
    number = made.json()["number"]
    answer = staff.get(f"{BASE}/files/{number}")
    assert answer.content == PNG and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%E1%BA%A3nh%22.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    is_problem(staff.post(f"{BASE}/equipment/{piece}/files", content=b"<html>"), 422)
    is_problem(staff.post(f"{BASE}/equipment/{piece}/files", content=PNG + b"x" * 10_000_000), 413)
    is_problem(staff.post(f"{BASE}/equipment", content=b"x" * 70_000), 413)
    assert staff.delete(f"{BASE}/files/{number}").status_code == 204
    assert staff.get(f"{BASE}/equipment/{piece}/files").json()["items"] == []


def test_the_register_goes_out_and_comes_in_as_a_workbook(staff, piece):
    """An import is a dry run unless told; the export imported again changes nothing; labels are a PDF."""
    content = staff.get(f"{BASE}/register/export").content
    assert piece in [row[0].value for row in load_workbook(io.BytesIO(content)).active]
    again = staff.post(f"{BASE}/register/import", params={"dry_run": False}, content=content)
    assert again.json()["changes"] == [] and again.json()["problems"] == []
    text = f"id,name,kind,condition\n{piece},Máy chiếu mới,projector,Tốt\n".encode()
    tried = staff.post(f"{BASE}/register/import", content=text).json()
    assert tried["changes"] and staff.get(f"{BASE}/equipment/{piece}").json()["name"] == "Máy chiếu"
    staff.post(f"{BASE}/register/import", params={"dry_run": False}, content=text)
    assert staff.get(f"{BASE}/equipment/{piece}").json()["name"] == "Máy chiếu mới"
    wrong = staff.post(f"{BASE}/register/import", content=b"id,name,kind\nx y,a,b\n").json()
    assert wrong["problems"][0]["row"] == "row 2"
    is_problem(staff.post(f"{BASE}/register/import", content=b"nothing"), 422)
    assert staff.post(f"{BASE}/register/template", content=content).status_code in (200, 422)
    assert staff.get(f"{BASE}/register/labels").content.startswith(b"%PDF")


def test_only_equipment_staff_and_the_administrator_write(campus, piece):
    """Others read records, and neither write nor see who borrowed what; another school's staff sees nothing."""
    from api.security import signed_in
    from campus.records.entities import Grant, Person

    writes = [
        ("POST", "equipment", {"id": "x-1", "name": "x", "kind": "tv"}),
        ("PATCH", f"equipment/{piece}", {"note": "x"}),
        ("POST", "loans", {"equipment": piece, "borrower": "x"}),
        ("POST", "loans/1/return", {}),
        ("POST", "upkeep", {"equipment": piece, "kind": "incident", "symptom": "x"}),
        ("POST", "upkeep/1/end", {}),
        ("POST", "stocktakings", {"room": campus.room}),
        ("POST", "stocktakings/1/scans", {"code": "x"}),
        ("POST", "stocktakings/1/close", {}),
        ("POST", "register/import", {}),
        ("POST", "register/template", {}),
        ("POST", f"equipment/{piece}/files", {}),
        ("DELETE", "files/1", None),
        ("GET", "loans", None),
        ("GET", "loans/1", None),
        ("GET", "declared-use?from=2026-11-16&to=2026-11-17", None),
    ]

    def asked(role, site):
        person = Person(9, role, (Grant(role, site),))
        campus.app.dependency_overrides[signed_in] = lambda: person
        try:
            with campus.program() as client:
                return [
                    client.request(method, f"{BASE}/{path}", json=body).status_code
                    for method, path, body in writes
                ], client.get(f"{BASE}/equipment/{piece}").status_code
        finally:
            campus.app.dependency_overrides.clear()

    for role in ("leader", "facilities", "it", "auditor"):
        assert asked(role, SITE) == ([403] * len(writes), 200), role
    statuses, read = asked("equipment", SITE)
    assert 403 not in statuses and read == 200
    statuses, read = asked("equipment", "other-school")
    assert set(statuses) <= {403, 404} and read == 404

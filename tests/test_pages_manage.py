"""The pages with which a school is set up, as their forms are sent: what is written, refused, told, kept."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from api_school import SITE, STRANGER, running

from campus.records.entities import ROLES, Grant
from dashboards.web.words import Words

HTML = {"Accept": "text/html"}
BASE = f"/sites/{SITE}"
VI = Words("vi")


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        for role in ROLES:
            campus.records.add_person(f"the-{role}", [Grant(role, SITE)])
        yield campus


@pytest.fixture
def browser(campus):
    with campus.person() as client:
        client.headers.update(HTML)
        yield client


def as_role(campus, role):
    cookies = {"campus_session": campus.records.create_session(campus.records.person(f"the-{role}"), 1)}
    return campus.client(cookies=cookies, headers=HTML | {"Origin": campus.url})


def form_of(page, action):
    """What a browser would send of one form of a page: every named field with what stands in it."""
    text = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.S)[0]
    found = {}
    for tag in re.findall(r"<input [^>]*>", text):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" in told and told.get("type") != "file":
            found[told["name"]] = told.get("value", "")
    for name, body in re.findall(r'<select [^>]*name="([^"]*)".*?>(.*?)</select>', text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found[name] = chosen[1] if chosen else ""
    for name, body in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', text, re.S):
        found[name] = body
    return found


def done(answer, path, what):
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{path}?done={what}"


ADDING = {
    "buildings/new": ("Nhà đa năng", lambda records: [one.name for one in records.buildings(SITE)]),
    "rooms/new": ("Phòng Lý", lambda records: [one.name for one in records.rooms(SITE)]),
    "equipment/new": ("Kính hiển vi", lambda records: [one.name for one in records.equipment(SITE)]),
}


@pytest.mark.parametrize("form", ADDING)
def test_a_form_sent_twice_adds_one_thing(campus, browser, form):
    """As by a double tap, both at once; filled in otherwise, or shown again, the form adds another one."""
    (name, names), path = ADDING[form], f"{BASE}/{form}"
    shown = form_of(browser.get(path).text, path)
    sent = shown | {
        "name": name,
        "kind": "Kính",
        "room_type": campus.records.room(SITE, campus.room).room_type,
    }
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: browser.post(path, data=sent), range(4)))
    assert {answer.status_code for answer in answers} == {303}, answers[0].text
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert names(campus.records).count(name) == 1
    assert browser.post(path, data=sent | {"name": f"{name} 2"}).status_code == 303
    assert names(campus.records).count(f"{name} 2") == 1
    anew = form_of(browser.get(path).text, path)
    assert browser.post(path, data=sent | {"mark": anew["mark"]}).status_code == 303
    assert names(campus.records).count(name) == 2


def test_forms_that_are_not_told_apart_add_twice(campus, browser):
    """The control."""
    for _ in range(2):
        assert browser.post(f"{BASE}/buildings/new", data={"name": "Nhà Z"}).status_code == 303
    assert [one.name for one in campus.records.buildings(SITE)].count("Nhà Z") == 2


def test_a_piece_is_added_changed_and_retired(campus, browser):
    """Each form leads on to a page that says what was done, and the record holds it."""
    page = browser.get(f"{BASE}/equipment/new").text
    sent = form_of(page, f"{BASE}/equipment/new") | {
        "name": "Máy chiếu Đặc biệt",
        "kind": "Máy chiếu",
        "price_vnd": "12.500.000",
        "in_service_on": "2025-01-31",
    }
    answer = browser.post(f"{BASE}/equipment/new", data=sent)
    path = f"{BASE}/equipment/may-chieu-dac-biet"
    done(answer, path, "added")
    made = campus.records.equipment_record(SITE, "may-chieu-dac-biet")
    assert (made.kind, made.price_vnd, made.in_service_on) == ("may-chieu", 12_500_000, date(2025, 1, 31))
    page = browser.get(answer.headers["location"]).text
    assert VI("done.added") in page and VI("missing.room") in page
    changes = form_of(page, path) | {"room": campus.room, "condition": "good"}
    done(browser.post(path, data=changes), path, "changed")
    made = campus.records.equipment_record(SITE, made.id)
    assert (made.room, made.condition, made.price_vnd) == (campus.room, "good", 12_500_000)
    sent = form_of(browser.get(path).text, f"{path}/retire")
    done(browser.post(f"{path}/retire", data=sent | {"retired_on": "2026-11-01"}), path, "retired")
    assert made.id not in browser.get(f"{BASE}/equipment?q=dac+biet").text
    page = browser.get(f"{BASE}/equipment?q=DAC+BIET&show=retired").text
    assert path in page
    sent = form_of(browser.get(path).text, f"{path}/retire")
    done(browser.post(f"{path}/retire", data=sent | {"back": "1"}), path, "restored")
    assert campus.records.equipment_record(SITE, made.id).retired_on is None


def test_the_same_name_twice_makes_two_records(campus, browser):
    """An id that is taken is not written over: the second piece gets another."""
    sent = {"name": "Ti vi", "kind": "tv"}
    for id in ("ti-vi", "ti-vi-2", "ti-vi-3"):
        done(browser.post(f"{BASE}/equipment/new", data=sent), f"{BASE}/equipment/{id}", "added")


MONEY = {"least": "0", "most": "10.000.000.000.000"}
COUNT = {"least": "1", "most": "100.000"}
FUTURE = {"day": "2199-12-31"}


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("name", "", VI("form.required")),
        ("quantity", "0", VI("form.whole", **COUNT)),
        ("quantity", "2,5", VI("form.whole", **COUNT)),
        ("price_vnd", "-5", VI("form.whole", **MONEY)),
        ("in_service_on", "31/02/2026", VI("form.date")),
        ("in_service_on", "1850-01-01", VI("form.date")),
        ("condition", "wonderful", VI("form.choice")),
        ("room", "x'; DROP TABLE room;--", VI("form.choice")),
        ("name", "a" * 1000, VI("form.long", most=120, length="1.000")),
        ("note", "bell \x07", VI("form.control")),
        ("verified_on", "2199-12-31", VI("told.verified_future", **FUTURE)),
    ],
)
def test_a_wrong_field_is_told_beside_it_and_nothing_is_lost(campus, browser, field, text, sentence):
    """The sentence belongs to the field for a screen reader too, what was written stays, nothing is stored."""
    before = len(campus.records.equipment(SITE))
    sent = {"name": "Bộ thí nghiệm <b>", "kind": "lab-set", "maker": "Cty “A&B”", "quantity": "1"} | {
        field: text
    }
    answer = browser.post(f"{BASE}/equipment/new", data=sent)
    assert answer.status_code == 422 and len(campus.records.equipment(SITE)) == before
    page = answer.text
    tag = re.search(rf'<(?:input|select|textarea) id="{field}"[^>]*>', page)[0]
    assert 'aria-invalid="true"' in tag and f"{field}-wrong" in tag and "autofocus" in tag
    told = re.search(rf'<p class="error" id="{field}-wrong">(.*?)</p>', page, re.S)[1]
    assert told == sentence
    assert 'role="alert"' in page and page.count("aria-invalid") == 1
    assert "Cty “A&amp;B”" in page
    if field != "name":
        assert "Bộ thí nghiệm &lt;b&gt;" in page and "thí nghiệm <b>" not in page


def test_somebody_elses_change_is_told_and_not_written_over(campus, browser):
    """A form of an old version stores nothing, shows what is stored now, and what was typed; sent again, it counts."""
    made = campus.records.create_equipment(SITE, {"id": "shared", "name": "Loa", "kind": "speaker"}, "lan")
    path = f"{BASE}/equipment/{made.id}"
    old = form_of(browser.get(path).text, path)
    campus.records.change_equipment(SITE, made.id, {"maker": "Hãng của Minh"}, "minh")
    answer = browser.post(path, data=old | {"maker": "Hãng của tôi"})
    assert answer.status_code == 409
    assert VI("form.stale") in answer.text
    assert VI("form.stored", text="Hãng của Minh") in answer.text and "Hãng của tôi" in answer.text
    assert campus.records.equipment_record(SITE, made.id).maker == "Hãng của Minh"
    again = form_of(answer.text, path)
    assert again["version"] == str(made.version + 1)
    done(browser.post(path, data=again), path, "changed")
    assert campus.records.equipment_record(SITE, made.id).maker == "Hãng của tôi"


def test_without_the_version_the_other_change_would_be_written_over(campus, browser, monkeypatch):
    """The control: records that do not look at the version take the old form, and the other's change is lost."""
    made = campus.records.create_equipment(SITE, {"id": "unguarded", "name": "Loa", "kind": "speaker"}, "lan")
    path = f"{BASE}/equipment/{made.id}"
    old = form_of(browser.get(path).text, path)
    campus.records.change_equipment(SITE, made.id, {"maker": "Hãng của Minh"}, "minh")
    change = campus.records.change_equipment
    monkeypatch.setattr(
        campus.records, "change_equipment", lambda site, id, changes, by, _: change(site, id, changes, by)
    )
    done(browser.post(path, data=old), path, "changed")
    assert campus.records.equipment_record(SITE, made.id).maker is None


def test_a_form_without_a_version_changes_nothing(campus, browser):
    """What cannot say which record it saw could write over anybody's change."""
    made = campus.records.create_equipment(SITE, {"id": "unseen", "name": "Loa", "kind": "speaker"}, "lan")
    path = f"{BASE}/equipment/{made.id}"
    answer = browser.post(path, data={"name": "Khác", "kind": "speaker"})
    assert answer.status_code == 422 and VI("form.no_version") in answer.text
    for what in ("retire", ""):
        browser.post(
            f"{path}/{what}".rstrip("/"), data={"retired_on": "2026-11-01", "name": "X", "kind": "y"}
        )
    assert campus.records.equipment_record(SITE, made.id) == made


def test_a_building_and_its_rooms_are_added_changed_and_removed(campus, browser):
    """In the order in which a school does it, to the end, where a building with a room in it is not removed."""
    sent = {"name": "Dãy nhà Mới", "floors": "3", "area_m2": "1250,5"}
    done(browser.post(f"{BASE}/buildings/new", data=sent), f"{BASE}/places", "added")
    made = campus.records.building(SITE, "day-nha-moi")
    assert (made.floors, made.area_m2) == (3, 1250.5)
    kind = campus.records.room(SITE, campus.room).room_type
    sent = {"name": "Phòng Mới 1", "room_type": kind, "building": made.id, "floor": "-1", "capacity": "40"}
    done(browser.post(f"{BASE}/rooms/new", data=sent), f"{BASE}/places", "added")
    room = campus.records.room(SITE, "phong-moi-1")
    assert (room.building, room.floor, room.capacity) == (made.id, -1, 40)
    building, path = f"{BASE}/buildings/{made.id}", f"{BASE}/rooms/{room.id}"
    answer = browser.post(building, data={"version": str(made.version), "remove": "1"})
    assert answer.status_code == 409 and "Không xóa được dãy nhà" in answer.text and room.id in answer.text
    assert "Dãy nhà Mới" in form_of(answer.text, building)["name"]
    changes = form_of(browser.get(path).text, path) | {"name": "Phòng đổi tên", "capacity": ""}
    done(browser.post(path, data=changes), f"{BASE}/places", "changed")
    room = campus.records.room(SITE, room.id)
    assert (room.name, room.capacity) == ("Phòng đổi tên", None)
    old = {"version": str(room.version - 1), "remove": "1"}
    assert browser.post(path, data=old).status_code == 409
    done(browser.post(path, data=old | {"version": str(room.version)}), f"{BASE}/places", "removed")
    done(
        browser.post(building, data={"version": str(made.version), "remove": "1"}),
        f"{BASE}/places",
        "removed",
    )
    assert "day-nha-moi" not in browser.get(f"{BASE}/places").text


def test_a_board_is_placed_named_metered_and_taken_out(campus, browser):
    """The board that waits is first on the page, and its way through the rooms is in its placements."""
    listed = browser.get(f"{BASE}/boards").text
    assert listed.index(STRANGER) < listed.index(campus.board)
    path = f"{BASE}/boards/{STRANGER}"
    sent = form_of(listed, f"{path}/place")
    assert browser.post(f"{path}/place", data=sent).status_code == 422  # no room was chosen
    assert browser.post(f"{path}/place", data=sent | {"room": "x999"}).status_code == 422
    done(browser.post(f"{path}/place", data=sent | {"room": campus.silent}), f"{BASE}/boards", "placed")
    assert browser.post(f"{path}/place", data=sent | {"room": campus.room}).status_code == 409  # an old page
    assert campus.records.room_of(STRANGER, campus.app.state.context.now(), SITE) == campus.silent
    birth = {"points": {"power_w.1": {"unit": "W"}, "power_w.2": {"unit": "W"}, "co2_ppm": {"unit": "ppm"}}}
    campus.records.saw_board(SITE, STRANGER, None, birth=birth)
    one, other = [piece.id for piece in campus.records.equipment(SITE)][:2]
    fields = form_of(browser.get(path).text, f"{path}/channels")
    assert {"channel-1", "channel-2"} <= set(fields)
    twice = browser.post(f"{path}/channels", data=fields | {"channel-1": one, "channel-2": one})
    assert twice.status_code == 422 and VI("told.channel_twice", piece=one) in twice.text
    done(
        browser.post(f"{path}/channels", data=fields | {"channel-1": one, "channel-2": other}),
        path,
        "changed",
    )
    page = browser.get(path).text
    assert form_of(page, f"{path}/channels")["channel-2"] == other
    named = form_of(page, path) | {"name": "Hộp trên bảng", "note": "dòng một\ndòng hai"}
    done(browser.post(path, data=named), path, "changed")
    assert "Hộp trên bảng" in browser.get(f"{BASE}/boards").text
    version = campus.records.board(SITE, STRANGER).version
    done(browser.post(f"{path}/place", data={"version": version, "out": "1"}), f"{BASE}/boards", "taken")
    now = campus.records.placements(SITE, campus.app.state.context.now())
    assert not [one for one in now if one.board == STRANGER]


def test_a_month_is_shown_signed_and_only_once(campus, browser):
    """Figures with their evidence, the button where it may be signed, and the sentence where it may not."""
    path = f"{BASE}/month"
    page = browser.get(path, params={"month": "2026-11"}).text
    assert "27,0\u00a0%" in page and VI("month.goes_on") in page and "month.close" not in page
    assert VI("reason.nothing_in_range") in page
    answer = browser.post(path, data={"month": "2026-11"})
    assert answer.status_code == 409 and "2026-12-01" in answer.text
    for wrong in ("2026-13", "", "2026-11-01", "'; --"):
        assert browser.post(path, data={"month": wrong}).status_code == 422
    sent = form_of(browser.get(path, params={"month": "2026-10"}).text, path)
    answer = browser.post(path, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?month=2026-10&done=closed")
    page = browser.get(answer.headers["location"]).text
    assert (
        VI("done.closed") in page
        and VI("month.no_amendments") in page
        and '<form method="post" action="' + path not in page
    )
    assert browser.post(path, data=sent).status_code == 409


def test_incidents_and_findings_are_told_in_words(campus, browser):
    """Cause, time and rooms of an incident; room, sensor and doubt of a finding."""
    from api_school import MINUTE, NOW_MS

    finding = {
        "kind": "stuck",
        "point": "co2_ppm",
        "since_ms": NOW_MS - 90 * MINUTE,
        "figures": {"value": 812.0},
    }
    campus.live.set_doubts(SITE, campus.room, [finding])
    page = browser.get(f"{BASE}/connectivity").text
    assert VI("finding.stuck") in page and VI("point.co2_ppm") in page and VI("incidents.none") in page
    with as_role(campus, "it") as one, as_role(campus, "facilities") as other:
        it, facilities = (client.get(f"{BASE}/connectivity").text for client in (one, other))
    assert VI("findings.title") not in it and VI("incidents.title") in it
    assert VI("findings.title") in facilities and VI("incidents.title") not in facilities


MENU = {
    "administrator": {"rooms", "places", "boards", "equipment", "timetable", "month", "connectivity"},
    "facilities": {"rooms", "places", "boards", "equipment", "month", "connectivity"},
    "it": {"places", "boards", "equipment", "month", "connectivity"},
    "leader": {"places", "boards", "equipment", "month"},
    "equipment": {"places", "boards", "equipment", "month"},
    "auditor": {"places", "boards", "equipment", "month"},
}


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_shows_what_the_role_allows_and_each_entry_opens(campus, role):
    """Signing in leads every role to a page of theirs, and no entry of the menu is refused."""
    with as_role(campus, role) as client:
        page = client.get("/", follow_redirects=True)
        assert page.status_code == 200
        menu = re.search(r'<nav class="menu".*?</nav>', page.text, re.S)[0]
        found = dict((word, path) for path, word in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', menu))
        assert set(found) == {VI(f"nav.{one}") for one in MENU[role]}
        for path in found.values():
            opened = client.get(path.replace("&amp;", "&"))
            assert opened.status_code == 200 and 'aria-current="page"' in opened.text


def test_those_who_may_only_look_get_no_forms(campus):
    """A page without the right to change has no button that would be refused."""
    with as_role(campus, "auditor") as client:
        piece = campus.records.equipment(SITE)[0].id
        for path in (
            "places",
            "boards",
            f"boards/{campus.board}",
            "equipment",
            f"equipment/{piece}",
            "month",
        ):
            page = client.get(f"{BASE}/{path}")
            assert page.status_code == 200, path
            forms = re.findall(r'<form method="post" action="([^"]*)"', page.text)
            assert set(forms) <= {"/language", "/sign-out"}, path


def test_a_form_of_another_site_is_refused(campus):
    """A page elsewhere that makes the browser send a form changes nothing; the same form of ours does."""
    with campus.person() as client:
        sent = {"name": "Giả mạo", "kind": "tv"}
        for origin in ("https://evil.example", "null"):
            answer = client.post(f"{BASE}/equipment/new", data=sent, headers=HTML | {"Origin": origin})
            assert answer.status_code == 403
        del client.headers["Origin"]
        assert client.post(f"{BASE}/equipment/new", data=sent, headers=HTML).status_code == 403
        assert "Giả mạo" not in client.get(f"{BASE}/equipment", headers=HTML).text
        ours = client.post(f"{BASE}/equipment/new", data=sent, headers=HTML | {"Origin": campus.url})
        assert ours.status_code == 303


def test_what_is_not_there_is_404_as_a_page(campus, browser):
    """Another school, a thing that never was, and ids that are none."""
    for path in (
        "/sites/other/equipment",
        f"{BASE}/equipment/nothing",
        f"{BASE}/rooms/nothing",
        f"{BASE}/buildings/nothing",
        f"{BASE}/boards/nothing",
    ):
        answer = browser.get(path)
        assert answer.status_code == 404 and "<h1>" in answer.text, path
    for path in (f"{BASE}/equipment/A'b", f"{BASE}/rooms/{'a' * 100}", f"{BASE}/timetable/look/x"):
        answer = browser.get(path)
        assert answer.status_code == 422 and "<h1>" in answer.text, path

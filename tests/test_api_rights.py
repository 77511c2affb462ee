"""Every operation, for every role, at the own school and at another: what is not granted is refused."""

from datetime import date
from itertools import product

import httpx
import pytest
from api_school import SITE, is_problem, running
from fastapi.routing import iter_route_contexts
from records_stores import DATABASES

from campus.records.entities import ROLES, Grant
from campus.records.inventory import Inventory

OTHER, OTHER_ROOM, OTHER_BOARD, OTHER_PIECE = "truong-khac", "x101", "esp32-khac", "projector-khac"
SPAN = {"from": "2026-11-16", "to": "2026-11-17"}
LETTER = {"A": "administrator", "F": "facilities", "I": "it", "L": "leader", "E": "equipment", "U": "auditor"}
EVERYONE, SELF, OPEN, NOBODY = "AFILEU", "AFILEU", "open", ""

# Who may, at a school of theirs. Everyone else there gets 403, and at another school everyone gets 404.
EXPECTED = {
    "GET /": "AF",
    "GET /rooms/{site}/{room}": "AF",
    "GET /sites/{site}/places": EVERYONE,
    "GET /sites/{site}/buildings/new": "AF",
    "POST /sites/{site}/buildings/new": "AF",
    "GET /sites/{site}/buildings/{id}": "AF",
    "POST /sites/{site}/buildings/{id}": "AF",
    "GET /sites/{site}/rooms/new": "AF",
    "POST /sites/{site}/rooms/new": "AF",
    "GET /sites/{site}/rooms/{id}": "AF",
    "POST /sites/{site}/rooms/{id}": "AF",
    "GET /sites/{site}/boards": EVERYONE,
    "GET /sites/{site}/boards/{board}": EVERYONE,
    "POST /sites/{site}/boards/{board}": "AI",
    "POST /sites/{site}/boards/{board}/place": "AI",
    "POST /sites/{site}/boards/{board}/channels": "AI",
    "GET /sites/{site}/equipment": EVERYONE,
    "GET /sites/{site}/equipment/new": "AE",
    "POST /sites/{site}/equipment/new": "AE",
    "GET /sites/{site}/equipment/{id}": EVERYONE,
    "POST /sites/{site}/equipment/{id}": "AE",
    "POST /sites/{site}/equipment/{id}/retire": "AE",
    "GET /sites/{site}/timetable": "A",
    "POST /sites/{site}/timetable": "A",
    "GET /sites/{site}/timetable/file": "A",
    "GET /sites/{site}/timetable/template": "A",
    "GET /sites/{site}/timetable/look/{token}": "A",
    "POST /sites/{site}/timetable/look/{token}": "A",
    "POST /sites/{site}/timetable/look/{token}/subjects": "A",
    "GET /sites/{site}/month": EVERYONE,
    "POST /sites/{site}/month": "AL",
    "GET /sites/{site}/connectivity": "AFI",
    "POST /sign-out": SELF,
    "GET /sign-in": OPEN,
    "POST /sign-in": OPEN,
    "POST /language": OPEN,
    "GET /sign-in/oidc": OPEN,
    "GET /sign-in/oidc/start": OPEN,
    "GET /health": OPEN,
    "GET /api/v1/health": EVERYONE,
    "GET /api/v1/openapi.json": EVERYONE,
    "GET /api/v1/backup": NOBODY,
    "POST /api/v1/sessions": OPEN,
    "GET /api/v1/sessions": SELF,
    "DELETE /api/v1/sessions": SELF,
    "GET /api/v1/sessions/{id}": SELF,
    "DELETE /api/v1/sessions/{id}": SELF,
    "GET /api/v1/sessions/current": SELF,
    "DELETE /api/v1/sessions/current": SELF,
    "PUT /api/v1/sessions/current/password": SELF,
    "GET /api/v1/tokens": SELF,
    "POST /api/v1/tokens": SELF,
    "GET /api/v1/tokens/{id}": SELF,
    "DELETE /api/v1/tokens/{id}": SELF,
    "GET /api/v1/people": "A",
    "POST /api/v1/people": "A",
    "GET /api/v1/people/{name}": "A",
    "PATCH /api/v1/people/{name}": "A",
    "DELETE /api/v1/people/{name}": "A",
    "PUT /api/v1/people/{name}/password": "A",
    "DELETE /api/v1/people/{name}/sessions": "A",
    "GET /api/v1/audit": "AU",
    "GET /api/v1/sites": EVERYONE,
    "GET /api/v1/sites/{site}": EVERYONE,
    "GET /api/v1/room-types": EVERYONE,
    "GET /api/v1/room-types/{room_type}": EVERYONE,
    "GET /api/v1/sites/{site}/buildings": EVERYONE,
    "GET /api/v1/sites/{site}/buildings/{building}": EVERYONE,
    "GET /api/v1/sites/{site}/rooms": EVERYONE,
    "GET /api/v1/sites/{site}/rooms/{room}": EVERYONE,
    "POST /api/v1/sites/{site}/buildings": "AF",
    "PATCH /api/v1/sites/{site}/buildings/{building}": "AF",
    "DELETE /api/v1/sites/{site}/buildings/{building}": "AF",
    "GET /api/v1/sites/{site}/buildings/{building}/history": EVERYONE,
    "POST /api/v1/sites/{site}/rooms": "AF",
    "PATCH /api/v1/sites/{site}/rooms/{room}": "AF",
    "DELETE /api/v1/sites/{site}/rooms/{room}": "AF",
    "GET /api/v1/sites/{site}/rooms/{room}/history": EVERYONE,
    "PATCH /api/v1/sites/{site}/boards/{board}": "AI",
    "PUT /api/v1/sites/{site}/boards/{board}/placement": "AI",
    "DELETE /api/v1/sites/{site}/boards/{board}/placement": "AI",
    "GET /api/v1/sites/{site}/boards/{board}/history": EVERYONE,
    "POST /api/v1/sites/{site}/timetable/import": "A",
    "POST /api/v1/sites/{site}/inventory/import": "A",
    "GET /api/v1/sites/{site}/rooms/{room}/intervals": "AF",
    "GET /api/v1/sites/{site}/rooms/{room}/indicators": "AF",
    "GET /api/v1/sites/{site}/rooms/{room}/forecast": "AF",
    "GET /api/v1/sites/{site}/rooms/{room}/anomalies": "AF",
    "GET /api/v1/sites/{site}/facts": "AF",
    "GET /api/v1/sites/{site}/equipment/facts": "AF",
    "GET /api/v1/sites/{site}/boards": EVERYONE,
    "GET /api/v1/sites/{site}/boards/{board}": EVERYONE,
    "GET /api/v1/sites/{site}/boards/{board}/availability": "AI",
    "GET /api/v1/sites/{site}/boards/{board}/quality": "AI",
    "GET /api/v1/sites/{site}/incidents": "AI",
    "GET /api/v1/sites/{site}/incidents/{id}": "AI",
    "GET /api/v1/sites/{site}/placements": EVERYONE,
    "GET /api/v1/sites/{site}/placements/{id}": EVERYONE,
    "GET /api/v1/sites/{site}/classes": EVERYONE,
    "GET /api/v1/sites/{site}/classes/{school_class:path}": EVERYONE,
    "GET /api/v1/sites/{site}/subject-groups": EVERYONE,
    "GET /api/v1/sites/{site}/subject-groups/{id}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/terms": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/terms/{start}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/bells": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/closures": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/closures/{id}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/make-up-days": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/make-up-days/{date}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/exams": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/exams/{id}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/lessons": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/lessons/{id}": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/substitutions": EVERYONE,
    "GET /api/v1/sites/{site}/calendar/subject-places": EVERYONE,
    "GET /api/v1/sites/{site}/tariffs": EVERYONE,
    "GET /api/v1/sites/{site}/tariffs/{valid_from}": EVERYONE,
    "GET /api/v1/sites/{site}/targets": EVERYONE,
    "GET /api/v1/sites/{site}/findings": "AF",
    "GET /api/v1/indicators": EVERYONE,
    "GET /api/v1/indicators/{indicator}": EVERYONE,
    "GET /api/v1/sites/{site}/indicators": EVERYONE,
    "GET /api/v1/sites/{site}/months": EVERYONE,
    "POST /api/v1/sites/{site}/months": "AL",
    "GET /api/v1/sites/{site}/months/{month}": EVERYONE,
    "GET /api/v1/sites/{site}/months/{month}/amendments": EVERYONE,
    "GET /api/v1/sites/{site}/equipment": EVERYONE,
    "POST /api/v1/sites/{site}/equipment": "AE",
    "GET /api/v1/sites/{site}/equipment/{id}": EVERYONE,
    "PATCH /api/v1/sites/{site}/equipment/{id}": "AE",
    "GET /api/v1/sites/{site}/equipment/{id}/history": EVERYONE,
    "GET /api/v1/sites/{site}/equipment/{id}/files": EVERYONE,
    "POST /api/v1/sites/{site}/equipment/{id}/files": "AE",
    "GET /api/v1/sites/{site}/files/{id}": EVERYONE,
    "DELETE /api/v1/sites/{site}/files/{id}": "AE",
    "GET /api/v1/sites/{site}/record-coverage": EVERYONE,
    "GET /api/v1/sites/{site}/register/export": EVERYONE,
    "POST /api/v1/sites/{site}/register/import": "AE",
    "POST /api/v1/sites/{site}/register/template": "AE",
    "GET /api/v1/sites/{site}/register/labels": EVERYONE,
    "GET /api/v1/sites/{site}/loans": "AE",
    "POST /api/v1/sites/{site}/loans": "AE",
    "GET /api/v1/sites/{site}/loans/{id}": "AE",
    "POST /api/v1/sites/{site}/loans/{id}/return": "AE",
    "GET /api/v1/sites/{site}/declared-use": "AE",
    "GET /api/v1/sites/{site}/upkeep": EVERYONE,
    "POST /api/v1/sites/{site}/upkeep": "AE",
    "GET /api/v1/sites/{site}/upkeep/{id}": EVERYONE,
    "POST /api/v1/sites/{site}/upkeep/{id}/end": "AE",
    "GET /api/v1/sites/{site}/equipment-reliability": EVERYONE,
    "GET /api/v1/sites/{site}/equipment-quotas": EVERYONE,
    "GET /api/v1/sites/{site}/stocktakings": EVERYONE,
    "POST /api/v1/sites/{site}/stocktakings": "AE",
    "GET /api/v1/sites/{site}/stocktakings/{id}": EVERYONE,
    "POST /api/v1/sites/{site}/stocktakings/{id}/scans": "AE",
    "POST /api/v1/sites/{site}/stocktakings/{id}/close": "AE",
    "GET /api/v1/sites/{site}/export/{resource}": EVERYONE,  # of rooms; of the others: test_api_export.py
    "GET /api/v1/readings": "AF",
    "GET /api/v1/readings/export": "AF",
    "GET /api/v1/readings/means": "AF",
    "GET /api/v1/live": "AF",
    "GET /api/v1/live/events": "AF",
}
BY_QUERY = {"/", "/api/v1/audit", "/api/v1/live", "/api/v1/live/events"} | {
    f"/api/v1/readings{what}" for what in ("", "/export", "/means")
}
"""These name a site in their query, if at all."""

QUERIES = {
    "/sites/{site}/timetable/file": {"on": "2026-11-16"},
    "/api/v1/sites/{site}/boards/{board}/placement": {"at": "2027-06-01T00:00:00Z"},
    "/api/v1/readings": {"board": "{board}"},
    "/api/v1/sites/{site}/rooms/{room}/forecast": {"date": "2026-11-19"},
    "/api/v1/sites/{site}/rooms/{room}/anomalies": {"date": "2026-11-17"},
}
BODIES = {
    "PUT /api/v1/sessions/current/password": {"old": "not it", "new": "mật khẩu mới 2026"},
    "POST /api/v1/tokens": {"label": "report", "site": "{site}"},
    "POST /api/v1/people": {"name": "new", "grants": [{"role": "leader", "site": "{site}"}]},
    "PATCH /api/v1/people/{name}": {"language": "en"},
    "POST /api/v1/sites/{site}/months": {"month": "2026-11"},
}
OTHER_BY_BODY = {"POST /api/v1/tokens", "POST /api/v1/people"}
PASSED = {200, 201, 204, 303, 409, 422}
"""409 and 422: let in, and then something else was wrong with the request."""


def let_in(operation, status, body):
    """Also to a school's thing that is not there; a school that is not there has its own sentence."""
    is_one = "{site}" in operation and operation.count("{") > 1
    return status in PASSED or (status == 404 and is_one and "no site" not in body)


CLIENT = httpx.Client(
    trust_env=False, timeout=20, headers={"Accept-Language": "en"}
)  # one for all: making one takes longer than asking


@pytest.fixture(scope="module", params=DATABASES)
def campus(request, tmp_path_factory):
    """Over both databases; on PostgreSQL, row-level security holds beside the rights."""
    sqlite = request.param == "sqlite"
    url = "sqlite" if sqlite else request.getfixturevalue("_postgresql").start().database()
    with running(tmp_path_factory.mktemp("school"), records_url=url) as campus:
        kind = campus.records.room(SITE, campus.room).room_type
        room = {"id": OTHER_ROOM, "name": "Phòng khác", "room_type": kind}
        inventory = {
            "site": {"id": OTHER, "name": "Trường khác", "tz": "Asia/Ho_Chi_Minh"},
            "room_types": [{"id": kind, "name_vi": "Phòng", "name_en": "Room"}],
            "rooms": [room],
            "boards": [{"id": OTHER_BOARD}],
            # In the room, which so is not removed by who may remove rooms.
            "equipment": [{"id": OTHER_PIECE, "name": "Máy chiếu", "kind": "projector", "room": OTHER_ROOM}],
        }
        campus.records.import_inventory(Inventory.parse(inventory))
        for site in (SITE, OTHER):
            campus.records.close_month(site, date(2026, 10, 1), "admin")
        for role, site in product(ROLES, (SITE, OTHER)):
            campus.records.add_person(f"{role}-{site}", [Grant(role, site)])
        yield campus


def operations(app):
    return {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }


class Asking:
    """One person's request, with a session of its own, at one school."""

    def __init__(self, campus, person, site):
        self.campus, self.records, self.person, self.site = campus, campus.records, person, site

    def __call__(self, operation):
        """(status, body); the body of a stream is not read."""
        method, path = operation.split(" ")
        session = self.records.create_session(self.person, 1)
        values = self._values(operation, session)
        query = {name: self._fill(text, values) for name, text in QUERIES.get(path, {}).items()}
        if path in BY_QUERY:
            query["site"] = self.site
        query |= SPAN
        body = self._filled(BODIES.get(operation), values)
        headers = {"Origin": self.campus.url, "Cookie": f"campus_session={session}"}
        url = path.replace(":path}", "}").format(**values)
        CLIENT.cookies.clear()
        with CLIENT.stream(method, self.campus.url + url, params=query, json=body, headers=headers) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()
                return answer.status_code, answer.text
            return answer.status_code, ""

    def _values(self, operation, session):
        """What stands in the address: of the asking person's school, or of the other one and of another person."""
        is_own = self.site == SITE
        values = {
            "site": self.site,
            "room": self.campus.room if is_own else OTHER_ROOM,
            "board": self.campus.board if is_own else OTHER_BOARD,
            "month": "2026-10",
            "resource": "rooms",
            "name": f"pupil-{self.site}",
            "token": "a" * 24,
            "id": 1,
            "building": "a",
            "room_type": self.records.room_types()[0].id,
            "school_class": "6A",
            "indicator": "held",
            "start": "2026-09-07",
            "date": "2026-11-21",
            "valid_from": "2026-01-01",
        }
        if "{name}" in operation and not any(one.name == values["name"] for one in self.records.people()):
            self.records.add_person(values["name"], [Grant("leader", self.site)])
        if "equipment/{id}" in operation:
            values["id"] = self.records.equipment(SITE)[0].id if is_own else OTHER_PIECE
        owner = self.person if is_own else self.records.person("admin")
        if "tokens/{id}" in operation:
            self.records.create_token(owner, "made for this")
            values["id"] = self.records.tokens(owner)[-1].id
        if "sessions/{id}" in operation:
            session = session if is_own else self.records.create_session(owner, 1)
            values["id"] = next(one.id for one in self.records.sessions(owner, session) if one.is_own)
        return values

    def _filled(self, body, values):
        if isinstance(body, dict):
            return {name: self._filled(one, values) for name, one in body.items()}
        if isinstance(body, list):
            return [self._filled(one, values) for one in body]
        return self._fill(body, values) if isinstance(body, str) else body

    def _fill(self, text, values):
        return text.format(**values)


def test_every_operation_has_its_expected_outcomes(campus):
    """A new route is refused by this test until the table says who may use it."""
    assert operations(campus.app) == set(EXPECTED)


def names_a_school(operation):
    path = operation.split(" ")[1]
    return any(part in path for part in ("{site}", "{name}", "{id}")) or path in BY_QUERY


CHECKED = sorted(one for one, who in EXPECTED.items() if who != OPEN)


@pytest.mark.parametrize("operation", CHECKED)
def test_who_may_at_their_own_school(campus, operation):
    """Those of the table are let in, the others are told that it is not their right; nobody hears of another school."""
    for letter, role in LETTER.items():
        status, body = Asking(campus, campus.records.person(f"{role}-{SITE}"), SITE)(operation)
        if letter in EXPECTED[operation]:
            assert let_in(operation, status, body), (role, status, body)
            assert not [one for one in (OTHER, "Trường khác", "Phòng khác") if one in body], role
        else:
            assert status == 403, (role, status, body)


@pytest.mark.parametrize("operation", [one for one in CHECKED if names_a_school(one) or one in OTHER_BY_BODY])
def test_another_school_does_not_exist(campus, operation):
    """Every role gets what an invented school gets: 404, and 403 for what it may nowhere; who has both is let in."""
    for letter, role in LETTER.items():
        status, body = Asking(campus, campus.records.person(f"{role}-{SITE}"), OTHER)(operation)
        knows = letter in EXPECTED[operation] or "{site}" in operation or operation.split(" ")[1] in BY_QUERY
        assert status == (404 if knows else 403), (role, status, body)
        assert "{site}" not in operation or "no site" in body
    if ("{id}" in operation and "{site}" not in operation) or EXPECTED[operation] == NOBODY:
        return  # what is one person's own is no administrator's either
    status, body = Asking(campus, campus.records.person("admin"), OTHER)(operation)
    assert let_in(operation, status, body), (status, body)  # the control: it is there


def test_an_unknown_school_and_a_foreign_one_answer_alike(campus):
    """Byte by byte but for the name: nothing tells which schools there are."""
    person = campus.records.person(f"leader-{SITE}")
    cookies = {"campus_session": campus.records.create_session(person, 1)}
    with campus.client(cookies=cookies) as client:
        for path in ("", "/rooms", "/rooms/x101", "/indicators", "/facts"):
            answers = [client.get(f"/api/v1/sites/{site}{path}") for site in (OTHER, "x" * len(OTHER))]
            assert [one.status_code for one in answers] == [404, 404]
            assert answers[0].text.replace(OTHER, "x" * len(OTHER)) == answers[1].text


def test_one_person_may_have_other_roles_at_other_schools(campus):
    """A leader here and an auditor there closes months here only; an auditor everywhere reads everywhere."""
    campus.records.add_person("both", [Grant("leader", SITE), Grant("auditor", OTHER)])
    campus.records.add_person("province", [Grant("auditor")])
    both, province = campus.records.person("both"), campus.records.person("province")
    close, figures = "POST /api/v1/sites/{site}/months", "GET /api/v1/sites/{site}/indicators"
    log, listed = "GET /api/v1/audit", "GET /api/v1/sites"

    def of(person, operation):
        return [Asking(campus, person, site)(operation)[0] for site in (SITE, OTHER)]

    assert (of(both, close)[0] in (201, 409, 422), of(both, close)[1]) == (True, 403)
    assert of(both, figures) == of(province, figures) == [200, 200]
    assert of(both, log) == [403, 200]
    assert of(province, close) == [403, 403] and of(province, log) == [200, 200]
    for person in (both, province):
        assert OTHER in Asking(campus, person, SITE)(listed)[1]


def test_what_is_not_of_one_school_is_narrowed(campus):
    """Without a school in the address: lists, the live state and exports hold what is granted, and nothing else."""
    sessions = {
        who: campus.records.create_session(campus.records.person(who), 1)
        for who in ("admin", f"facilities-{SITE}", f"facilities-{OTHER}")
    }
    own, other, everything = (
        campus.client(cookies={"campus_session": sessions[who]})
        for who in (f"facilities-{SITE}", f"facilities-{OTHER}", "admin")
    )
    with own, other, everything:
        ids = [
            [one["id"] for one in client.get("/api/v1/sites").json()["items"]]
            for client in (own, other, everything)
        ]
        assert ids == [[SITE], [OTHER], [SITE, OTHER]]
        live = [client.get("/api/v1/live").json() for client in (own, other, everything)]
        assert live[1]["rooms"] == live[1]["boards"] == []
        assert live[0]["rooms"] == live[2]["rooms"] != []
        rows = [
            len(client.get("/api/v1/readings/export").text.splitlines())
            for client in (own, other, everything)
        ]
        assert rows[1] == 1 < rows[0] == rows[2]
        board = {"board": campus.board}
        assert own.get("/api/v1/readings/export", params=board).status_code == 200
        is_problem(other.get("/api/v1/readings/export", params=board), 404)


def test_the_live_stream_is_of_the_granted_schools(campus):
    """Changes of another school are not sent, and a stream ends at a heartbeat when a grant is taken away."""
    from campus.live import RoomState

    campus.records.add_person("watcher", [Grant("facilities", OTHER)])
    cookies = {"campus_session": campus.records.create_session(campus.records.person("watcher"), 1)}
    streams = campus.app.state.streams
    streams.heartbeat, before = 1.0, streams.heartbeat
    try:
        with (
            campus.client(cookies=cookies, headers={"Origin": campus.url}) as client,
            client.stream("GET", "/api/v1/live/events") as stream,
        ):
            lines = stream.iter_lines()
            for site, room in ((SITE, campus.room), (OTHER, OTHER_ROOM)):
                campus.live.set_room(RoomState(site, room, True, 1, 1, 1, {"co2_ppm": 123.0}))
            told = next(line for line in lines if '"presence"' in line)
            assert OTHER_ROOM in told
            campus.records.change_person("watcher", [Grant("leader", OTHER)])
            assert SITE not in "".join(lines)  # and it ends
    finally:
        streams.heartbeat = before


def test_rights_that_let_everything_pass_would_be_noticed(campus, monkeypatch):
    """The control: with the check of the school put out, the other school answers; from PostgreSQL still not."""
    import api.security

    asking = Asking(campus, campus.records.person(f"leader-{SITE}"), OTHER)
    assert asking("GET /api/v1/sites/{site}/rooms")[0] == 404
    monkeypatch.setattr(api.security, "require", lambda *_: None)
    held = campus.records._database.engine.dialect.name == "postgresql"
    assert asking("GET /api/v1/sites/{site}/rooms")[0] == (404 if held else 200)

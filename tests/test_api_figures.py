"""Figures of every scope, who may see them, months that are closed, forecasts, equipment facts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from api_school import DAY, MONDAY, NOW, SITE, items, running

from api.security import signed_in
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.sums import RoomSums
from campus.records.entities import ROLES, Grant, Person
from campus.records.figure_scopes import SCOPES, Scope
from campus.records.figures import figures
from campus.records.outlook import room_forecast

WEEK = {"from": "2026-11-16", "to": "2026-11-23"}
START_OF_MAY = int(datetime(2026, 4, 30, 17, tzinfo=UTC).timestamp()) * 1000
PART = {"from": "2026-11-16", "to": "2026-11-19"}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("figures")) as made:
        yield made


@pytest.fixture
def api(campus):
    with campus.program() as program:

        def get(path, status=200, **query):
            answer = program.get(f"/api/v1/{path}", params=query)
            assert answer.status_code == status, answer.text
            return answer.json()

        yield get


@pytest.fixture
def as_role(campus):
    def become(role):
        campus.app.dependency_overrides[signed_in] = lambda: Person(9, role, (Grant(role),))

    yield become
    campus.app.dependency_overrides.clear()


def by_id(found):
    return {one["id"]: one for one in found["indicators"]}


def ids_of(campus):
    """One id of each kind of scope."""
    records = campus.records
    piece = next(p for p in records.equipment(SITE) if p.room == campus.room)
    lesson = next(x for x in records.calendar(SITE).lessons if x.room == campus.room and x.subject_group)
    room = records.room(SITE, campus.room)
    return {
        "site": None,
        "building": room.building,
        "room-type": room.room_type,
        "room": room.id,
        "subject-group": lesson.subject_group,
        "equipment-kind": piece.kind,
        "equipment": piece.id,
        "board": campus.board,
    }


@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_has_its_figures(campus, api, scope):
    """Each with definition, version and calendar; a value or a reason, never both and never neither."""
    id = ids_of(campus)[scope]
    found = api(f"sites/{SITE}/indicators", scope=scope, **({} if id is None else {"id": id}), **WEEK)
    assert found["indicators"]
    assert len({one["id"] for one in found["indicators"]}) == len(found["indicators"])
    for one in found["indicators"]:
        assert (one["value"] is None) == (one["reason"] is not None) == (one["reason_code"] is not None)
        assert one["version"] >= 1 and one["calendar_version"] and one["provisional"] is True


def test_only_what_is_asked_for_is_answered(campus, api):
    """One or more indicators by id, the same as among all; an id that is none is refused by name."""
    every = by_id(api(f"sites/{SITE}/indicators", **WEEK))
    asked = ["frequency_rate", "operating_hours"]
    found = by_id(api(f"sites/{SITE}/indicators", indicator=asked, **WEEK))
    assert {id: found[id]["value"] for id in found} == {id: every[id]["value"] for id in asked}
    assert "'zz'" in str(api(f"sites/{SITE}/indicators", 422, indicator=["frequency_rate", "zz"], **WEEK))


def test_a_room_is_in_its_building_its_type_and_its_site(campus, api):
    """The scopes sum the same facts: what only one room has measured is the same in all of them."""
    ids = ids_of(campus)
    expected = RoomSums.total(
        map(RoomSums.of, campus.records.facts(SITE, campus.room, MONDAY, MONDAY + timedelta(days=7)))
    )
    for scope in ("room", "building", "room-type", "site"):
        query = {} if ids[scope] is None else {"id": ids[scope]}
        found = by_id(api(f"sites/{SITE}/indicators", scope=scope, **query, **WEEK))
        assert found["held"]["numerator"] == expected.held > 0
        assert found["frequency_rate"]["numerator"] == expected.occupied_ms / 60_000


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"scope": "room"}, 422, "by its id"),
        ({"scope": "site", "id": "a-101"}, 422, "takes no id"),
        ({"scope": "building", "id": "zz"}, 404, "no building 'zz'"),
        ({"scope": "equipment", "id": "zz"}, 404, "no equipment 'zz'"),
        ({"scope": "subject-group", "id": "zz"}, 404, "no subject group 'zz'"),
        ({"scope": "board", "id": "zz"}, 404, "no board 'zz'"),
        ({"scope": "floor", "id": "1"}, 422, "scope"),
        ({"scope": "room", "id": "A 101'; --"}, 422, "id"),
    ],
)
def test_a_scope_that_is_none_is_told(api, query, status, said):
    """One sentence that names it."""
    assert said in str(api(f"sites/{SITE}/indicators", status, **query, **WEEK))


def test_who_may_not_see_single_periods_gets_no_way_around(campus, api, as_role):
    """Delivery and no-shows of one room, or of less than whole weeks, are withheld with all their evidence."""
    personal = {id for id, one in DEFINITIONS.items() if one.personal}
    assert {"held", "no_show", "no_show_rate", "delivery_rate", "ghost_slots"} <= personal
    for role, (scope, query) in product(
        sorted(set(ROLES) - {"administrator", "facilities"}),
        (("room", {"id": campus.room}), ("site", {})),
    ):
        as_role(role)
        for days in (WEEK, PART):
            answer = api(f"sites/{SITE}/indicators", scope=scope, **query, **days)
            found = by_id(answer)
            for id in personal & found.keys() if days is PART else ():
                assert (found[id]["value"], found[id]["reason_code"]) == (None, "withheld"), (role, scope, id)
                assert found[id]["numerator"] == found[id]["denominator"] == 0
            assert all(one["counts"] == {} for one in answer["indicators"])
            assert answer["ghost_slots"] == []
            assert found["frequency_rate"]["reason_code"] != "withheld"
        as_role("facilities")
        assert (
            by_id(api(f"sites/{SITE}/indicators", scope=scope, **query, **WEEK))["held"]["value"] is not None
        )


def test_figures_withheld_by_nothing_would_be_noticed(campus, monkeypatch, api, as_role):
    """The control: where everything may be shown, the check above fails."""
    monkeypatch.setattr("campus.records.figures.may_show", lambda *args, **kwargs: True)
    as_role("leader")
    found = by_id(api(f"sites/{SITE}/indicators", scope="room", id=campus.room, **PART))
    assert found["held"]["reason_code"] != "withheld"


def test_every_definition_can_be_read(api):
    """The names in both languages, formula, unit and source."""
    found = {one["id"]: one for one in api("indicators", limit=500)["items"]}
    assert found["frequency_rate"]["name_vi"] and found["no_show_rate"]["personal"] is True
    assert all(one["formula"] and one["source"] and one["unit"] for one in found.values())


def test_only_leaders_and_administrators_close_a_month(campus, as_role):
    """Others are refused before anything happens; a month that goes on is a conflict with a sentence."""
    with campus.program() as program:
        for role in ROLES:
            as_role(role)
            answer = program.post(f"/api/v1/sites/{SITE}/months", json={"month": "2026-11"})
            assert answer.status_code == (409 if role in ("administrator", "leader") else 403), role
        assert (
            "not over" in program.post(f"/api/v1/sites/{SITE}/months", json={"month": "2026-11"}).text or True
        )
        as_role("leader")
        assert "2026-11 is not over" in program.post(
            f"/api/v1/sites/{SITE}/months", json={"month": "2026-11"}
        ).json()["detail"]  # fmt: skip
        for bad in ({"month": "2026-13"}, {"month": "11/2026"}, {"month": "2026-10", "by": "me"}, {}):
            assert program.post(f"/api/v1/sites/{SITE}/months", json=bad).status_code == 422
        empty = program.post(f"/api/v1/sites/{SITE}/months", json={"month": "2026-08"})
        assert empty.status_code == 201 and empty.json()["closed_by"] == "leader"
        again = program.post(f"/api/v1/sites/{SITE}/months", json={"month": "2026-08"})
        assert again.status_code == 409 and "closed already" in again.json()["detail"]
        assert [one["start"] for one in items(program, f"sites/{SITE}/months")] == ["2026-08-01"]
        assert items(program, f"sites/{SITE}/months/2026-08/amendments") == []


def test_what_was_signed_stays_and_what_changed_is_listed(campus, api, as_role):
    """The figures of a closed month are those of its close; others do not learn one day's lessons from what changed."""
    records, room, day = campus.records, campus.room, date(2026, 5, 12)
    (lesson,) = [
        f for f in records.facts(SITE, room, MONDAY, MONDAY + timedelta(days=7)) if f.outcome == "held"
    ][:1]
    start = datetime(2026, 5, 12, 0, 0, tzinfo=UTC)
    held = replace(lesson, date=day, start=start, end=start + timedelta(minutes=45), outcome="held")
    records.restate(SITE, room, START_OF_MAY, START_OF_MAY + 31 * DAY, [held], [])
    assert "not closed" in str(api(f"sites/{SITE}/months/2026-05", 404))
    records.close_month(SITE, day, "admin")
    signed = api(f"sites/{SITE}/months/2026-05")
    records.restate(SITE, room, START_OF_MAY, START_OF_MAY + 31 * DAY, [replace(held, outcome="no_show")], [])
    assert api(f"sites/{SITE}/months/2026-05") == signed
    assert (signed["start"], signed["closed_by"]) == ("2026-05-01", "admin")
    figures = by_id(signed)
    assert figures["held"]["numerator"] == 1 and figures["held"]["provisional"] is False
    now = by_id(api(f"sites/{SITE}/indicators", **{"from": "2026-05-01", "to": "2026-06-01"}))
    assert now["held"]["numerator"] == 0
    (change,) = api(f"sites/{SITE}/months/2026-05/amendments")["items"]
    assert (change["before"]["held"], change["after"]["no_show"]) == (1, 1)
    as_role("leader")
    (change,) = api(f"sites/{SITE}/months/2026-05/amendments")["items"]
    assert (change["id"], change["before"], change["after"]) == (room, {}, {})
    figures = by_id(api(f"sites/{SITE}/months/2026-05"))
    assert figures["held"]["reason_code"] == "withheld"


def test_a_room_with_less_than_two_weeks_has_no_forecast(campus, api):
    """It says why; and a date that is past, or far ahead, is refused."""
    path = f"sites/{SITE}/rooms/{campus.room}/forecast"
    found = api(path, date="2026-11-19")["items"]
    assert found and {one["reason"] for one in found} == {"too_short"}
    assert {one["value"] for one in found} == {None}
    assert "a forecast is for" in str(api(path, 422, date="2026-11-17"))
    assert "a forecast is for" in str(api(path, 422, date="2027-11-17"))
    assert api(f"sites/{SITE}/rooms/{campus.room}/anomalies", date="2026-11-17")["items"] == []


def test_a_regular_room_is_forecast_from_its_facts(campus):
    """Six weeks of the same share give that share, and only facts before today count."""
    records, room = campus.records, campus.silent
    base = [
        f for f in records.facts(SITE, campus.room, MONDAY, MONDAY + timedelta(days=2)) if f.kind == "lesson"
    ]
    for week in range(1, 7):
        shift = timedelta(weeks=week)
        moved = [
            replace(
                fact,
                room=room,
                date=fact.date - shift,
                start=fact.start - shift,
                end=fact.end - shift,
                valid_minutes=fact.slot_minutes,
                occupied_minutes=fact.slot_minutes * 0.8,
            )
            for fact in base
        ]
        start = int(moved[0].start.timestamp()) * 1000
        records.store_derivation(SITE, room, start, start + 3 * 86_400_000, [], moved, [], start)
    found = room_forecast(records, SITE, room, MONDAY, MONDAY)
    assert found and all(one.reason is None and one.value == pytest.approx(0.8) for one in found)
    assert found[0].score.wape == pytest.approx(0.0, abs=1e-9)


def test_equipment_facts_are_those_stored(campus, api):
    """None were stored for this school: an empty list, and the whole site only for a month."""
    assert api(f"sites/{SITE}/equipment/facts", room=campus.room, **WEEK)["items"] == []
    assert "31 days" in str(
        api(f"sites/{SITE}/equipment/facts", 422, **{"from": "2026-01-01", "to": "2026-03-01"})
    )


def test_a_range_whose_months_are_closed_is_not_provisional(campus):
    """August was closed and September was not."""
    records = campus.records
    if not any(one.start == date(2026, 7, 1) for one in records.closed_months(SITE)):
        records.close_month(SITE, date(2026, 7, 1), "admin")
    closed = figures(records, Scope(SITE), date(2026, 7, 1), date(2026, 8, 1), NOW)
    assert not any(one.provisional for one in closed.indicators)
    longer = figures(records, Scope(SITE), date(2026, 6, 30), date(2026, 8, 1), datetime.now(UTC))
    assert all(one.provisional for one in longer.indicators)

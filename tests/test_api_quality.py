"""The quality of a board's connection, flapping, and sensors in doubt, over the API and the command line."""

import json
from pathlib import Path
from typing import get_args

import pytest
from api_school import DAY, MINUTE, NOW_MS, SITE, STRANGER, TOKEN, is_problem, running
from hypothesis import given
from hypothesis import strategies as st

from api.connectivity_models import FindingOut, QualityPartOut
from api.security import signed_in
from campus.inference import LOST, ONLINE, SLEEPING, UNKNOWN, Stretch, sensor_checks
from campus.inference.quality import CHECK_MS, PARTS, WINDOW_MS, Flapping
from campus.records import board_quality
from campus.records.board_quality import NOT_KNOWN, NOT_MEASURED, flaps
from campus.records.entities import Grant, Person
from campus.records.links import Followed, Heard
from campus.telemetry import GOOD, INVALID_FAILED, UNSYNCED, Readings, SeriesKey

STUCK = sensor_checks.Finding(sensor_checks.STUCK, "co2_ppm", NOW_MS - DAY, {"value": 812.0})
SILENT, UNHEARD = "silent", "unheard"


def written(board, rows):
    """Readings of a board: (point, minutes before now, value, quality)."""
    batch = Readings()
    for point, minutes, value, quality in rows:
        batch.series.append(SeriesKey(SITE, board, point))
        batch.which.append(len(batch.series) - 1)
        batch.observed_at_ms.append(NOW_MS - round(minutes * MINUTE))
        batch.value.append(value)
        batch.quality.append(quality)
    return batch


LINK = [
    ("rssi_dbm", 10, -60.0, GOOD),  # exactly at the begin of the window: in it
    ("rssi_dbm", 1, -70.0, GOOD),
    ("rssi_dbm", 10.001, -100.0, GOOD),  # before it
    ("rssi_dbm", 0, -100.0, GOOD),  # at its end: not in it
    ("rssi_dbm", 2, None, INVALID_FAILED),
    ("rssi_dbm", 3, -110.0, UNSYNCED),
    ("rtt_broker_ms", 3, 100.0, GOOD),
    ("rtt_broker_ms", 2, 160.0, GOOD),
    ("rtt_broker_ms", 1, 110.0, GOOD),
    ("rtt_gateway_ms", 1, 9000.0, GOOD),  # the broker's counts
    ("loss_gateway_pct", 2, 4.0, GOOD),
    ("loss_gateway_pct", 1, 1.0, GOOD),
]


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        for board in (SILENT, UNHEARD):
            campus.records.saw_board(SITE, board, campus.app.state.context.now(), availability="online")
        campus.telemetry.write(2, written(campus.board, LINK))
        lost, begin = NOW_MS - 60 * MINUTE, NOW_MS - DAY - 60 * MINUTE
        back = lost + 15 * MINUTE
        over = [Stretch(begin, lost, ONLINE), Stretch(lost, back, LOST)]
        still = Followed(ONLINE, begin, NOW_MS, 180_000, {})
        campus.records.store_heard(
            Heard(
                [SITE],
                [(begin, NOW_MS)],
                {(SITE, campus.board): over},
                {(SITE, campus.board): still._replace(since_ms=back), (SITE, SILENT): still},
            )
        )
        campus.live.set_doubts(SITE, campus.room, [STUCK._asdict()])
        campus.live.set_doubts("elsewhere", campus.room, [STUCK._asdict()])
        yield campus


def ask(campus, board):
    with campus.program() as program:
        answer = program.get(f"/api/v1/sites/{SITE}/boards/{board}/quality")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_quality_is_made_of_the_readings_of_ten_minutes(campus):
    """Usable values of the half-open window, of the broker before the gateway, availability of a day; by hand."""
    found = ask(campus, campus.board)
    assert (found["start_ms"], found["end_ms"]) == (NOW_MS - WINDOW_MS, NOW_MS)
    parts = {one["name"]: one for one in found["parts"]}
    assert {name: (one["value"], one["point"]) for name, one in parts.items()} == {
        "rssi_dbm": (-65.0, "rssi_dbm"),
        "loss": (0.025, "loss_gateway_pct"),
        "rtt_p95_ms": (160.0, "rtt_broker_ms"),
        "jitter_ms": (55.0, "rtt_broker_ms"),
        "available": (pytest.approx(1 - 15 / 1440), None),
    }
    scores = {"rssi_dbm": 0.8, "loss": 0.5, "rtt_p95_ms": 0.8, "jitter_ms": 45 / 70, "available": 0.8796296}
    assert {name: one["score"] for name, one in parts.items()} == pytest.approx(scores)
    assert {name: one["weight"] for name, one in parts.items()} == {
        name: part.weight for name, part in PARTS.items()
    }
    by_hand = 100 * 0.8**0.15 * 0.5**0.35 * 0.8**0.20 * (45 / 70) ** 0.10 * 0.8796296**0.20
    assert found["value"] == pytest.approx(by_hand)
    assert (found["label"], found["signal"], found["reason"]) == ("fair", "good", None)
    assert found["measured"] == pytest.approx(1)
    assert {one["reason"] for one in parts.values()} == {None}


def test_a_board_that_measured_nothing_of_its_link_has_no_quality(campus):
    """Neither a zero nor the perfect score of a day without loss: null, with a reason for all and for each part."""
    found = ask(campus, SILENT)
    parts = {one["name"]: one for one in found["parts"]}
    assert parts["available"]["value"] == 1  # the control: by the formula alone it would be 100
    assert (found["value"], found["label"], found["signal"]) == (None, None, None)
    assert (found["measured"], found["reason"]) == (0, NOT_MEASURED)
    for name in ("rssi_dbm", "loss", "rtt_p95_ms", "jitter_ms"):
        assert (parts[name]["value"], parts[name]["score"], parts[name]["point"]) == (None, None, None)
        assert board_quality.POINTS[name][0] in parts[name]["reason"]


def test_a_board_that_was_never_heard_is_not_judged(campus):
    """No availability, no flapping: null with a reason, not false."""
    found = ask(campus, UNHEARD)
    available = found["parts"][-1]
    assert (available["name"], available["value"]) == ("available", None)
    assert "Nobody listened" in available["reason"]
    nothing = {"flapping": None, "change_pct": None, "since_ms": None, "checks": 0, "reason": NOT_KNOWN}
    assert found["flapping"] == nothing


def test_one_round_trip_has_no_jitter(campus):
    """The other parts stand; the quality tells how much of it was measured."""
    campus.telemetry.write(3, written(STRANGER, [("rtt_gateway_ms", 1, 250.0, GOOD)]))
    found = ask(campus, STRANGER)
    parts = {one["name"]: one for one in found["parts"]}
    assert (parts["rtt_p95_ms"]["value"], parts["rtt_p95_ms"]["point"]) == (250, "rtt_gateway_ms")
    assert parts["jitter_ms"]["value"] is None and "no two readings" in parts["jitter_ms"]["reason"]
    assert (found["value"], found["label"]) == (pytest.approx(50), "poor")
    assert found["measured"] == pytest.approx(0.2)


def test_one_loss_is_no_flapping(campus):
    """A day of checks; one loss of a quarter of an hour is two changes of twenty, an hour ago."""
    told = ask(campus, campus.board)["flapping"]
    assert (told["flapping"], told["since_ms"], told["reason"]) == (False, None, None)
    assert told["checks"] == 24 * 12
    assert 0 < told["change_pct"] < 20


# Flapping of stored states

T = NOW_MS // CHECK_MS * CHECK_MS


def states(*pieces, until=T + 1):
    """Stretches that end at `until`, of (minutes, state)."""
    at = until - sum(round(minutes * MINUTE) for minutes, _ in pieces)
    found = []
    for minutes, state in pieces:
        found.append(Stretch(at, at + round(minutes * MINUTE), state))
        at = found[-1].end_ms
    return found


def restless(minutes, state=LOST):
    return [(5, state if n % 2 else ONLINE) for n in range(minutes // 5)]


def test_a_board_that_comes_and_goes_flaps_since_the_check_that_said_so():
    """Changes at every check flap from the sixth on, as the formula of the newest six gives more than 30 %."""
    found = flaps(states((300, ONLINE), *restless(60)), T + 1)
    judge, checked = Flapping(), 0
    for state in [ONLINE] * 60 + [ONLINE, LOST] * 6:
        checked += 1
        if judge.check(state):
            break
    last = 60 + 12
    assert (found.flapping, found.checks) == (True, last)
    assert found.since_ms == T - (last - checked) * CHECK_MS
    assert found.change_pct > 30


def test_flapping_ends_and_has_no_begin_then():
    """Quiet for long enough, a board that flapped does not any more."""
    found = flaps(states(*restless(120), (110, ONLINE)), T + 1)
    assert (found.flapping, found.since_ms, found.change_pct) == (False, None, 0)


def test_a_loss_between_two_checks_counts():
    """Lost for a minute after each check, at every check online: it flaps."""
    pieces = [(1, LOST), (4, ONLINE)] * 12
    found = flaps(states((60, ONLINE), *pieces), T + 1)
    assert found.flapping is True
    assert flaps(states((60, ONLINE), (60, ONLINE)), T + 1).flapping is False  # the control


def test_what_a_board_announces_is_no_flapping():
    """A board that sleeps in between is not lost; the control is the same with losses."""
    assert flaps(states((60, ONLINE), *restless(60, SLEEPING)), T + 1).flapping is False
    assert flaps(states((60, ONLINE), *restless(60, LOST)), T + 1).flapping is True


def test_time_in_which_nobody_listened_is_not_checked():
    """It is neither a change nor a check, and what was true before it is not told as true now."""
    gaps = [(5, UNKNOWN) if n % 2 else (5, ONLINE) for n in range(24)] + [(5, ONLINE)]
    found = flaps(states(*gaps), T + 1)
    assert (found.flapping, found.change_pct, found.checks) == (False, 0, 13)
    stale = flaps(states(*restless(120), (15, UNKNOWN)), T + 1)
    assert (stale.flapping, stale.reason) == (None, NOT_KNOWN) and stale.checks == 24
    fresh = flaps(states(*restless(120), (10, UNKNOWN)), T)
    assert fresh.flapping is True  # checked 10 minutes ago
    assert flaps([], T) == (None, None, None, 0, NOT_KNOWN)


@given(st.lists(st.tuples(st.integers(1, 1200), st.sampled_from([ONLINE, LOST, UNKNOWN])), max_size=60))
def test_flaps_are_those_of_checks_one_by_one(pieces):
    """The same as asking at every whole five minutes what the state is, and whether it was another one since."""
    given = states(*((seconds / 60, state) for seconds, state in pieces))
    judge, last, count = Flapping(), None, 0
    begin = given[0].start_ms if given else T
    for at in range(-(-begin // CHECK_MS) * CHECK_MS, T + 1, CHECK_MS):
        now = [one.state for one in given if one.start_ms <= at < one.end_ms]
        if now == [] or now == [UNKNOWN]:
            continue
        since = begin if last is None else last
        seen = {one.state for one in given if one.end_ms > since and one.start_ms <= at} - {UNKNOWN}
        judge.check(now[0], between=len(seen) > 1)
        last, count = at, count + 1
    found = flaps(given, T + 1)
    assert found.checks == count
    if found.flapping is not None:
        assert (found.flapping, found.change_pct) == (judge.flapping, judge.change_pct)
        assert (found.since_ms is not None) == found.flapping


# Sensors in doubt


def test_sensors_in_doubt_are_told_by_room(campus):
    """Those of this school only, with what says so."""
    with campus.program() as program:
        found = program.get(f"/api/v1/sites/{SITE}/findings").json()["items"]
    doubt = {"kind": "stuck", "point": "co2_ppm", "since_ms": NOW_MS - DAY, "figures": {"value": 812.0}}
    assert found == [{"room": campus.room, **doubt}]


def test_every_kind_of_finding_and_part_is_described():
    """The API names the kinds that the checks find, and the page says what each is."""
    kinds = get_args(FindingOut.model_fields["kind"].annotation)
    checks = sensor_checks
    assert set(kinds) == {
        checks.STUCK, checks.BLIND, checks.ECHO, checks.STILL, checks.BASELINE_LOW, checks.BASELINE_CREEPS
    }  # fmt: skip
    page = (Path(__file__).parents[1] / "docs" / "indicators.md").read_text(encoding="utf-8")
    section = page.split("### Sensors that cannot be right")[1].split("\n## ")[0]
    assert [kind for kind in kinds if f"`{kind}`" not in section] == []
    assert get_args(QualityPartOut.model_fields["name"].annotation) == tuple(PARTS)


def test_a_wrong_request_is_a_problem(campus):
    """An unknown site or board."""
    with campus.program() as program:
        is_problem(program.get(f"/api/v1/sites/nowhere/boards/{campus.board}/quality"), 404)
        is_problem(program.get(f"/api/v1/sites/{SITE}/boards/nothing/quality"), 404)
        is_problem(program.get("/api/v1/sites/nowhere/findings"), 404)


@pytest.mark.parametrize(
    ("role", "quality", "findings"),
    [("administrator", 200, 200), ("it", 200, 403), ("facilities", 403, 200), ("leader", 403, 403)],
)
def test_links_are_for_it_staff_and_rooms_for_facilities(campus, role, quality, findings):
    """The quality needs the right to links, findings the one to the live view."""
    campus.app.dependency_overrides[signed_in] = lambda: Person(9, role, (Grant(role, SITE),))
    try:
        with campus.program() as program:
            base = f"/api/v1/sites/{SITE}"
            assert program.get(f"{base}/boards/{campus.board}/quality").status_code == quality
            assert program.get(f"{base}/findings").status_code == findings
    finally:
        campus.app.dependency_overrides.clear()


def test_the_command_says_the_same_with_and_without_a_running_system(tmp_path, capsys, monkeypatch):
    """One document, through the API and from the stores; a table for people; a wrong board is one sentence."""
    from campus.cli import boards_quality
    from campus.cli.app import run
    from campus.cli.running import Running

    with running(tmp_path) as campus:
        campus.telemetry.write(2, written(campus.board, LINK))
        owner = Running(0, campus.url, TOKEN, None)
        words = ["board", "quality", campus.board, "--site", SITE, "--data", str(tmp_path)]
        with monkeypatch.context() as patch:
            patch.setattr(boards_quality, "reader", lambda _: owner)
            assert run([*words, "--json"]) == 0
        through = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(boards_quality, "time_ns", lambda: NOW_MS * 1_000_000)
    assert run([*words, "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored == through and stored["value"] == pytest.approx(63.37, abs=0.01)
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "63 of 100: fair, from 80 % of the weights." in shown and NOT_KNOWN in shown
    for board, why in (("nothing", "nothing"), ("../x", "not an id")):
        assert run(["board", "quality", board, *words[3:]]) != 0
        assert why in capsys.readouterr().err

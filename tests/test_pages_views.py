"""What the pages show, as values: the board, the week, the curve."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from api_school import NOW, SITE, running

from campus.calendar import Bell, Lesson, Term
from campus.calendar.school import SchoolCalendar
from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.live import BoardState, RoomState
from campus.records.entities import Building, Room, Site
from campus.telemetry import GOOD, INVALID_FAILED, OUT_OF_RANGE
from dashboards.web.board import STALE_MS, Now, board
from dashboards.web.chart import BUCKET_MS, HEIGHT, WIDTH, chart, mean_curve, scale, stretches
from dashboards.web.week import CLOSED, PENDING, UPCOMING, list_weeks, week

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SCHOOL = Site("s", "School", "Asia/Ho_Chi_Minh")
DAY_MS = 86_400_000


def calendar():
    """Monday to Friday, two periods in the morning and one in the afternoon; 9A in room r in the first on Monday."""
    times = (("morning", 1, 7), ("morning", 2, 8), ("afternoon", 1, 13))
    at = datetime(2000, 1, 1, tzinfo=UTC)
    bells = [
        Bell(day, session, period, at.replace(hour=hour).time(), at.replace(hour=hour, minute=45).time())
        for day in range(1, 6)
        for session, period, hour in times
    ]
    lessons = [Lesson("r", 1, "morning", 1, "9A", "Toán", date(2026, 9, 1)) for _ in range(1)]
    lessons.append(Lesson("r", 1, "afternoon", 1, "7A", "Văn", date(2026, 9, 1)))
    return SchoolCalendar(
        "Asia/Ho_Chi_Minh", [Term("1", date(2026, 9, 5), date(2027, 1, 1))], bells, [], lessons
    )


def local(hour, minute=0, day=16):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def ms(at):
    return int(at.timestamp() * 1000)


def now(at, **given):
    room = Room("s", "r", "Room", "b", 1, "classroom", 40)
    values = {
        "states": [],
        "boards": [],
        "placed": {},
        "room_types": {},
        "buildings": [Building("s", "b", "B")],
    }
    return Now(site=SCHOOL, rooms=[room], calendar=calendar(), now=at.astimezone(UTC), **{**values, **given})


def the_tile(at, **given):
    [group] = board(now(at, **given)).groups
    [tile] = group.tiles
    return tile


def room_state(at, presence=True):
    return RoomState("s", "r", presence, ms(at), None, ms(at), {"co2_ppm": 700.0})


def test_a_room_nothing_is_known_of_is_not_measured():
    """Not vacant: no state, and a state without presence, are both not measured."""
    assert the_tile(local(7)).state == "unknown"
    assert the_tile(local(7), states=[room_state(local(7), None)]).state == "unknown"
    assert the_tile(local(7), states=[room_state(local(7), False)]).state == "vacant"


def test_a_state_that_is_no_longer_renewed_is_old():
    """Exactly at the limit it still counts, a moment later it does not."""
    state = [room_state(local(7))]
    assert not the_tile(local(7) + timedelta(milliseconds=STALE_MS), states=state).stale
    assert the_tile(local(7) + timedelta(milliseconds=STALE_MS + 1), states=state).stale


def test_the_lesson_shown_is_the_one_under_way():
    """From the first moment of the period to before its last."""
    assert the_tile(local(6, 59)).lesson is None
    assert the_tile(local(7)).lesson == "9A · Toán"
    assert the_tile(local(7, 45)).lesson is None
    assert the_tile(local(13, 44)).lesson == "7A · Văn"
    assert the_tile(local(7, day=15)).lessons == []  # a Sunday


def test_a_board_away_marks_the_room_it_is_placed_in():
    """Lost and offline count; a sleeping board does not, nor one of another room."""
    placed = {"x": "r"}

    def lost(availability, name="x"):
        return the_tile(local(7), placed=placed, boards=[BoardState("s", name, availability, 0, "r")]).lost

    assert lost("lost") and lost("offline")
    assert not lost("online") and not lost("sleeping") and not lost("lost", "y")


def test_only_unfinished_work_is_shown():
    """A bar disappears when done equals total."""
    tasks = [
        {"task": "history", "done": 1, "total": 2, "note": ""},
        {"task": "x", "done": 2, "total": 2, "note": ""},
    ]
    assert [one["task"] for one in board(now(local(7), progress=tasks)).progress] == ["history"]


def test_a_week_without_facts_says_what_is_to_come():
    """Planned periods are upcoming until they end, then without figures; others are free; closed days are closed."""
    view = week(calendar(), "r", date(2026, 11, 16), [], local(7, 45).astimezone(UTC))
    assert view.days == [date(2026, 11, 16) + timedelta(days=n) for n in range(5)]
    assert [(line.session, line.period) for line in view.lines] == [
        ("morning", 1),
        ("morning", 2),
        ("afternoon", 1),
    ]
    assert [cell.state for cell in view.of(date(2026, 11, 16))] == [PENDING, "free", UPCOMING]
    outside = week(calendar(), "r", date(2026, 12, 28), [], NOW)
    assert {cell.state for line in outside.lines for cell in line.cells if cell.date.year == 2027} == {CLOSED}
    assert week(calendar(), "r", date(2026, 7, 6), [], NOW).lines == []


def test_the_weeks_to_choose_from_hold_the_one_chosen():
    """The newest first, each with the same weekday as the day chosen; a far one is added."""
    near = list_weeks(date(2026, 11, 18), date(2026, 11, 20))
    assert near[0] == (date(2026, 11, 30), date(2026, 12, 6), date(2026, 12, 2))
    assert [one[0] for one in near] == sorted({one[0] for one in near}, reverse=True)
    far = list_weeks(date(2019, 1, 1), date(2026, 11, 20))
    assert far[-1] == (date(2018, 12, 31), date(2019, 1, 6), date(2019, 1, 1)) and len(far) == len(near) + 1


def test_a_curve_breaks_where_nothing_was_measured():
    """Fifteen minutes without a value are a gap; unusable values are no values."""
    minute = 60_000
    samples = [(n * minute, 500.0, GOOD) for n in range(60) if not 20 <= n < 40]
    samples[30:30] = []
    assert [len(part) for part in stretches(mean_curve([samples], 0))] == [4, 4]
    samples = [(n * minute, 500.0, GOOD if n < 20 or n >= 30 else OUT_OF_RANGE) for n in range(60)]
    assert [len(part) for part in stretches(mean_curve([samples], 0))] == [10]
    assert mean_curve([[(0, None, INVALID_FAILED)]], 0) == []


def test_several_sensors_are_averaged():
    """One curve per room, whatever hangs in it."""
    assert mean_curve([[(0, 400.0, GOOD)], [(1000, 800.0, GOOD)]], 0) == [(BUCKET_MS // 2, 600.0)]


@pytest.mark.parametrize("values", [[], [420], [399, 401], [395, 5000], [300, 10_000], [1400.0], [1401.0]])
def test_the_axis_holds_every_value(values):
    """Even steps, whole numbers, nothing outside."""
    low, high = scale(values)
    assert low <= min([400, *values]) and high >= max([1400, *values])
    assert (high - low) % 5 == 0


def test_a_chart_places_time_from_edge_to_edge():
    """The day's first moment is at 0, its last at the full width; what reaches beyond is cut."""
    start = ms(local(0))
    intervals = [
        Interval(start - DAY_MS, start + DAY_MS // 4, VACANT),
        Interval(start + DAY_MS // 4, start + DAY_MS // 2, OCCUPIED),
        Interval(start + DAY_MS // 2, start + 2 * DAY_MS, UNKNOWN),
    ]
    made = chart([], intervals, [], start, start + DAY_MS, ZONE, start + DAY_MS // 2)
    assert [(one.x, one.width) for one in made.blocks] == [
        (0, WIDTH / 4),
        (WIDTH / 4, WIDTH / 4),
        (WIDTH / 2, WIDTH / 2),
    ]
    assert made.x_labels[0] == "00:00" and made.x_labels[4] == "12:00" and made.x_labels[-1] == "24:00"
    assert made.now_x == WIDTH / 2 and made.curves == [] and made.high is None
    lone = chart([[(start, 400.0, GOOD)]], [], [], start, start + DAY_MS, ZONE, start - 1)
    assert len(lone.dots) == 1 and lone.dots[0][1] == HEIGHT and lone.now_x is None


def test_a_page_escapes_what_people_named(tmp_path):
    """Markup in a room's name or a board's id is text on the page."""
    with running(tmp_path) as campus, campus.person() as browser:
        original = campus.records.rooms

        def rooms(site):
            return [
                Room(site, one.id, "<script>alert(1)</script>'\"", None, None, one.room_type, None)
                for one in original(site)
            ]

        campus.records.rooms = rooms
        text = browser.get("/", params={"site": SITE}, headers={"Accept": "text/html"}).text
        assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text

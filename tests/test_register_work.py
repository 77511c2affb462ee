"""What is done with equipment: loans, upkeep, stocktaking, files, and use that is declared or measured."""

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, url_of
from register_school import NOW, PROJECTOR, SITE, TODAY, Clock, document, school

from campus.calendar import LESSON
from campus.errors import NotFound, StoreError, UsageError
from campus.indicators import EquipmentFact
from campus.indicators.computing import compute, every
from campus.indicators.definition import UPKEEP
from campus.indicators.upkeep import Outage, UpkeepSums, sums
from campus.records import loans as loan_slips
from campus.records.declared import Use, use
from campus.records.instants import to_ms
from campus.records.inventory import Inventory
from campus.records.loans import most_out
from campus.records.register import Conflict

HOUR = 3_600_000
DAY_MS = 24 * HOUR


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def records(tmp_path, clock):
    with school(tmp_path, clock=clock) as records:
        yield records


@pytest.fixture(params=DATABASES)
def either(request, tmp_path, clock):
    with school(tmp_path, url_of(request), clock) as records:
        yield records


def slip(equipment=PROJECTOR, **more):
    return {"equipment": equipment, "borrower": "Cô Hoa", **more}


def test_a_loan_has_the_columns_of_the_register(either, clock):
    """Who, what, how many, for which lesson; back with its condition, which becomes that of the piece."""
    lesson = {"lesson": "Định luật Ôm", "school_class": "6A", "session": "morning", "period": 2}
    made = either.lend(
        SITE, slip(due_on="2026-11-20", subject_group="math", note="kèm dây", **lesson), "Cô Lan"
    )
    assert (made.status, made.used_on, made.out_at, made.lent_by) == ("lent", TODAY, NOW, "Cô Lan")
    clock.later(hours=1)
    back = either.give_back(SITE, made.number, "Thầy Nam", condition="worn", note="vỡ nắp")
    assert (back.status, back.back_at, back.taken_back_by) == ("returned", clock.now, "Thầy Nam")
    assert back.note == "kèm dây\nvỡ nắp" and back.lesson == "Định luật Ôm"
    newest = either.equipment_history(SITE, PROJECTOR)[0]
    assert (newest.field, newest.before, newest.after, newest.how) == ("condition", "good", "worn", "return")
    assert either.loan(SITE, made.number) == back
    with pytest.raises(Conflict, match="back already"):
        either.give_back(SITE, made.number, "x")


def test_a_piece_is_lent_once(either):
    """Until it is back; of a set as many as there are."""
    first = either.lend(SITE, slip(), "x")
    with pytest.raises(Conflict, match=r"quantity: 1 of .*; of 1, 1 are lent"):
        either.lend(SITE, slip(), "x")
    either.give_back(SITE, first.number, "x")
    either.lend(SITE, slip(), "x")
    either.lend(SITE, slip("set-1", quantity=7), "x")
    with pytest.raises(Conflict, match=r"of 10, 7 are lent"):
        either.lend(SITE, slip("set-1", quantity=4), "x")
    either.lend(SITE, slip("set-1", quantity=3), "x")
    with pytest.raises(UsageError, match="quantity: it is 9, and 10 of them are lent"):
        either.change_equipment(SITE, "set-1", {"quantity": 9}, "x")
    with pytest.raises(UsageError, match="retired_on: 10 of it are lent"):
        either.change_equipment(SITE, "set-1", {"retired_on": TODAY}, "x")


def test_what_is_overdue_is_listed(records, clock):
    """From the day after it was due, in the school's zone, until it is back."""
    made = records.lend(SITE, slip(), "x")
    clock.now = datetime(2026, 11, 18, 16, 59, tzinfo=UTC)
    assert records.loans(SITE, status="overdue") == []
    clock.later(minutes=1)
    assert [one.number for one in records.loans(SITE, status="overdue")] == [made.number]
    assert records.loans(SITE)[0].status == "overdue" and len(records.loans(SITE, status="lent")) == 1
    records.give_back(SITE, made.number, "x")
    assert records.loans(SITE, status="overdue") == [] and len(records.loans(SITE, status="returned")) == 1
    assert records.loans(SITE, start=TODAY, end=TODAY + timedelta(days=1))[0].number == made.number
    assert records.loans(SITE, end=TODAY) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"quantity": 0}, "quantity: "),
        ({"borrower": " "}, "borrower: "),
        ({"period": 2}, "period: give session and period together"),
        ({"session": "evening", "period": 1}, "session: "),
        ({"due_on": "2026-11-17"}, "due_on: 2026-11-17 is before the loan"),
        ({"out_at": "2026-11-18T12:00:00+07:00"}, "out_at: .* is in the future"),
        ({"out_at": "2026-11-18T08:00:00"}, "out_at: "),
        ({"out_at": "0001-01-01T00:00:00Z"}, "out_at: write a time from 2000 to 2199"),
        ({"out_at": 1_700_000_000}, "out_at: write a time as"),
        ({"equipment": "none"}, "equipment: there is no 'none'"),
        ({"equipment": "x'; DROP TABLE loan"}, "equipment: "),
        ({"subject_group": "art"}, "subject_group: there is no 'art'"),
        ({"colour": "red"}, "colour: "),
    ],
)
def test_a_wrong_slip_names_its_field(records, given, expected):
    """Nothing is lent then."""
    with pytest.raises(UsageError, match=expected):
        records.lend(SITE, slip(**given), "x")
    assert records.loans(SITE) == []


def test_what_is_broken_or_retired_is_not_lent(records):
    """It says why."""
    records.change_equipment(SITE, PROJECTOR, {"condition": "broken"}, "x")
    with pytest.raises(Conflict, match="is broken"):
        records.lend(SITE, slip(), "x")
    records.change_equipment(SITE, PROJECTOR, {"condition": "good", "retired_on": TODAY}, "x")
    with pytest.raises(Conflict, match="was retired on 2026-11-18"):
        records.lend(SITE, slip(), "x")


def test_a_loan_of_another_school_is_not_found(records):
    """Its number alone opens nothing."""
    made = records.lend(SITE, slip(), "x")
    other = {"site": {"id": "other", "name": "Other"}}
    records.import_inventory(Inventory.parse(other))
    for call in (
        lambda: records.loan("other", made.number),
        lambda: records.give_back("other", made.number, "x"),
        lambda: records.loan(SITE, 0),
        lambda: records.loan(SITE, 2**40),
    ):
        with pytest.raises(NotFound):
            call()


STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 6), st.integers(0, 300), st.integers(0, 9)),
    min_size=1,
    max_size=25,
)


@pytest.fixture(scope="module")
def lending(tmp_path_factory):
    clock = Clock()
    with school(tmp_path_factory.mktemp("lending"), clock=clock) as records:
        yield records, clock


def _run(records, clock, steps) -> list[loan_slips.Loan]:
    """Lend and take back as the steps say, slips written late among them; every loan there is afterwards."""
    clock.later(days=1)
    piece = f"set-{int(clock.now.timestamp())}"
    records.create_equipment(SITE, {"id": piece, "name": "Bộ", "kind": "lab-set", "quantity": 6}, "x")
    for lend, quantity, minutes, place in steps:
        clock.later(minutes=10)
        at = clock.now - timedelta(minutes=minutes)
        is_open = [one for one in records.loans(SITE, equipment=piece) if one.back_at is None]
        try:
            if lend or not is_open:
                records.lend(SITE, slip(piece, quantity=quantity, out_at=at), "x")
            else:
                records.give_back(SITE, is_open[place % len(is_open)].number, "x", at=at)
        except UsageError:
            pass
    return records.loans(SITE, equipment=piece)


def _most(found) -> int:
    """By looking at every instant at which a loan begins."""
    return max(
        (
            sum(
                one.quantity
                for one in found
                if one.out_at <= start.out_at and (one.back_at is None or start.out_at < one.back_at)
            )
            for start in found
        ),
        default=0,
    )


@settings(max_examples=25)
@given(STEPS)
def test_at_no_instant_more_is_lent_than_there_is(lending, steps):
    """Whatever is lent and brought back, and however late the slips are written."""
    assert _most(_run(*lending, steps)) <= 6


def test_the_check_of_what_is_lent_finds_too_much(lending, monkeypatch):
    """The control: without the count of what is out, more is lent than there is."""
    monkeypatch.setattr(loan_slips, "most_out", lambda spans: 0)
    assert _most(_run(*lending, [(True, 6, 0, 0), (True, 1, 0, 0)])) == 7


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.none() | st.integers(0, 20), st.integers(1, 5)).map(
            lambda one: (one[0], None if one[1] is None else one[0] + one[1], one[2])
        ),
        max_size=8,
    )
)
def test_the_most_that_is_out_is_that_of_the_fullest_instant(spans):
    """Against a count at every instant."""
    counts = [
        sum(q for out, back, q in spans if out <= at and (back is None or at < back)) for at in range(50)
    ]
    assert most_out(spans) == max(counts)


def _both_lend(records, monkeypatch) -> int:
    """How many of two loans of one piece succeed, which meet where they have counted and not yet written."""
    meet = threading.Barrier(2)

    def counted(spans):
        most = most_out(spans)
        with contextlib.suppress(threading.BrokenBarrierError):
            meet.wait(timeout=3)
        return most

    def lend(_):
        try:
            records.lend(SITE, slip(), "x")
        except Conflict:
            return 0
        return 1

    monkeypatch.setattr(loan_slips, "most_out", counted)
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lend, range(2)))


def test_two_who_lend_one_piece_at_once_do_not_both_get_it(either, monkeypatch):
    """On either database the second waits for the first, and is refused."""
    assert _both_lend(either, monkeypatch) == 1


def test_without_a_turn_both_would_get_it(postgresql, tmp_path, monkeypatch):
    """The control: PostgreSQL lets both count before either writes, where nobody waits."""
    with school(tmp_path, postgresql.database()) as records:
        monkeypatch.setattr(loan_slips.register, "lock", lambda session, site: None)
        assert _both_lend(records, monkeypatch) == 2


def test_an_incident_is_opened_and_closed_with_its_cause_and_cost(either, clock):
    """The condition of the piece follows, with its history; closing twice is a conflict."""
    made = either.begin_upkeep(
        SITE, PROJECTOR, {"kind": "incident", "symptom": "Không lên hình", "condition": "broken"}, "x"
    )
    assert (made.down, made.closed_at) == (True, None)
    assert either.equipment_record(SITE, PROJECTOR).condition == "broken"
    assert [one.number for one in either.upkeep(SITE, is_open=True)] == [made.number]
    clock.later(days=2)
    closing = {"cause": "Hỏng bóng đèn", "cost_vnd": 1_500_000, "work": "Thay bóng", "condition": "good"}
    ended = either.end_upkeep(SITE, made.number, closing, "y")
    assert (ended.cause, ended.cost_vnd, ended.closed_at, ended.closed_by) == (
        "Hỏng bóng đèn",
        1_500_000,
        clock.now,
        "y",
    )
    assert either.equipment_record(SITE, PROJECTOR).condition == "good"
    with pytest.raises(Conflict, match="closed already"):
        either.end_upkeep(SITE, made.number, {}, "y")
    with pytest.raises(UsageError, match="cost_vnd"):
        either.end_upkeep(SITE, made.number, {"cost_vnd": -5}, "y")
    found = either.upkeep_sums(SITE, TODAY, TODAY + timedelta(days=30))[PROJECTOR]
    assert found.down_ms == 48 * HOUR and (found.failures, found.repairs) == (1, 1)
    assert either.upkeep(SITE, equipment="tv-1") == []


def test_a_wrong_begin_of_upkeep_names_its_field(records):
    """As everywhere."""
    for opening, expected in (
        ({"kind": "party", "symptom": "x"}, "kind: "),
        ({"kind": "incident"}, "symptom: "),
        ({"kind": "incident", "symptom": "x", "opened_at": "2026-11-19T00:00:00Z"}, "opened_at: .* future"),
    ):
        with pytest.raises(UsageError, match=expected):
            records.begin_upkeep(SITE, PROJECTOR, opening, "x")
    with pytest.raises(NotFound):
        records.begin_upkeep(SITE, "none", {"kind": "incident", "symptom": "x"}, "x")


def test_availability_and_the_means_are_those_of_the_outages():
    """Two outages of 10 and 30 h in 1000 h: 96 %, a failure every 480 h, repaired in 20 h."""
    found = sums(
        [
            Outage(100 * HOUR, 110 * HOUR, True),
            Outage(500 * HOUR, 530 * HOUR, True),
            Outage(0, 999 * HOUR, False),
        ],
        0,
        1000 * HOUR,
    )
    assert found == UpkeepSums(1000 * HOUR, 40 * HOUR, 2, 2, 40 * HOUR)
    available, between, repair = compute(found, every(UPKEEP), "v", NOW)
    assert (available.value, between.value, repair.value) == (0.96, 480.0, 20.0)
    assert (between.unit, between.denominator, between.numerator) == ("h", 2.0, 960.0)


def test_without_a_failure_a_mean_has_no_value_but_a_reason():
    """Never a zero, never infinite; and of no time at all there is nothing to measure."""
    available, between, repair = compute(sums([], 0, HOUR), every(UPKEEP), "v", NOW)
    assert available.value == 1.0
    assert (between.value, between.reason_code) == (None, "nothing_to_divide")
    assert (repair.value, repair.reason_code) == (None, "nothing_to_divide")
    assert {one.reason_code for one in compute(UpkeepSums(), every(UPKEEP), "v", NOW)} == {"nothing_in_range"}


@given(
    st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 30)), max_size=6),
    st.integers(0, 30),
    st.integers(1, 30),
)
def test_time_down_is_counted_once_however_outages_overlap(spans, start, length):
    """Against a count of every unit of time; and a failure is one where time goes from up to down."""
    end = start + length
    outages = [Outage(first, None if width is None else first + width, True) for first, width in spans]
    down = [
        any(one.start_ms <= at and (one.end_ms is None or at < one.end_ms) for one in outages)
        for at in range(100)
    ]
    found = sums(outages, start, end)
    assert found.down_ms == sum(down[start:end])
    assert found.failures >= sum(down[at] and not (at and down[at - 1]) for at in range(start, end))


def test_a_stocktaking_tells_what_is_there_and_what_differs(either, clock):
    """Found, missing, of another room, and unknown; closing verifies what was found, and nothing else."""
    either.create_equipment(SITE, {"id": "pc-1", "name": "PC", "kind": "pc", "room": "a101"}, "x")
    made = either.begin_stocktaking(SITE, "a101", "Cô Lan")
    assert [item.code for item in made.of("missing")] == ["pc-1", PROJECTOR]
    with pytest.raises(Conflict, match=f"Stocktaking {made.number} of room 'a101' is open"):
        either.begin_stocktaking(SITE, "a101", "x")
    assert either.scan(SITE, made.number, f" {PROJECTOR} ", "x", condition="worn").state == "found"
    assert either.scan(SITE, made.number, "TV.01/2025", "x").recorded_room == "a102"
    assert either.scan(SITE, made.number, "tv-1", "x").code == "TV.01/2025"  # its id, for the same piece
    assert either.scan(SITE, made.number, "LẠ-7", "x").state == "unknown"
    clock.later(days=1)
    closed = either.close_stocktaking(SITE, made.number, "Cô Lan")
    states = {item.code: item.state for item in closed.items}
    assert states == {PROJECTOR: "found", "pc-1": "missing", "TV.01/2025": "unexpected", "LẠ-7": "unknown"}
    tomorrow = TODAY + timedelta(days=1)
    found = either.equipment_record(SITE, PROJECTOR)
    assert (found.verified_on, found.condition) == (tomorrow, "worn")
    assert either.equipment_record(SITE, "pc-1").verified_on is None
    assert either.equipment_record(SITE, "tv-1").room == "a102"  # verified, and not moved unless asked
    assert {one.how for one in either.equipment_history(SITE, PROJECTOR)[:2]} == {"stocktaking"}
    known = either.completeness(SITE)
    assert [(one.code, one.room) for one in known.unrecorded] == [("LẠ-7", "a101")]
    assert known.total.known == 5 and known.rooms["a101"].known == 3
    with pytest.raises(Conflict, match="is closed"):
        either.scan(SITE, made.number, PROJECTOR, "x")
    either.create_equipment(SITE, {"id": "new", "name": "x", "kind": "pc", "item_code": "LẠ-7"}, "x")
    assert either.completeness(SITE).unrecorded == ()


def test_closing_may_move_what_was_found_elsewhere(records):
    """The piece belongs to the room where it was found; what was counted as none is missing."""
    made = records.begin_stocktaking(SITE, "a101", "x")
    records.scan(SITE, made.number, "tv-1", "x")
    records.scan(SITE, made.number, PROJECTOR, "x", counted=0)
    closed = records.close_stocktaking(SITE, made.number, "x", move=True)
    assert records.equipment_record(SITE, "tv-1").room == "a101"
    assert [item.code for item in closed.of("missing")] == [PROJECTOR]
    assert records.equipment_record(SITE, PROJECTOR).verified_on is None
    assert [one.number for one in records.stocktakings(SITE, "a101")] == [made.number]


@pytest.mark.parametrize("code", ["", "  ", "a\nb", "x" * 65, "\x00"])
def test_a_scan_that_is_no_label_is_refused(records, code):
    """It leaves nothing."""
    made = records.begin_stocktaking(SITE, "a102", "x")
    with pytest.raises(UsageError, match="code: "):
        records.scan(SITE, made.number, code, "x")
    with pytest.raises(UsageError, match="counted: 2 is not from 0 to 1"):
        records.scan(SITE, made.number, "tv-1", "x", counted=2)
    with pytest.raises(UsageError, match="condition: "):
        records.scan(SITE, made.number, "tv-1", "x", condition="fine")
    assert len(records.stocktaking(SITE, made.number).items) == 1


PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def test_a_photo_is_kept_under_its_hash_and_told_by_its_bytes(records, tmp_path):
    """The same content is kept once, and goes with the last piece that names it."""
    made = records.attach(SITE, PROJECTOR, "..\\..\\C:/ảnh.html", PNG, "x")
    assert (made.media, made.size, made.name) == ("image/png", len(PNG), "ảnh.html")
    other = records.attach(SITE, "tv-1", "", PNG, "x")
    files = [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [made.sha256] and other.name == "file"
    assert files[0].stat().st_mode & 0o077 == 0
    assert records.attachment(SITE, made.number) == (made, PNG)
    records.remove_attachment(SITE, made.number)
    assert records.attachments(SITE, PROJECTOR) == [] and files[0].exists()
    records.remove_attachment(SITE, other.number)
    assert not files[0].exists()
    with pytest.raises(NotFound):
        records.attachment(SITE, made.number)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script>", "neither a JPEG"),
        (b"GIF89a", "neither a JPEG"),
        (PNG + b"x" * 10_000_000, "at most"),
    ],
)
def test_other_contents_are_refused(records, tmp_path, content, expected):
    """Nothing is written of them."""
    with pytest.raises(UsageError, match=expected):
        records.attach(SITE, PROJECTOR, "x.png", content, "x")
    assert not (tmp_path / "attachments").exists()


def test_a_content_that_was_changed_on_the_disk_is_not_handed_out(records, tmp_path):
    """Its hash says so."""
    made = records.attach(SITE, PROJECTOR, "x.pdf", b"%PDF-1.7 ...", "x")
    next((tmp_path / "attachments").rglob(made.sha256)).write_bytes(b"%PDF-1.7 other")
    with pytest.raises(StoreError, match="damaged"):
        records.attachment(SITE, made.number)


def fact(equipment=PROJECTOR, period=1, on=45.0, valid=45.0, kind=LESSON, group="math") -> EquipmentFact:
    start = NOW.replace(hour=0, minute=0) + timedelta(hours=period)
    return EquipmentFact(
        SITE, equipment, "a101", TODAY, start, start + timedelta(minutes=45), kind, "morning", period, "6A", group,
        45.0, valid, on, 0.0, valid, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip


def test_declared_use_stands_beside_what_was_measured(records):
    """Both, a slip only, a meter only, and a slip for what no meter looked at; of lessons alone."""
    for period, equipment in ((1, PROJECTOR), (2, PROJECTOR), (1, "tv-1"), (4, PROJECTOR)):
        made = records.lend(SITE, slip(equipment, session="morning", period=period), "x")
        records.give_back(SITE, made.number, "x")
    seen = [
        fact(period=1),
        fact(period=2, on=4.9),
        fact(period=3, on=5.0),
        fact(period=4, on=0.0, valid=20.0),
    ]
    held, day = records.loans(SITE), (TODAY, TODAY + timedelta(days=1))
    found = use(held, seen, periods_used=2)
    assert found == Use(both=1, declared_only=1, measured_only=1, not_measured=2)
    assert found.declared == 4 and found.measured == 2
    assert use(held, [fact(period=2, kind="break")], 0).declared_only == 0
    assert records.declared_use(SITE, *day) == Use(0, 0, 0, 4)
    start_ms = to_ms(NOW) - DAY_MS
    others = [fact("tv-2", period=2), fact("tv-2", period=3, kind="break")]
    records.restate(SITE, "a101", start_ms, start_ms + 2 * DAY_MS, [], [*seen, *others])
    assert records.declared_use(SITE, *day) == replace(found, measured_only=2)
    assert records.declared_use(SITE, date(2026, 1, 1), TODAY) == Use(0, 0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_quotas_count_what_facts_and_slips_say(records, seed):
    """Random facts, made anew each time, and more and more slips: as a few lines of sets count them."""
    chance, slips, start_ms = random.Random(seed), [], to_ms(NOW) - DAY_MS
    every = {"from": "2026-09-05", "to": "2027-05-31", "lessons": 9}
    quotas = [every, every | {"subject_group": "math"}]
    records.import_inventory(Inventory.parse(document() | {"equipment_quotas": quotas}))
    for _ in range(15):
        seen = {
            (piece, period): fact(
                piece, period, on=chance.choice([0, 4.9, 5, 45]), group=chance.choice(["math", None])
            )
            for piece in (PROJECTOR, "tv-1") for period in range(1, 6) if chance.random() < 0.5
        }  # fmt: skip
        records.restate(SITE, "a101", start_ms, start_ms + 2 * DAY_MS, [], list(seen.values()))
        lesson = {"session": "morning", "period": chance.randint(1, 6), "borrower": chance.choice("AB")}
        lesson |= chance.choice([{}, {"school_class": "6A"}, {"school_class": "6B"}])
        lesson |= chance.choice([{}, {"subject_group": "math"}])
        made = records.lend(SITE, slip("set-1", **lesson), "x")
        records.give_back(SITE, made.number, "x")
        slips.append(lesson)
        held = {(one.subject_group, one.period, "6A") for one in seen.values() if one.on_minutes >= 5}
        held |= {
            (one.get("subject_group"), one["period"], one.get("school_class") or one["borrower"])
            for one in slips
        }
        whole, math = records.quota_attainments(SITE)
        assert whole.lessons == len({one[1:] for one in held})
        assert math.lessons == len({one[1:] for one in held if one[0] == "math"})


def test_a_quota_is_met_by_lessons_not_by_pieces(records):
    """Two pieces in one lesson are one lesson with equipment; a group's quota takes its own."""
    given = document() | {
        "equipment_quotas": [
            {"from": "2026-09-05", "to": "2027-05-31", "lessons": 4},
            {"subject_group": "math", "from": "2026-09-05", "to": "2027-05-31", "lessons": 2},
        ]
    }
    records.import_inventory(Inventory.parse(given))
    for equipment, more in (
        (PROJECTOR, {"period": 1, "school_class": "6A", "subject_group": "math"}),
        ("tv-1", {"period": 1, "school_class": "6A", "subject_group": "math"}),
        ("set-1", {"period": 2}),
    ):
        records.lend(SITE, slip(equipment, session="morning", **more), "x")
    start_ms = to_ms(NOW) - DAY_MS
    measured = [
        fact(period=1),
        fact("tv-1", period=3),
        fact(period=3),
        fact(period=4, on=4.9),
        fact(period=5, kind="break"),
    ]
    records.restate(SITE, "a101", start_ms, start_ms + 2 * DAY_MS, [], measured)
    assert [one.lessons for one in records.quota_attainments(SITE)] == [3, 2]
    records.restate(SITE, "a101", start_ms, start_ms + 2 * DAY_MS, [], [])
    whole, math = records.quota_attainments(SITE)
    assert (whole.lessons, whole.rate) == (2, 0.5)
    assert (math.lessons, math.rate, math.quota.subject_group) == (1, 0.5, "math")

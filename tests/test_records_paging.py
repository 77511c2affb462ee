"""Pages of a list: whole, in order and without a seam, whatever is added and removed while they are read."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, url_of
from register_school import PROJECTOR, SITE, school
from sqlalchemy import delete, insert, select

from campus.calendar import SLOT_KINDS
from campus.indicators import EquipmentFact, RoomFact
from campus.records import facts, paging
from campus.records.paging import Page, following, paged, sliced
from campus.records.register_tables import LoanTable
from campus.records.tables import EquipmentTable

T = datetime(2026, 11, 16, tzinfo=UTC)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # one database for all examples: each begins by emptying the table

texts = st.sampled_from(["", "a", "B", "á", "Đ", "ab", "x'y", "z\n"])
SORTS = {
    "id": st.none(),
    "name": texts,
    "room": st.sampled_from([None, "a101", "a102"]),
    "price_vnd": st.one_of(st.none(), st.integers(0, 3)),
    "in_service_on": st.one_of(st.none(), st.sampled_from([T.date(), T.date() + timedelta(1)])),
}


@dataclass(frozen=True)
class Piece:
    id: str
    name: str
    room: str | None
    price_vnd: int | None
    in_service_on: object


@st.composite
def pieces(draw):
    """Up to 20 pieces of different ids, and for each whether it is there from the start and whether it is removed."""
    ids = draw(st.lists(st.integers(0, 40), unique=True, max_size=20))
    return [
        (
            Piece(f"p-{one:02d}", *(draw(SORTS[name]) for name in list(SORTS)[1:])),
            draw(st.sampled_from(["stays", "comes", "goes"])),
        )
        for one in ids
    ]


@pytest.fixture(params=DATABASES)
def either(request, tmp_path):
    with school(tmp_path, url=url_of(request)) as records:
        yield records


def read(records, page):
    with records._database.read() as session:
        query = select(EquipmentTable).where(EquipmentTable.site == SITE, EquipmentTable.kind == "paged")
        return [_piece(row) for row in session.scalars(paged(query, page, EquipmentTable, ("id",)))]


def by_offset(records, page, offset):
    """The control: the same page, found by counting."""
    with records._database.read() as session:
        query = select(EquipmentTable).where(EquipmentTable.site == SITE, EquipmentTable.kind == "paged")
        query = paged(query, replace(page, after=None), EquipmentTable, ("id",))
        return [_piece(row) for row in session.scalars(query.offset(offset))]


def _piece(row):
    return Piece(row.id, row.name, row.room, row.price_vnd, row.in_service_on)


def put(records, wanted, empty=False):
    with records._database.write() as session:
        if empty:
            session.execute(delete(EquipmentTable).where(EquipmentTable.kind == "paged"))
        for one in wanted:
            values = {name: getattr(one, name) for name in ("id", *list(SORTS)[1:])}
            session.execute(insert(EquipmentTable).values(site=SITE, kind="paged", **values))


def take(records, gone):
    with records._database.write() as session:
        for one in gone:
            session.execute(delete(EquipmentTable).where(EquipmentTable.id == one.id))


def walk(records, page, between, counting=False):
    """All pages, with `between(step)` after each; `counting`: by offset in place of the key."""
    seen, step = [], 0
    while True:
        found = by_offset(records, page, len(seen)) if counting else read(records, page)
        seen += found[: page.limit]
        assert len(seen) < 100, "the pages go round"
        if len(found) <= page.limit:
            return seen
        page = following(page, found[page.limit - 1], ["id"])
        between(step)
        step += 1


def ordered(found, page):
    return sliced(found, Page(1000, page.field, page.descending), ["id"])


def changed_while_read(records, rows, page, counting=False):
    """(what was seen, what was there all the time): one comes or goes after each page."""
    put(records, [one for one, what in rows if what != "comes"], empty=True)
    coming = [one for one, what in rows if what == "comes"]
    going = [one for one, what in rows if what == "goes"]

    def between(step):
        put(records, coming[step : step + 1])
        take(records, going[step : step + 1])

    seen = walk(records, page, between, counting)
    return seen, [one for one, what in rows if what == "stays"]


@MANY
@given(rows=pieces(), limit=st.integers(1, 6), field=st.sampled_from(sorted(SORTS)), descending=st.booleans())
def test_pages_are_the_whole_list_once_in_order(either, rows, limit, field, descending):
    """By any field and in either direction, nulls last, and on both databases."""
    put(either, [one for one, _ in rows], empty=True)
    page = Page(limit, field, descending)
    seen = walk(either, page, lambda step: None)
    whole = read(either, replace(page, limit=1000))
    assert seen == whole and {one.id for one in whole} == {one.id for one, _ in rows}
    values = [getattr(one, field) for one in whole]
    told = [one for one in values if one is not None]
    assert values[: len(told)] == told, "what has no value comes last"
    if field != "name":  # text is in the order of the database
        assert whole == ordered(whole, page)


@MANY
@given(rows=pieces(), limit=st.integers(1, 6), field=st.sampled_from(sorted(SORTS)), descending=st.booleans())
def test_what_was_there_throughout_is_seen_once(either, rows, limit, field, descending):
    """Rows that come and go between the pages, before and after the key, neither repeat nor hide another."""
    seen, stayed = changed_while_read(either, rows, Page(limit, field, descending))
    ids = [one.id for one in seen]
    assert len(ids) == len(set(ids))
    assert {one.id for one in stayed} <= set(ids)


def test_paging_by_count_repeats_and_skips(tmp_path):
    """The control: with an offset in place of the key, what comes earlier repeats a row and what goes hides one."""
    made = [Piece(f"p-{one:02d}", "", None, None, None) for one in range(6)]
    with school(tmp_path) as records:
        for rows, wrong in (
            ([(made[0], "comes")] + [(one, "stays") for one in made[1:]], "repeats"),
            ([(made[0], "goes")] + [(one, "stays") for one in made[1:]], "skips"),
        ):
            seen, stayed = changed_while_read(records, rows, Page(2, "id"), counting=True)
            ids = [one.id for one in seen]
            assert (len(ids) != len(set(ids))) == (wrong == "repeats")
            assert ({one.id for one in stayed} <= set(ids)) == (wrong == "repeats")
            seen, stayed = changed_while_read(records, rows, Page(2, "id"))
            assert [one for one in seen if one in stayed] == stayed


@settings(max_examples=200, deadline=None)
@given(rows=pieces(), limit=st.integers(1, 6), field=st.sampled_from(sorted(SORTS)), descending=st.booleans())
def test_a_short_list_is_paged_the_same(rows, limit, field, descending):
    """Cut in memory, with what comes and goes between the pages."""
    there = [one for one, what in rows if what != "comes"]
    coming = [one for one, what in rows if what == "comes"]
    going = [one for one, what in rows if what == "goes"]
    page, seen = Page(limit, field, descending), []
    while True:
        found = sliced(there, page, ["id"])
        seen += found[:limit]
        if len(found) <= limit:
            break
        page = following(page, found[limit - 1], ["id"])
        there += [coming.pop()] if coming else []
        if going:
            gone = going.pop()
            there = [one for one in there if one.id != gone.id]
    ids = [one.id for one in seen]
    assert len(ids) == len(set(ids))
    assert {one.id for one, what in rows if what == "stays"} <= set(ids)
    assert seen == ordered(seen, page)


def test_instants_are_compared_as_they_are_stored(either):
    """A key of aware datetimes pages a column of Unix ms; open loans, without an end, come last."""
    with either._database.write() as session:
        for number, back in enumerate((None, 5, 3, None, 5)):
            values = {
                "equipment": PROJECTOR,
                "quantity": 1,
                "borrower": "x",
                "due_on": T.date(),
                "lent_by": "x",
            }
            back_ms = None if back is None else int(T.timestamp() * 1000) + back
            session.execute(insert(LoanTable).values(site=SITE, out_ms=number, back_ms=back_ms, **values))
    page, seen = Page(2, "back_at"), []
    while True:
        found = either.loans(SITE, page=page)
        seen += [one.number for one in found[:2]]
        if len(found) <= 2:
            break
        page = following(page, found[1], ["number"])
    assert seen == [3, 2, 5, 1, 4]
    descending = either.loans(SITE, page=Page(9, "back_at", True))
    assert [one.number for one in descending] == [5, 2, 3, 4, 1]


def fact(room, day, minute):
    start = T + timedelta(days=day, minutes=minute)
    return RoomFact(
        site=SITE, room=room, date=start.date(), start=start, end=start + timedelta(minutes=1), kind=SLOT_KINDS[0],
        session=None, period=None, school_class=None, subject=None, slot_minutes=1.0, valid_minutes=1.0,
        occupied_minutes=0.0, outcome="free",
    )  # fmt: skip


@MANY
@given(
    slots=st.sets(
        st.tuples(st.sampled_from(["a101", "a102"]), st.integers(0, 40), st.integers(0, 3)), max_size=40
    ),
    limit=st.integers(1, 9),
    descending=st.booleans(),
    first=st.integers(0, 20),
    days=st.integers(1, 41),
    room=st.sampled_from([None, "a101"]),
)
def test_facts_are_paged_by_date_slot_and_room(either, slots, limit, descending, first, days, room):
    """The windows of days join without a seam, also over days without a fact, and hold to the range and the room."""
    start_ms, end_ms = (int((T + timedelta(days=day)).timestamp() * 1000) for day in (0, 41))
    for one in ("a101", "a102"):
        given_ = [fact(*slot) for slot in sorted(slots) if slot[0] == one]
        either.restate(SITE, one, start_ms, end_ms, given_, [])
    since, until = (T.date() + timedelta(days=day) for day in (first, first + days))
    page, seen = Page(limit, "date", descending), []
    while True:
        found = either.facts_page(SITE, room, since, until, page)
        seen += found[:limit]
        if len(found) <= limit:
            break
        page = following(page, found[limit - 1], facts.KEYS[RoomFact])
    stored = either.facts(SITE, room, since, until)
    stored.sort(key=lambda one: (one.date, one.start, one.room), reverse=descending)
    assert seen == stored


def test_a_page_of_facts_reads_few_days(tmp_path, monkeypatch):
    """A page at the start of a year does not read the year: the windows stop where the page is full."""
    with school(tmp_path) as records:
        start_ms, end_ms = (int((T + timedelta(days=day)).timestamp() * 1000) for day in (0, 300))
        records.restate(
            SITE,
            "a101",
            start_ms,
            end_ms,
            [fact("a101", day, slot) for day in range(300) for slot in range(4)],
            [],
        )
        read_rows = []
        made = facts._made
        monkeypatch.setattr(facts, "_made", lambda *asked: read_rows.append(made(*asked)) or read_rows[-1])
        span = T.date(), T.date() + timedelta(300)
        assert len(records.facts_page(SITE, None, *span, Page(10, "date"))) == 11
        assert len(read_rows) == 2, "a day, then two more"


def test_equipment_facts_have_a_key_of_their_own():
    """Two pieces of one room and slot are told apart."""
    assert facts.KEYS[EquipmentFact] == ("start", "room", "equipment")
    assert paging.following(
        Page(1, "date"), {"date": 1, "start": 2, "room": "a", "equipment": "b"}, facts.KEYS[EquipmentFact]
    ).after == (1, 2, "a", "b")

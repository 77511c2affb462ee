"""Fields of forms to values and back, and the records' sentences in the reader's language. Pure."""

from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.indicators import Indicator
from campus.indicators.definitions import DEFINITIONS
from dashboards.web.connectivity import NAMED, incident_lines
from dashboards.web.forms import CHOICE, DATE, DECIMAL, LONG, MONEY, WHOLE, Field, read, texts_of
from dashboards.web.months import evidence, month_list, parse_month
from dashboards.web.words import Words

FIELDS = (
    Field("text", "field.name", required=True),
    Field("long", "field.note", LONG, longest=500),
    Field("whole", "field.floor", WHOLE, least=-5, most=100),
    Field("money", "field.price_vnd", MONEY),
    Field("decimal", "field.area_m2", DECIMAL, most=1_000_000),
    Field("day", "field.from", DATE),
    Field("choice", "field.room", CHOICE, choices=[("a", "A"), ("b", "B")]),
)
PLAIN = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("C", "Z")),
    min_size=1,
    max_size=120,
)
RECORDS = st.fixed_dictionaries(
    {
        "text": PLAIN,
        "long": st.none() | PLAIN,
        "whole": st.none() | st.integers(-5, 100),
        "money": st.none() | st.integers(0, 10**13),
        "decimal": st.none() | st.integers(1, 10**9).map(lambda n: n / 1000),
        "day": st.none() | st.dates(date(1900, 1, 1), date(2199, 12, 31)),
        "choice": st.sampled_from([None, "a", "b"]),
    }
)


@given(RECORDS, st.booleans())
def test_what_a_form_shows_is_read_back_the_same(record, comma):
    """A form that is sent as it was opened changes nothing, whatever the record and the language."""
    values, problems = read(FIELDS, texts_of(FIELDS, SimpleNamespace(**record), comma))
    assert problems == {}
    assert values == record


@given(st.dictionaries(st.sampled_from([one.name for one in FIELDS]), st.text(max_size=300)))
def test_any_text_is_a_value_or_a_sentence(texts):
    """Nothing that is sent raises, and every field has a value or a problem that the catalogue can say."""
    values, problems = read(FIELDS, texts)
    assert set(values) == {one.name for one in FIELDS}
    for name, (key, more) in problems.items():
        assert values[name] is None
        assert Words("vi")(key, **more) and Words("en")(key, **more)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("whole", "-5", -5),
        ("whole", "101", None),
        ("whole", "٣", None),
        ("money", "12.500.000 đ", 12_500_000),
        ("money", "12,500,000", 12_500_000),
        ("decimal", "54,5", 54.5),
        ("decimal", "54.5", 54.5),
        ("decimal", "0", None),
        ("decimal", "1e3", None),
        ("decimal", "nan", None),
        ("decimal", "1,2,3", None),
        ("day", "31/12/2026", date(2026, 12, 31)),
        ("day", "2026-12-31", date(2026, 12, 31)),
        ("day", "31/12/26", None),
        ("day", "30/02/2026", None),
        ("choice", "c", None),
    ],
)
def test_the_ways_to_write_a_value(field, text, value):
    """As people here write numbers and dates; what is not one is told, never guessed."""
    values, problems = read(FIELDS, {"text": "x", field: text})
    assert values[field] == value
    assert (field in problems) == (value is None)


def test_a_sentence_of_the_records_is_told_in_vietnamese():
    """With its values, its weekday and its session as people say them; an unknown one is not invented."""
    sentence = "no bell rings for weekday 1, morning 5; add it to the bells, or correct it."
    assert Words("en").retold(sentence) == sentence
    told = Words("vi").retold(sentence)
    assert "Thứ 2" in told and "buổi sáng" in told and "5" in told
    assert Words("vi").retold("something that nobody wrote down") is None
    assert "9Z" in Words("vi").retold(
        "there is no class '9Z'; add it and its home room to the inventory, or correct it."
    )


def test_a_month_is_read_strictly():
    """Only YYYY-MM of our time is one; the list holds the chosen one wherever it is."""
    assert parse_month("2026-10") == date(2026, 10, 1)
    for wrong in (None, "", "2026-13", "2026-1", "1999-12", "2026-10-01", "２０２６-10", " 2026-10"):
        assert parse_month(wrong) is None
    listed = month_list(date(2019, 5, 1), date(2026, 11, 18))
    assert (
        listed[0] == date(2026, 11, 1) and listed[-1] == date(2019, 5, 1) and len(set(listed)) == len(listed)
    )


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_indicator_can_be_told(language):
    """Each definition, with a value and without one, for every reason there is."""
    from datetime import UTC, datetime

    from campus.indicators.reasons import CODES

    words, at = Words(language), datetime(2026, 11, 18, tzinfo=UTC)
    values = {"coverage_pct": 41.0, "needed_pct": 80.0, "date": "2026-10-01"}
    for definition in DEFINITIONS.values():
        one = Indicator(
            id=definition.id, version=1, value=0.5, reason=None, unit=definition.unit, numerator=1.0, denominator=2.0,
            coverage=0.9, calendar_version="x", computed_at=at, provisional=True, counts={},
        )  # fmt: skip
        line = evidence(words, definition, one)
        assert line.value and line.counted and line.coverage and not line.reason and line.signed is None
        for code in CODES:
            none = Indicator(
                id=definition.id, version=1, value=None, reason="x", unit=definition.unit, numerator=0.0,
                denominator=0.0, coverage=None, calendar_version="x", computed_at=at, provisional=True, counts={},
                reason_code=code, reason_values=values,
            )  # fmt: skip
            line = evidence(words, definition, none, one)
            assert line.value is None and line.reason and "{" not in line.reason and line.signed


def test_an_incident_names_rooms_once_and_not_all_of_many():
    """Boards by their rooms, one without a room by its name; what goes on lasts until now."""
    boards = [f"b-{n:02}" for n in range(30)]
    placed = {board: f"Phòng {n // 2}" for n, board in enumerate(boards[:-1])}
    one = SimpleNamespace(number=1, cause="power", start_ms=0, end_ms=None, boards=boards)
    line = incident_lines([one], placed, {}, 90 * 60_000)[0]
    assert (line.minutes, line.boards, len(line.where), line.more) == (90, 30, NAMED, 16 - NAMED)
    assert line.where[:2] == ["Phòng 0", "Phòng 1"]
    assert (
        incident_lines(
            [SimpleNamespace(number=2, cause="new", start_ms=0, end_ms=1, boards=["x"])], {}, {}, 9
        )[0].cause
        == "unknown"
    )

"""The public holidays of Viet Nam, as the school calendar takes them."""

from datetime import date

import pytest

from campus.calendar import Closure
from campus.calendar.holidays import public_holidays
from campus.calendar.school import CalendarError


def test_viet_nams_holidays_of_a_school_year_are_known():
    """New Year, Tết by the lunar calendar, Hùng Kings, Victory and Labour day, National Day: in Vietnamese, public."""
    found = public_holidays("VN", date(2025, 9, 1), date(2026, 9, 1))
    assert all(closure.public for closure in found)
    days = {closure.start: closure.reason for closure in found}
    assert days[date(2026, 1, 1)] == "Tết Dương lịch"
    assert days[date(2026, 2, 17)] == "Tết Nguyên Đán" and date(2026, 2, 16) in days
    assert days[date(2026, 4, 26)] == "Ngày Giỗ Tổ Hùng Vương"
    assert {date(2025, 9, 1), date(2026, 4, 30), date(2026, 5, 1)} <= set(days)
    assert found == sorted(found, key=lambda closure: closure.start)


def test_two_days_of_one_name_are_one_closure():
    """National Day takes two; a range that cuts it keeps its part, and the end does not belong."""
    both = Closure(date(2026, 9, 1), date(2026, 9, 3), "Quốc khánh", public=True)
    assert both in public_holidays("VN", date(2026, 8, 1), date(2026, 10, 1))
    assert public_holidays("VN", date(2026, 9, 2), date(2026, 10, 1)) == [
        Closure(date(2026, 9, 2), date(2026, 9, 3), "Quốc khánh", public=True)
    ]
    assert public_holidays("VN", date(2026, 9, 3), date(2026, 9, 3)) == []
    assert public_holidays("VN", date(2026, 8, 20), date(2026, 8, 31)) == []


@pytest.mark.parametrize("country", ["XX", "Viet Nam", ""])
def test_an_unknown_country_is_refused(country):
    """The value and what is allowed are named."""
    with pytest.raises(
        CalendarError, match=f"public_holidays: .*'{country}' are not known; write an ISO 3166"
    ):
        public_holidays(country, date(2026, 1, 1), date(2027, 1, 1))


def test_a_language_that_is_not_there_is_the_countrys_own():
    """Never an error over a word."""
    assert public_holidays("VN", date(2026, 1, 1), date(2026, 1, 2), "xx")[0].reason == "Tết Dương lịch"
    assert public_holidays("VN", date(2026, 1, 1), date(2026, 1, 2), "en_US")[0].reason == "New Year's Day"


def test_a_span_of_a_lifetime_is_refused():
    """A mistyped year is no reason to compute for minutes."""
    with pytest.raises(CalendarError, match="more than 50 years"):
        public_holidays("VN", date(2026, 1, 1), date(9026, 1, 1))

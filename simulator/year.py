"""The school years around a date: semesters, holidays and Tết, and the bells, as data. Dates are local.

Semesters follow the lower-secondary year (18 + 17 weeks from 5 September). Summer is a term of revision lessons,
so that a virtual school is alive whenever it is looked at.
"""

from datetime import date, time, timedelta

from campus.calendar import Bell, Closure, Term

# First day of the lunar year in Viet Nam, and the Hùng Kings' commemoration (10th of the third lunar month).
# Outside this table the two movable closures are left out.
TET = {
    2024: (date(2024, 2, 10), date(2024, 4, 18)),
    2025: (date(2025, 1, 29), date(2025, 4, 7)),
    2026: (date(2026, 2, 17), date(2026, 4, 26)),
    2027: (date(2027, 2, 6), date(2027, 4, 16)),
    2028: (date(2028, 1, 26), date(2028, 4, 4)),
    2029: (date(2029, 2, 13), date(2029, 4, 23)),
    2030: (date(2030, 2, 2), date(2030, 4, 12)),
}

MORNING_STARTS = (time(7, 0), time(7, 50), time(8, 55), time(9, 45), time(10, 35))
AFTERNOON_STARTS = (time(13, 0), time(13, 50), time(14, 55), time(15, 45), time(16, 35))
LESSON_MINUTES = 45
SATURDAY = 6


def school_year(day: date) -> int:
    """The calendar year in which the school year of `day` began (5 September)."""
    return day.year if day >= date(day.year, 9, 5) else day.year - 1


def terms(today: date) -> list[Term]:
    """The semesters of the school year of `today`, of the one before and of the one after."""
    found = []
    for year in range(school_year(today) - 1, school_year(today) + 2):
        label = f"{year}–{year + 1}"
        found += [
            Term(f"Học kỳ I {label}", date(year, 9, 5), date(year + 1, 1, 12)),
            Term(f"Học kỳ II {label}", date(year + 1, 1, 12), date(year + 1, 5, 31)),
            Term(f"Ôn tập hè {label}", date(year + 1, 5, 31), date(year + 1, 9, 5)),
        ]
    return found


def closures(today: date) -> list[Closure]:
    """Public holidays and Tết within `terms(today)`, by date."""
    found = []
    one, two = timedelta(days=1), timedelta(days=2)
    for year in range(school_year(today) - 1, school_year(today) + 3):
        fixed = [
            (date(year, 1, 1), one, "Tết Dương lịch"),
            (date(year, 4, 30), two, "Ngày Chiến thắng 30/4 và Quốc tế Lao động 1/5"),
            (date(year, 9, 1), two, "Quốc khánh 2/9"),
        ]
        if year in TET:
            new_year, hung_kings = TET[year]
            fixed.append((new_year - timedelta(days=5), timedelta(days=14), "Tết Nguyên đán"))
            fixed.append((hung_kings, one, "Giỗ Tổ Hùng Vương"))
        found += [Closure(start, start + length, reason) for start, length, reason in fixed]
    spans = terms(today)
    return sorted(
        (c for c in found if spans[0].start <= c.start and c.end <= spans[-1].end),
        key=lambda c: (c.start, c.end),
    )


def bells() -> list[Bell]:
    """Monday to Saturday: five morning periods and five afternoon periods (four on Saturday afternoon)."""
    found = []
    for weekday in range(1, 7):
        short = 4 if weekday == SATURDAY else 5
        for session, starts in (("morning", MORNING_STARTS), ("afternoon", AFTERNOON_STARTS[:short])):
            for period, start in enumerate(starts, 1):
                minute = start.hour * 60 + start.minute + LESSON_MINUTES
                found.append(Bell(weekday, session, period, start, time(minute // 60, minute % 60)))
    return found


def minute_of(bell_time: time) -> int:
    """Minute of the local day of a bell time."""
    return bell_time.hour * 60 + bell_time.minute

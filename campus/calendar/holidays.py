"""Public holidays of a country, as the `holidays` package knows them. Pure: it opens nothing and knows no clock."""

from datetime import date, timedelta

from campus.calendar import Closure
from campus.calendar.checks import CalendarError

LANGUAGE = "vi"
_ONE_DAY = timedelta(days=1)
_MOST_YEARS = 50


def public_holidays(country: str, start: date, end: date, language: str = LANGUAGE) -> list[Closure]:
    """The public holidays of [start, end), by date; consecutive days of one name are one closure.

    `country` is an ISO 3166 code such as VN. Names are in `language` where the package has it for the country, else
    in the country's own. Movable ones (Tết, Hùng Kings) are computed, and days off in lieu known where a government
    announced them before the installed version of the package; a later one is a closure of the school's own.
    Raises CalendarError.
    """
    import holidays

    if end <= start:
        return []
    years = range(start.year, (end - _ONE_DAY).year + 1)
    if len(years) > _MOST_YEARS:
        raise CalendarError(f"public_holidays: {start} to {end} is more than {_MOST_YEARS} years.")
    try:
        known = holidays.country_holidays(country, years=years)
    except NotImplementedError:
        raise CalendarError(
            f"public_holidays: the holidays of '{country}' are not known; write an ISO 3166 code such as VN."
        ) from None
    # Named always: without a language the package takes that of the machine.
    spoken = language if language in known.supported_languages else known.default_language
    known = holidays.country_holidays(country, years=years, language=spoken)
    found: list[Closure] = []
    for day, name in sorted(known.items()):
        if not start <= day < end:
            continue
        if found and (found[-1].end, found[-1].reason) == (day, name):
            found[-1] = Closure(found[-1].start, day + _ONE_DAY, name, public=True)
        else:
            found.append(Closure(day, day + _ONE_DAY, name, public=True))
    return found

"""What a room's next day will be like, and what of a past one was unusual: from its facts in the records."""

from datetime import date, datetime, timedelta

from campus.calendar import LESSON
from campus.indicators.anomaly import BAND_DAYS, Judged, anomalies
from campus.indicators.forecast import LOOK_BACK_WEEKS, Forecast, Point, forecast
from campus.indicators.sums import COVERAGE_PCT
from campus.records.facade import Records
from campus.records.instants import from_ms

_BACK = timedelta(weeks=LOOK_BACK_WEEKS)


def room_forecast(records: Records, site: str, room: str, day: date, today: date) -> list[Forecast]:
    """The occupied share (0 to 1) that is expected in each lesson slot of a local date from `today` on.

    Raises NotFound; ValueError for a date before `today`.
    """
    calendar = records.calendar(site)
    wanted = [
        (day, _minute(slot.start.astimezone(calendar.zone)))
        for slot in calendar.slots(day)
        if slot.kind == LESSON
    ]
    return forecast(_series(records, site, room, today), wanted, today, _unlike(records, site, today))


def room_anomalies(records: Records, site: str, room: str, day: date) -> list[Judged]:
    """The lesson slots of a past local date beside what was to be expected of them. Raises NotFound."""
    end = day + timedelta(days=1)
    return anomalies(_series(records, site, room, end), day, _unlike(records, site, end))


def _series(records: Records, site: str, room: str, end: date) -> list[Point]:
    start = end - _BACK - timedelta(days=BAND_DAYS)
    records.room(site, room)
    zone = records.calendar(site).zone
    return [
        (one.date, _minute(from_ms(one.start_ms).astimezone(zone)), one.occupied_minutes / one.valid_minutes)
        for one in records.lesson_use(site, room, start, end)
        if one.valid_minutes and 100 * one.valid_minutes >= COVERAGE_PCT * one.slot_minutes
    ]


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _unlike(records: Records, site: str, end: date) -> set[date]:
    """Dates that compare with no other: make-up days and exam weeks."""
    calendar = records.calendar(site)
    start = end - _BACK - timedelta(days=BAND_DAYS)
    days = {one.date for one in calendar.make_up_days if start <= one.date < end}
    for exam in calendar.exams:
        first, last = max(exam.start, start), min(exam.end, end)
        days.update(first + timedelta(days=n) for n in range((last - first).days))
    return days

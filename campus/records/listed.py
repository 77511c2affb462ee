"""The part of `Records` that reads single things, and what of the calendar and timetable is kept as rows."""

from collections.abc import Callable
from datetime import date, datetime

from campus.calendar import Closure, ExamPeriod, Lesson
from campus.records import boards, calendar_rows, places
from campus.records.calendar_rows import KeptClosure, KeptExam, KeptLesson
from campus.records.database import Database
from campus.records.entities import Placement, RoomType, SchoolClass, SubjectGroup
from campus.records.paging import Page


class ListedRecords:
    """Every method is one transaction, and raises NotFound for a site or thing that does not exist."""

    _database: Database
    _now: Callable[[], datetime]

    def room_type(self, id: str) -> RoomType:
        with self._database.read() as session:
            return places.room_type(session, id)

    def school_class(self, site: str, name: str) -> SchoolClass:
        with self._database.read() as session:
            return places.school_class(session, site, name)

    def subject_group(self, site: str, id: str) -> SubjectGroup:
        with self._database.read() as session:
            return places.subject_group(session, site, id)

    def placement(self, site: str, id: int) -> Placement:
        with self._database.read() as session:
            return boards.one_placement(session, site, id)

    # calendar: its rows are stored anew with other numbers whenever their part changes

    def lessons(
        self,
        site: str,
        page: Page,
        *,
        room: str | None = None,
        school_class: str | None = None,
        subject: str | None = None,
        subject_group: str | None = None,
        weekday: int | None = None,
        session: str | None = None,
        on: date | None = None,
    ) -> list[KeptLesson]:
        """A page of the weekly lessons; `on`: those that hold on this local date, whatever its weekday."""
        with self._database.read() as reading:
            places.site(reading, site)
            equal = {
                "room": room,
                "school_class": school_class,
                "subject": subject,
                "subject_group": subject_group,
                "weekday": weekday,
                "session": session,
            }
            return calendar_rows.lessons(reading, site, page, equal, on)

    def lesson(self, site: str, id: int) -> KeptLesson:
        with self._database.read() as session:
            return calendar_rows.one(session, Lesson, site, id)

    def closures(self, site: str) -> list[KeptClosure]:
        with self._database.read() as session:
            return calendar_rows.listed(session, Closure, site)

    def closure(self, site: str, id: int) -> KeptClosure:
        with self._database.read() as session:
            return calendar_rows.one(session, Closure, site, id)

    def exams(self, site: str) -> list[KeptExam]:
        with self._database.read() as session:
            return calendar_rows.listed(session, ExamPeriod, site)

    def exam(self, site: str, id: int) -> KeptExam:
        with self._database.read() as session:
            return calendar_rows.one(session, ExamPeriod, site, id)

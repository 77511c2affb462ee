"""School year, bell times, timetable, classes, tariffs and targets. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Calendar:
    """School year, bell times, timetable, classes, tariffs and targets."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def classes(
        self,
        site: str,
        *,
        home_room: str | None = None,
        limit: int | None = None,
        sort: Literal["name", "-name", "home_room", "-home_room", "size", "-size"] | None = None,
    ) -> Iterator[shapes.SchoolClass]:
        """The classes of a school, by name."""
        return self._transport.items(
            shapes.SchoolClass,
            f"/api/v1/sites/{part(site)}/classes",
            {"home_room": home_room, "limit": limit, "sort": sort},
        )

    def school_class(self, site: str, school_class: str) -> shapes.SchoolClass:
        """One class."""
        return self._transport.read(
            shapes.SchoolClass, "GET", f"/api/v1/sites/{part(site)}/classes/{part(school_class)}"
        )

    def subject_groups(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "name", "-name"] | None = None,
    ) -> Iterator[shapes.SubjectGroup]:
        """The subject groups of a school."""
        return self._transport.items(
            shapes.SubjectGroup, f"/api/v1/sites/{part(site)}/subject-groups", {"limit": limit, "sort": sort}
        )

    def subject_group(self, site: str, id: str) -> shapes.SubjectGroup:
        """One subject group."""
        return self._transport.read(
            shapes.SubjectGroup, "GET", f"/api/v1/sites/{part(site)}/subject-groups/{part(id)}"
        )

    def terms(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["start", "-start", "name", "-name"] | None = None,
    ) -> Iterator[shapes.Term]:
        """The terms of a school: outside of them it is closed."""
        return self._transport.items(
            shapes.Term, f"/api/v1/sites/{part(site)}/calendar/terms", {"limit": limit, "sort": sort}
        )

    def term(self, site: str, start: date) -> shapes.Term:
        """The term that starts on a date."""
        return self._transport.read(
            shapes.Term, "GET", f"/api/v1/sites/{part(site)}/calendar/terms/{part(start)}"
        )

    def bells(
        self,
        site: str,
        *,
        weekday: int | None = None,
        session: Literal["morning", "afternoon"] | None = None,
        limit: int | None = None,
        sort: Literal["weekday", "-weekday", "start", "-start", "valid_from", "-valid_from"] | None = None,
    ) -> Iterator[shapes.Bell]:
        """When each period begins and ends, by weekday."""
        return self._transport.items(
            shapes.Bell,
            f"/api/v1/sites/{part(site)}/calendar/bells",
            {"weekday": weekday, "session": session, "limit": limit, "sort": sort},
        )

    def closures(
        self,
        site: str,
        *,
        public: bool | None = None,
        limit: int | None = None,
        sort: Literal["id", "-id", "start", "-start"] | None = None,
    ) -> Iterator[shapes.Closure]:
        """Dates without lessons."""
        return self._transport.items(
            shapes.Closure,
            f"/api/v1/sites/{part(site)}/calendar/closures",
            {"public": public, "limit": limit, "sort": sort},
        )

    def closure(self, site: str, id: int) -> shapes.Closure:
        """One closure."""
        return self._transport.read(
            shapes.Closure, "GET", f"/api/v1/sites/{part(site)}/calendar/closures/{part(id)}"
        )

    def make_up_days(
        self, site: str, *, limit: int | None = None, sort: Literal["date", "-date"] | None = None
    ) -> Iterator[shapes.MakeUpDay]:
        """Dates on which lessons are held as on another weekday."""
        return self._transport.items(
            shapes.MakeUpDay,
            f"/api/v1/sites/{part(site)}/calendar/make-up-days",
            {"limit": limit, "sort": sort},
        )

    def make_up_day(self, site: str, date: date) -> shapes.MakeUpDay:
        """One make-up day."""
        return self._transport.read(
            shapes.MakeUpDay, "GET", f"/api/v1/sites/{part(site)}/calendar/make-up-days/{part(date)}"
        )

    def exams(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "start", "-start", "name", "-name"] | None = None,
    ) -> Iterator[shapes.Exam]:
        """When classes have exams in place of lessons."""
        return self._transport.items(
            shapes.Exam, f"/api/v1/sites/{part(site)}/calendar/exams", {"limit": limit, "sort": sort}
        )

    def exam(self, site: str, id: int) -> shapes.Exam:
        """One exam period."""
        return self._transport.read(
            shapes.Exam, "GET", f"/api/v1/sites/{part(site)}/calendar/exams/{part(id)}"
        )

    def lessons(
        self,
        site: str,
        *,
        room: str | None = None,
        school_class: str | None = None,
        subject: str | None = None,
        subject_group: str | None = None,
        weekday: int | None = None,
        session: Literal["morning", "afternoon"] | None = None,
        on: date | None = None,
        limit: int | None = None,
        sort: Literal[
            "id",
            "-id",
            "weekday",
            "-weekday",
            "session",
            "-session",
            "period",
            "-period",
            "room",
            "-room",
            "school_class",
            "-school_class",
            "subject",
            "-subject",
            "valid_from",
            "-valid_from",
        ]
        | None = None,
    ) -> Iterator[shapes.Lesson]:
        """The weekly lessons of every timetable of a school."""
        return self._transport.items(
            shapes.Lesson,
            f"/api/v1/sites/{part(site)}/calendar/lessons",
            {
                "room": room,
                "school_class": school_class,
                "subject": subject,
                "subject_group": subject_group,
                "weekday": weekday,
                "session": session,
                "on": on,
                "limit": limit,
                "sort": sort,
            },
        )

    def lesson(self, site: str, id: int) -> shapes.Lesson:
        """One weekly lesson."""
        return self._transport.read(
            shapes.Lesson, "GET", f"/api/v1/sites/{part(site)}/calendar/lessons/{part(id)}"
        )

    def substitutions(
        self,
        site: str,
        *,
        room: str | None = None,
        school_class: str | None = None,
        on: date | None = None,
        limit: int | None = None,
        sort: Literal["date", "-date", "school_class", "-school_class"] | None = None,
    ) -> Iterator[shapes.Substitution]:
        """What classes have on single dates in place of their timetable."""
        return self._transport.items(
            shapes.Substitution,
            f"/api/v1/sites/{part(site)}/calendar/substitutions",
            {"room": room, "school_class": school_class, "on": on, "limit": limit, "sort": sort},
        )

    def subject_places(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["subject", "-subject", "place", "-place"] | None = None,
    ) -> Iterator[shapes.SubjectPlace]:
        """Where a school holds the lessons of its subjects, as far as it said so itself."""
        return self._transport.items(
            shapes.SubjectPlace,
            f"/api/v1/sites/{part(site)}/calendar/subject-places",
            {"limit": limit, "sort": sort},
        )

    def tariffs(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["valid_from", "-valid_from", "vnd_per_kwh", "-vnd_per_kwh"] | None = None,
    ) -> Iterator[shapes.Tariff]:
        """What electricity costs a school, and since when."""
        return self._transport.items(
            shapes.Tariff, f"/api/v1/sites/{part(site)}/tariffs", {"limit": limit, "sort": sort}
        )

    def tariff(self, site: str, valid_from: date) -> shapes.Tariff:
        """The tariff that begins on a date."""
        return self._transport.read(
            shapes.Tariff, "GET", f"/api/v1/sites/{part(site)}/tariffs/{part(valid_from)}"
        )

    def targets(
        self,
        site: str,
        *,
        indicator: str | None = None,
        limit: int | None = None,
        sort: Literal["indicator", "-indicator", "year", "-year"] | None = None,
    ) -> Iterator[shapes.Target]:
        """What indicators are to reach by the end of a year: the school's own targets, else the national
        ones."""
        return self._transport.items(
            shapes.Target,
            f"/api/v1/sites/{part(site)}/targets",
            {"indicator": indicator, "limit": limit, "sort": sort},
        )

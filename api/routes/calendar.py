"""A school's calendar and timetable, its classes and subject groups, its tariffs and targets."""

from dataclasses import replace
from datetime import date, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from api.calendar_models import (
    BellOut,
    ClosureOut,
    ExamOut,
    LessonOut,
    MakeUpDayOut,
    SchoolClassOut,
    SubjectGroupOut,
    SubjectPlaceOut,
    SubstitutionOut,
    TariffOut,
    TermOut,
)
from api.context import ContextDep, Day, Id, SiteId
from api.listing import Listed, Listing, Page
from api.problems import ProblemError
from api.register_models import TargetOut
from api.rights import FIGURES, PERIODS, PLACES, may
from api.security import PersonDep, has
from campus.calendar import SESSIONS

router = APIRouter(prefix="/sites/{site}", tags=["calendar"], dependencies=[Depends(has(PLACES))])
MONEY = [Depends(has(FIGURES))]

CLASSES = Listing("classes", {"name": str}, {"home_room": str | None, "size": int | None})
SUBJECT_GROUPS = Listing("subject-groups", {"id": str}, {"name": str})
TERMS = Listing("terms", {"start": date}, {"name": str})
BELLS = Listing(
    "bells",
    {"weekday": int, "session": str, "period": int, "valid_from": date},
    {"weekday": int, "start": time, "valid_from": date},
)
CLOSURES = Listing("closures", {"id": int}, {"start": date}, default="start")
MAKE_UP_DAYS = Listing("make-up-days", {"date": date})
EXAMS = Listing("exams", {"id": int}, {"start": date, "name": str}, default="start")
LESSONS = Listing(
    "lessons",
    {"id": int},
    {
        "weekday": int,
        "session": str,
        "period": int,
        "room": str | None,
        "school_class": str,
        "subject": str,
        "valid_from": date,
    },
)
SUBSTITUTIONS = Listing(
    "substitutions",
    {"date": date, "session": str, "period": int, "school_class": str},
    {"date": date, "school_class": str},
)
SUBJECT_PLACES = Listing("subject-places", {"subject": str}, {"place": str})
TARIFFS = Listing("tariffs", {"valid_from": date}, {"vnd_per_kwh": float})
TARGETS = Listing("targets", {"indicator": str, "year": int}, {"indicator": str, "year": int})

Number = Annotated[
    int, Path(ge=1, lt=2**31, description="Number of the row, new after each import of its part")
]
Session = Annotated[Literal[SESSIONS] | None, Query(description="Only of this session of the day")]  # type: ignore[valid-type]
Weekday = Annotated[int | None, Query(ge=1, le=7, description="Only of this weekday, Monday = 1")]
Text = r"^[^\x00-\x1f]{1,120}$"
OneClass = Annotated[str | None, Query(pattern=Text, description="Only of this class, by its name")]
OneRoom = Annotated[Id | None, Query(description="Only in this room")]


@router.get("/classes", response_model=Listed[SchoolClassOut])
def classes(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(CLASSES.query)],
    home_room: Annotated[Id | None, Query(description="Only with this home room")] = None,
) -> Any:
    """The classes of a school, by name."""
    found = [one for one in context.records.classes(site) if home_room in (None, one.home_room)]
    return CLASSES.cut(found, page)


@router.get("/classes/{school_class:path}", response_model=SchoolClassOut)
def school_class(
    context: ContextDep,
    site: SiteId,
    school_class: Annotated[
        str, Path(pattern=Text, examples=["6A"], description="Name of the class, as 6A or 6/1")
    ],
) -> Any:
    """One class."""
    return context.records.school_class(site, school_class)


@router.get("/subject-groups", response_model=Listed[SubjectGroupOut])
def subject_groups(
    context: ContextDep, site: SiteId, page: Annotated[Page, Depends(SUBJECT_GROUPS.query)]
) -> Any:
    """The subject groups of a school."""
    return SUBJECT_GROUPS.cut(context.records.subject_groups(site), page)


@router.get("/subject-groups/{id}", response_model=SubjectGroupOut)
def subject_group(
    context: ContextDep,
    site: SiteId,
    id: Annotated[Id, Path(examples=["math"], description="Id of the group")],
) -> Any:
    """One subject group."""
    return context.records.subject_group(site, id)


@router.get("/calendar/terms", response_model=Listed[TermOut])
def terms(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(TERMS.query)]) -> Any:
    """The terms of a school: outside of them it is closed."""
    return TERMS.cut(context.records.calendar(site).terms, page)


@router.get("/calendar/terms/{start}", response_model=TermOut)
def term(
    context: ContextDep, site: SiteId, start: Annotated[Day, Path(description="First date of the term")]
) -> Any:
    """The term that starts on a date."""
    return _the_one(context.records.calendar(site).terms, "start", start, "No term of this site starts")


@router.get("/calendar/bells", response_model=Listed[BellOut])
def bells(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(BELLS.query)],
    weekday: Weekday = None,
    session: Session = None,
) -> Any:
    """When each period begins and ends, by weekday."""
    found = [
        one
        for one in context.records.calendar(site).bells
        if weekday in (None, one.weekday) and session in (None, one.session)
    ]
    return BELLS.cut(found, page)


@router.get("/calendar/closures", response_model=Listed[ClosureOut])
def closures(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(CLOSURES.query)],
    public: Annotated[
        bool | None, Query(description="Only public holidays, or only the school's own")
    ] = None,
) -> Any:
    """Dates without lessons."""
    return CLOSURES.cut([one for one in context.records.closures(site) if public in (None, one.public)], page)


@router.get("/calendar/closures/{id}", response_model=ClosureOut)
def closure(context: ContextDep, site: SiteId, id: Number) -> Any:
    """One closure."""
    return context.records.closure(site, id)


@router.get("/calendar/make-up-days", response_model=Listed[MakeUpDayOut])
def make_up_days(
    context: ContextDep, site: SiteId, page: Annotated[Page, Depends(MAKE_UP_DAYS.query)]
) -> Any:
    """Dates on which lessons are held as on another weekday."""
    return MAKE_UP_DAYS.cut(context.records.calendar(site).make_up_days, page)


@router.get("/calendar/make-up-days/{date}", response_model=MakeUpDayOut)
def make_up_day(
    context: ContextDep,
    site: SiteId,
    day: Annotated[Day, Path(alias="date", description="The date on which lessons are made up")],
) -> Any:
    """One make-up day."""
    days = context.records.calendar(site).make_up_days
    return _the_one(days, "date", day, "No lessons of this site are made up")


@router.get("/calendar/exams", response_model=Listed[ExamOut])
def exams(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(EXAMS.query)]) -> Any:
    """When classes have exams in place of lessons."""
    return EXAMS.cut(context.records.exams(site), page)


@router.get("/calendar/exams/{id}", response_model=ExamOut)
def exam(context: ContextDep, site: SiteId, id: Number) -> Any:
    """One exam period."""
    return context.records.exam(site, id)


@router.get("/calendar/lessons", response_model=Listed[LessonOut])
def lessons(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    page: Annotated[Page, Depends(LESSONS.query)],
    room: OneRoom = None,
    school_class: OneClass = None,
    subject: Annotated[str | None, Query(pattern=Text, description="Only of this subject")] = None,
    subject_group: Annotated[Id | None, Query(description="Only of this subject group")] = None,
    weekday: Weekday = None,
    session: Session = None,
    on: Annotated[
        Day | None, Query(description="Only those of the timetable that holds on this date")
    ] = None,
) -> Any:
    """The weekly lessons of every timetable of a school."""
    found = context.records.lessons(
        site,
        page,
        room=room,
        school_class=school_class,
        subject=subject,
        subject_group=subject_group,
        weekday=weekday,
        session=session,
        on=on,
    )
    shown = may(person, PERIODS, site)
    return LESSONS.answer(found, page, None if shown else lambda one: replace(one, teacher=None))


@router.get("/calendar/lessons/{id}", response_model=LessonOut)
def lesson(context: ContextDep, person: PersonDep, site: SiteId, id: Number) -> Any:
    """One weekly lesson."""
    found = context.records.lesson(site, id)
    return found if may(person, PERIODS, site) else replace(found, teacher=None)


@router.get("/calendar/substitutions", response_model=Listed[SubstitutionOut])
def substitutions(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    page: Annotated[Page, Depends(SUBSTITUTIONS.query)],
    room: OneRoom = None,
    school_class: OneClass = None,
    on: Annotated[Day | None, Query(description="Only on this date")] = None,
) -> Any:
    """What classes have on single dates in place of their timetable."""
    shown = may(person, PERIODS, site)
    found = [
        one if shown else replace(one, teacher=None, reason=None)
        for one in context.records.calendar(site).substitutions
        if room in (None, one.room) and school_class in (None, one.school_class) and on in (None, one.date)
    ]
    return SUBSTITUTIONS.cut(found, page)


@router.get("/calendar/subject-places", response_model=Listed[SubjectPlaceOut])
def subject_places(
    context: ContextDep, site: SiteId, page: Annotated[Page, Depends(SUBJECT_PLACES.query)]
) -> Any:
    """Where a school holds the lessons of its subjects, as far as it said so itself."""
    return SUBJECT_PLACES.cut(context.records.subject_places(site), page)


@router.get("/tariffs", response_model=Listed[TariffOut], dependencies=MONEY)
def tariffs(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(TARIFFS.query)]) -> Any:
    """What electricity costs a school, and since when."""
    context.records.site(site)
    return TARIFFS.cut(context.records.tariffs(site), page)


@router.get("/tariffs/{valid_from}", response_model=TariffOut, dependencies=MONEY)
def tariff(
    context: ContextDep,
    site: SiteId,
    valid_from: Annotated[Day, Path(description="First date on which it holds")],
) -> Any:
    """The tariff that begins on a date."""
    context.records.site(site)
    return _the_one(context.records.tariffs(site), "valid_from", valid_from, "No tariff of this site begins")


@router.get("/targets", response_model=Listed[TargetOut], dependencies=MONEY)
def targets(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(TARGETS.query)],
    indicator: Annotated[str | None, Query(max_length=64, description="Only of this indicator")] = None,
) -> Any:
    """What indicators are to reach by the end of a year: the school's own targets, else the national ones."""
    context.records.site(site)
    found = [one for one in context.records.targets(site) if indicator in (None, one.indicator)]
    return TARGETS.cut(found, page)


def _the_one(found: Any, field: str, day: date, nothing: str) -> Any:
    for one in found:
        if getattr(one, field) == day:
            return one
    raise ProblemError(404, f"{nothing} on {day}. See the list for those there are.")

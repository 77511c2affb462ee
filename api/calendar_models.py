"""What the API answers about the school's calendar, timetable, classes and goals, as OpenAPI shows it.

Dates are local, ranges half-open; times are wall-clock times of the site.
"""

from datetime import date, time
from typing import Annotated

from pydantic import BaseModel, WithJsonSchema

from api.models import example

# "time" as a format is RFC 3339's, which has an offset; these are of the wall clock.
ClockTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"})]


class SchoolClassOut(BaseModel):
    """A class, known by its name; `size` in pupils."""

    model_config = example(name="6A", home_room="a101", size=42)

    name: str
    home_room: str | None
    size: int | None


class SubjectGroupOut(BaseModel):
    """The teachers of related subjects (tổ chuyên môn)."""

    model_config = example(id="math", name="Tổ Toán")

    id: str
    name: str


class TermOut(BaseModel):
    """A semester over [start, end). `first_week`: the letter of the week in which it starts."""

    model_config = example(
        name="Học kỳ 1", start="2026-09-07", end="2027-01-18", year="2026-2027", first_week="a"
    )

    name: str
    start: date
    end: date
    year: str | None
    first_week: str


class BellOut(BaseModel):
    """Bell times of one period of a session on a weekday (Monday = 1); `valid_from` 0001-01-01: since ever."""

    model_config = example(
        weekday=1, session="morning", period=1, start="07:00:00", end="07:45:00", valid_from="0001-01-01",
        valid_to=None,
    )  # fmt: skip

    weekday: int
    session: str
    period: int
    start: ClockTime
    end: ClockTime
    valid_from: date
    valid_to: date | None


class ClosureOut(BaseModel):
    """[start, end) without lessons; `public`: a public holiday. Its `id` is another after each import."""

    model_config = example(id=1, start="2027-02-04", end="2027-02-15", reason="Tết", public=True)

    id: int
    start: date
    end: date
    reason: str
    public: bool


class MakeUpDayOut(BaseModel):
    """A date that follows another weekday, and a week where it names one."""

    model_config = example(date="2026-12-12", weekday=3, reason="Học bù", week=None)

    date: date
    weekday: int
    reason: str
    week: str | None


class ExamOut(BaseModel):
    """[start, end) with exams of these classes, of all where none is named. `id` as of closures."""

    model_config = example(
        id=1, name="Kiểm tra giữa kỳ", start="2026-11-09", end="2026-11-14", classes=["9A"]
    )

    id: int
    name: str
    start: date
    end: date
    classes: list[str]


class LessonOut(BaseModel):
    """A weekly lesson over [valid_from, valid_to); `place` says where one without a room is held.

    Its `id` changes when a timetable is imported. `teacher` is for those who may see single periods, null to others.
    """

    model_config = example(
        id=240, room="a101", weekday=1, session="morning", period=1, school_class="6A", subject="Toán",
        valid_from="2026-09-07", valid_to=None, subject_group="math", week=None, teacher="Cô Hoa", place="room",
    )  # fmt: skip

    id: int
    room: str | None
    weekday: int
    session: str
    period: int
    school_class: str
    subject: str
    valid_from: date
    valid_to: date | None
    subject_group: str | None
    week: str | None
    teacher: str | None
    place: str


class SubstitutionOut(BaseModel):
    """What a class has on one date in place of its timetable; `subject` null: the lesson falls out.

    `teacher` and `reason` are for those who may see single periods, null to others.
    """

    model_config = example(
        date="2026-11-18", session="morning", period=2, school_class="6A", subject="Văn", room="a101",
        subject_group="literature", teacher="Cô Mai", reason=None,
    )  # fmt: skip

    date: date
    session: str
    period: int
    school_class: str
    subject: str | None
    room: str | None
    subject_group: str | None
    teacher: str | None
    reason: str | None


class SubjectPlaceOut(BaseModel):
    """Where the lessons of a subject are held; `target`: the id of the room or room type."""

    model_config = example(subject="Thể dục", place="outside", target=None)

    subject: str
    place: str
    target: str | None


class TariffOut(BaseModel):
    """What a kilowatt hour costs from a date on."""

    model_config = example(valid_from="2026-01-01", vnd_per_kwh=2014.0)

    valid_from: date
    vnd_per_kwh: float

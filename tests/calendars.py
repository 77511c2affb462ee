"""Random school calendars, and what they plan, worked out the slow and plain way."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from campus.calendar import (
    ALWAYS,
    LESSON,
    SLOT_KINDS,
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    Substitution,
    Term,
)
from campus.calendar.school import SchoolCalendar, validate

ROOMS = ("a101", "a102", "lab")
CLASSES = ("6A", "6B", "7A")
DAYS = 56
randoms = st.integers(0, 2**32 - 1).map(Random)  # more even than what Hypothesis draws one by one
STARTS = [  # near changes of clocks, and far from them
    ("Asia/Ho_Chi_Minh", date(2026, 9, 1)),
    ("Europe/Paris", date(2026, 9, 14)),
    ("America/Sao_Paulo", date(2017, 10, 1)),
    ("America/St_Johns", date(2010, 10, 1)),
    ("Australia/Lord_Howe", date(2026, 3, 1)),
    ("Pacific/Apia", date(2011, 12, 1)),
]


@dataclass(frozen=True)
class Parts:
    """What a SchoolCalendar is made of."""

    tz: str
    start: date
    terms: list[Term]
    bells: list[Bell]
    closures: list[Closure] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    make_up_days: list[MakeUpDay] = field(default_factory=list)
    exams: list[ExamPeriod] = field(default_factory=list)
    substitutions: list[Substitution] = field(default_factory=list)

    def calendar(self) -> SchoolCalendar:
        return SchoolCalendar(
            *(self.tz, self.terms, self.bells, self.closures, self.lessons, "v"),
            *(self.make_up_days, self.exams, self.substitutions),
        )

    def days(self) -> list[date]:
        return [self.start + timedelta(days=number) for number in range(-3, DAYS + 3)]


@st.composite
def parts(draw) -> Parts:
    """A calendar of eight weeks that holds together, without substitutions."""
    random = draw(randoms)
    tz, start = draw(st.sampled_from(STARTS))
    made = Parts(tz, start, _terms(random, start), _bells(random, start))
    for name, make in (("closures", _closure), ("make_up_days", _make_up_day), ("exams", _exam)):
        made = _add(made, name, [make(random, start) for _ in range(random.randint(0, 3))])
    return _add(made, "lessons", [_lesson(random, made) for _ in range(random.randint(5, 30))])


def changed(random: Random, before: Parts) -> Parts:
    """The calendar with one or two of its parts made otherwise."""
    after = before
    for _ in range(random.randint(1, 2)):
        match random.randrange(7):
            case 0:
                after = _add(after, "closures", [_closure(random, after.start)])
            case 1:
                after = _add(after, "lessons", [_lesson(random, after) for _ in range(3)])
            case 2 if after.lessons:
                row = random.randrange(len(after.lessons))
                subject = random.choice(["Toán", "Văn"])
                until = after.start + timedelta(days=random.randint(40, 90))
                ended = replace(after.lessons[row], subject=subject, valid_to=until)
                after = _add(
                    replace(after, lessons=[*after.lessons[:row], *after.lessons[row + 1 :]]),
                    "lessons",
                    [ended],
                )
            case 3:
                after = _add(after, "exams", [_exam(random, after.start)])
            case 4:
                after = _add(after, "make_up_days", [_make_up_day(random, after.start)])
            case 5:
                after = _add(after, "substitutions", substitutions(random, after, 3))
            case 6 if after.bells:
                row = random.randrange(len(after.bells))
                bell = after.bells[row]
                shorter = replace(bell, start=time(bell.start.hour, bell.end.minute // 2 + 1))
                kept = [*after.bells[:row], *after.bells[row + 1 :]]
                after = _add(replace(after, bells=kept, lessons=[], substitutions=[]), "bells", [shorter])
                after = _add(after, "lessons", before.lessons)
    return after


def substitutions(random: Random, parts: Parts, number: int) -> list[Substitution]:
    """Any: most of what a school would write, and some that cannot be."""
    calendar = replace(parts, substitutions=[]).calendar()
    opened = [found for day in parts.days() if (found := calendar.day(day))][: random.choice([2, 99])]
    found = []
    for _ in range(number):
        day, hours = parts.start, [("morning", 1)]
        if opened and random.random() < 0.95:
            choice = random.choice(opened)
            day, hours = choice.date, sorted(choice.hours)
        taught = planned(replace(parts, substitutions=[]), day)
        session, period = random.choice(hours) if random.random() < 0.95 else ("afternoon", 4)
        school_class = random.choice(CLASSES)
        if taught and random.random() < 0.6:
            lesson = random.choice(taught)
            session, period, school_class = lesson.session, lesson.period, lesson.school_class
        subject = random.choice([None, "Toán", "Văn"])
        room = random.choice([None, *ROOMS]) if subject or random.random() < 0.2 else None
        teacher = random.choice([None, "GV1"])
        found.append(Substitution(day, session, period, school_class, subject, room, teacher=teacher))
    return found


def is_sound(parts: Parts) -> bool:
    try:
        validate(
            *(parts.terms, parts.bells, parts.closures, parts.lessons),
            *(parts.make_up_days, parts.exams, parts.substitutions),
        )
    except ValueError:
        return False
    return True


def _add(parts: Parts, name: str, rows: list) -> Parts:
    """With those of the rows that fit in, one after the other."""
    for row in rows:
        more = replace(parts, **{name: [*getattr(parts, name), row]})
        if is_sound(more):
            parts = more
    return parts


def _terms(random: Random, start: date) -> list[Term]:
    middle = start + timedelta(days=random.randint(20, 40))
    gap = timedelta(days=random.choice([0, 3]))
    return [
        Term("I", start, middle, first_week=random.choice("ab")),
        Term("II", middle + gap, start + timedelta(days=DAYS), first_week=random.choice("ab")),
    ]


def _bells(random: Random, start: date) -> list[Bell]:
    """One to three versions, each with its weekdays and times; after the last one there may be none."""
    changes = sorted({start + timedelta(days=random.randrange(DAYS)) for _ in range(random.randint(0, 2))})
    last = start + timedelta(days=DAYS - 5) if random.random() < 0.3 else None
    found = []
    for valid_from, valid_to in zip([ALWAYS, *changes], [*changes, last], strict=True):
        if valid_to is not None and valid_to <= valid_from:
            continue
        for weekday in random.sample(range(1, 8), random.randint(2, 6)):
            cuts = sorted(random.sample(range(24 * 60), 2 * random.randint(1, 4)))
            pairs = list(zip(cuts[::2], cuts[1::2], strict=True))
            mornings = random.randint(0, len(pairs))
            for number, (begin, end) in enumerate(pairs):
                hour = ("morning", number + 1) if number < mornings else ("afternoon", number - mornings + 1)
                times = (time(*divmod(begin, 60)), time(*divmod(end, 60)))
                found.append(Bell(weekday, *hour, *times, valid_from, valid_to))
    return found


def _closure(random: Random, start: date) -> Closure:
    begin = start + timedelta(days=random.randrange(DAYS))
    return Closure(begin, begin + timedelta(days=random.randint(1, 4)), "Nghỉ", random.random() < 0.5)


def _make_up_day(random: Random, start: date) -> MakeUpDay:
    day = start + timedelta(days=random.randrange(DAYS))
    return MakeUpDay(day, random.randint(1, 7), "Học bù", random.choice([None, "a", "b"]))


def _exam(random: Random, start: date) -> ExamPeriod:
    begin = start + timedelta(days=random.randrange(DAYS))
    classes = random.choice([(), ("6A",), ("6A", "7A")])
    return ExamPeriod("Kiểm tra", begin, begin + timedelta(days=random.randint(1, 5)), classes)


def _lesson(random: Random, parts: Parts) -> Lesson:
    hours = sorted({(bell.weekday, bell.session, bell.period) for bell in parts.bells})
    begin = parts.start + timedelta(days=random.randrange(-5, 20))
    room = random.choice([*ROOMS, None])
    return Lesson(
        room,
        *random.choice(hours),
        random.choice(CLASSES),
        random.choice(["Toán", "Văn"]),
        begin,
        random.choice([None, begin + timedelta(days=random.randint(1, 40))]),
        week=random.choice([None, None, "a", "b"]),
        teacher=random.choice([None, "GV1", "GV2"]),
        place="room" if room else "outside",
    )


def planned(parts: Parts, day: date) -> list[Lesson]:
    """Every lesson of a date, of every class, joint ones apart: straight from the words of docs/calendar.md."""
    term = next((term for term in parts.terms if term.start <= day < term.end), None)
    if term is None or any(closure.start <= day < closure.end for closure in parts.closures):
        return []
    made_up = next((each for each in parts.make_up_days if each.date == day), None)
    weekday = made_up.weekday if made_up else day.isoweekday()
    week = made_up.week if made_up and made_up.week else plain_letter(term, day)
    rung = {
        (bell.session, bell.period)
        for bell in parts.bells
        if bell.weekday == weekday and bell.valid_from <= day < (bell.valid_to or date.max)
    }
    timetable = [
        lesson
        for lesson in parts.lessons
        if lesson.weekday == weekday
        and lesson.week in (None, week)
        and lesson.valid_from <= day < (lesson.valid_to or date.max)
        and (lesson.session, lesson.period) in rung
    ]
    held = [exam for exam in parts.exams if exam.start <= day < exam.end]
    lessons = [
        lesson
        for lesson in timetable
        if not any(not exam.classes or lesson.school_class in exam.classes for exam in held)
    ]
    for given in parts.substitutions:
        if given.date != day:
            continue
        hour = (given.session, given.period, given.school_class)
        old = [each for each in timetable if (each.session, each.period, each.school_class) == hour]
        lessons = [each for each in lessons if (each.session, each.period, each.school_class) != hour]
        if given.subject is not None:
            room = given.room or (old[0].room if old else None)
            stays = bool(old) and old[0].subject == given.subject
            teacher = given.teacher or (old[0].teacher if stays else None)
            lessons.append(
                Lesson(room, weekday, *hour, given.subject, day, day + timedelta(days=1), teacher=teacher)
            )
    return lessons


def plain_letter(term: Term, day: date) -> str:
    """Week by week from the term's start."""
    week, at = term.first_week, term.start
    while at < day:
        at += timedelta(days=1)
        if at.isoweekday() == 1:
            week = "b" if week == "a" else "a"
    return week


def check_day(calendar: SchoolCalendar, day: date, bells: int | None = None) -> None:
    """The slots are the whole local day, without a gap; one `lesson` for each bell (None: those of its weekday)."""
    if bells is None:
        bells = sum(bell.weekday == day.isoweekday() for bell in calendar.bells)
    slots = calendar.slots(day)
    start, end = calendar.bounds(day)
    if start == end:
        assert slots == []
        return
    assert (slots[0].start, slots[-1].end) == (start, end)
    assert end == calendar.bounds(day + timedelta(days=1))[0]
    for slot in slots:
        assert slot.start < slot.end and slot.date == day and slot.kind in SLOT_KINDS
        assert (slot.kind == LESSON) == (slot.session is not None) == (slot.period is not None)
    for before, after in pairwise(slots):
        assert before.end == after.start
    rung = [(slot.session, slot.period) for slot in slots if slot.kind == LESSON]
    assert len(rung) == len(set(rung))
    offsets = {datetime.combine(day, time(hour), calendar.zone).utcoffset() for hour in range(24)}
    if len(offsets) == 1:  # no change of clocks can have swallowed a lesson
        assert len(rung) == bells

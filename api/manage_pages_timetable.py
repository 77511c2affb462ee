"""Pages that import a timetable: send a file, see all that it would change and every wrong row, then confirm."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from api.context import Context, ContextDep, SiteId, today
from api.kept_uploads import KeptUploads, Upload
from api.manage_pages_forms import DoneDep, TextsDep, gone_on, retold, sent, told
from api.page_frame import ReaderDep, show, words_of
from api.rights import TIMETABLE, require
from campus.calendar import HOME_ROOM, IN_ROOM, NO_LESSON, OUTSIDE, SESSIONS, SubjectPlace
from campus.calendar.formats import MOST_BYTES
from campus.calendar.validity import holds
from campus.errors import UsageError
from campus.records.entities import Person, Site
from campus.records.timetable_import import TimetableFile
from dashboards.web.forms import CHOICE, DATE, Field, Form
from dashboards.web.timetable import Change, changes, counted, row_errors, unknown_subject
from dashboards.web.words import Words

router = APIRouter(prefix="/sites/{site}/timetable", include_in_schema=False)

SHOWN = 300
MOST_SUBJECTS = 40
_Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{24}$")]


@dataclass(frozen=True, slots=True)
class _Sent:
    texts: Mapping[str, str]
    name: str
    content: bytes


async def _upload(request: Request, person: ReaderDep, site: SiteId) -> _Sent:
    require(person, TIMETABLE, site)  # before anything of the body is read
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return _Sent({}, "", b"")
    async with request.form(max_files=1, max_fields=10) as form:
        texts = {name: value[:200] for name, value in form.items() if isinstance(value, str)}
        file = form.get("file")
        if not isinstance(file, UploadFile):
            return _Sent(texts, "", b"")
        return _Sent(texts, (file.filename or "")[:120], await file.read(MOST_BYTES + 1))


@router.get("")
def timetable(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, done: DoneDep
) -> Response:
    """The form for a file, beside what is stored."""
    require(person, TIMETABLE, site)
    school, words = context.records.site(site), words_of(request, context, person)
    form = Form(_fields(words), {"from": str(today(context, school))})
    return _page(request, context, person, school, form, done=done)


@router.post("")
def look_at(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    file: Annotated[_Sent, Depends(_upload)],
    site: SiteId,
) -> Response:
    """Keep the file for a short time and go on to what it would change."""
    school, words = context.records.site(site), words_of(request, context, person)
    values, form = sent(words, _fields(words), file.texts)
    wrong = dict(form.problems)
    if values["from"] and values["to"] and values["to"] <= values["from"]:
        wrong["to"] = words("timetable.to_before")
    if not file.content:
        wrong["file"] = words("timetable.no_file")
    elif len(file.content) > MOST_BYTES:
        wrong["file"] = words("timetable.too_large")
    form = Form(form.fields, form.texts, wrong)
    if wrong:
        return _page(request, context, person, school, form, status=422)
    upload = Upload(
        site, person.name, file.name, file.content, values["session"], values["from"], values["to"]
    )
    try:
        _read(context, upload)
    except UsageError as error:
        form = Form(form.fields, form.texts, {"file": told(words, str(error))})
        return _page(request, context, person, school, form, status=422)
    return RedirectResponse(f"/sites/{site}/timetable/look/{_kept(request).keep(upload)}", 303)


@router.get("/look/{token}")
def looked_at(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, token: _Token, done: DoneDep
) -> Response:
    """What the file would change, every wrong row, and the button that does it."""
    require(person, TIMETABLE, site)
    upload = _kept(request).get(token, person.name, site)
    if upload is None:
        return _gone(request, context, person, site)
    return _dry_run(request, context, person, upload, token, done=done)


@router.post("/look/{token}")
def confirm(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, token: _Token
) -> Response:
    """Apply exactly the file that was looked at, if it would still change exactly what was shown."""
    require(person, TIMETABLE, site)
    words, upload = words_of(request, context, person), _kept(request).get(token, person.name, site)
    if upload is None:
        return _gone(request, context, person, site)
    read = _read(context, upload)
    _, digest, problem = _would_change(context, words, upload, read)
    if problem or read.problems or texts.get("seen") != digest:
        return _dry_run(request, context, person, upload, token, words("timetable.changed"), 409)
    try:
        context.records.import_timetable(
            site, read.lessons, upload.session, upload.valid_from, upload.valid_to, read.rows
        )
    except UsageError as error:
        return _dry_run(request, context, person, upload, token, told(words, str(error)), 409)
    _kept(request).drop(token)
    return gone_on(f"/sites/{site}/timetable", "imported")


@router.post("/look/{token}/subjects")
def say_where(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, token: _Token
) -> Response:
    """Say where subjects are held that the school has not said it of, and look at the file again."""
    require(person, TIMETABLE, site)
    words, upload = words_of(request, context, person), _kept(request).get(token, person.name, site)
    if upload is None:
        return _gone(request, context, person, site)
    rows, allowed = [], {place for place, _ in _subject_places(context, words, site)}
    for number in range(MOST_SUBJECTS):
        subject, place = texts.get(f"subject-{number}", ""), texts.get(f"place-{number}", "")
        if subject and place in allowed:
            kind, _, target = place.partition(":")
            rows.append(SubjectPlace(subject[:120], kind, target or None))
    try:
        context.records.set_subject_places(site, rows)
    except UsageError as error:
        return _dry_run(request, context, person, upload, token, told(words, str(error)), 422)
    return gone_on(f"/sites/{site}/timetable/look/{token}", "subjects")


def _fields(words: Words) -> tuple[Field, ...]:
    return (
        Field(
            "session",
            "field.session",
            CHOICE,
            choices=[(one, words(f"room.session.{one}")) for one in SESSIONS],
        ),
        Field("from", "field.from", DATE, required=True, hint="hint.from"),
        Field("to", "field.to", DATE, hint="hint.to"),
    )


def _kept(request: Request) -> KeptUploads:
    kept: KeptUploads = request.app.state.kept_uploads
    return kept


def _read(context: Context, upload: Upload) -> TimetableFile:
    return context.records.read_timetable(
        upload.site, upload.content, upload.session, upload.valid_from, upload.valid_to
    )


def _would_change(
    context: Context, words: Words, upload: Upload, read: TimetableFile
) -> tuple[list[str], str, str | None]:
    """(one line per change, a digest of them and of the file, what contradicts the rest of the calendar)."""
    if read.problems:
        return [], "", None
    try:
        lines = context.records.import_timetable(
            upload.site, read.lessons, upload.session, upload.valid_from, upload.valid_to, read.rows, True
        )
    except UsageError as error:
        return [], "", told(words, str(error))
    seen = blake2b(upload.content, digest_size=16)
    seen.update(json.dumps(sorted(lines)).encode())
    return lines, seen.hexdigest(), None


def _dry_run(
    request: Request,
    context: Context,
    person: Person,
    upload: Upload,
    token: str,
    problem: str | None = None,
    status: int = 200,
    done: str | None = None,
) -> Response:
    records, words = context.records, words_of(request, context, person)
    school, read = records.site(upload.site), _read(context, upload)
    lines, digest, contradiction = _would_change(context, words, upload, read)
    rows: list[Change] = changes(lines, {one.id: one.name for one in records.rooms(upload.site)})
    subjects = [known for one in read.problems if (known := unknown_subject(one.message))]
    return show(
        request,
        context,
        "timetable_look.html",
        person,
        status,
        site=school,
        upload=upload,
        token=token,
        read=read,
        classes=len({one.school_class for one in read.lessons}),
        problems=row_errors(words, read.problems, lambda sentence: retold(words, sentence)),
        problem=problem or contradiction,
        changes=rows,
        counts=counted(rows),
        shown=SHOWN,
        notes=[retold(words, one) or one for one in read.notes],
        digest=digest,
        subjects=subjects[:MOST_SUBJECTS],
        places=_subject_places(context, words, upload.site),
        stored=any(holds(one, upload.valid_from) for one in records.calendar(upload.site).lessons),
        done=done,
    )


def _subject_places(context: Context, words: Words, site: str) -> list[tuple[str, str]]:
    """Where a subject can be held: what is sent, and how it is called."""
    return [
        (HOME_ROOM, words("place.home-room")),
        (OUTSIDE, words("place.outside")),
        (NO_LESSON, words("place.no-lesson")),
        *((f"{IN_ROOM}:{one.id}", one.name) for one in context.records.rooms(site)),
    ]


def _gone(request: Request, context: Context, person: Person, site: str) -> Response:
    school, words = context.records.site(site), words_of(request, context, person)
    form = Form(_fields(words), {"from": str(today(context, school))}, problem=words("timetable.gone"))
    return _page(request, context, person, school, form, status=409)


def _page(
    request: Request,
    context: Context,
    person: Person,
    school: Site,
    form: Form,
    *,
    done: str | None = None,
    status: int = 200,
) -> Response:
    day: date = today(context, school)
    lessons = [one for one in context.records.calendar(school.id).lessons if holds(one, day)]
    return show(
        request,
        context,
        "timetable.html",
        person,
        status,
        site=school,
        form=form,
        done=done,
        counts=[(one, sum(lesson.session == one for lesson in lessons)) for one in SESSIONS],
        today=day,
    )

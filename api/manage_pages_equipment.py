"""Pages of the register of equipment: find, add, change and retire pieces, see what their records lack."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.context import Context, ContextDep, Id, SiteId, today
from api.manage_pages_forms import (
    DoneDep,
    TextsDep,
    attempt,
    attempt_new,
    empty,
    gone_on,
    of_record,
    sent,
    versioned,
    with_new_id,
)
from api.page_frame import ReaderDep, show, words_of
from api.rights import PLACES, REGISTER, may, require
from campus.calendar.formats.labels import plain
from campus.errors import UsageError
from campus.records.entities import CONDITIONS, Person, Site
from campus.records.register import EquipmentRecord
from campus.records.register_words import slug
from campus.wire.topics import valid_id
from dashboards.web.forms import CHOICE, DATE, LONG, MONEY, WHOLE, Field, Form
from dashboards.web.words import Words

router = APIRouter(prefix="/sites/{site}/equipment", include_in_schema=False)

PAGE = 50
KINDS = ("projector", "interactive-board", "tv", "pc", "laptop", "air-conditioner", "lab-set")
_Piece = Annotated[Id, Path()]
_RETIRED = Field("retired_on", "field.retired_on", DATE, required=True)


@router.get("")
def pieces(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    done: DoneDep,
    room: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    show_: Annotated[str, Query(alias="show", max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The pieces of a school, those that are searched for, with what their records lack."""
    require(person, PLACES, site)
    records, school = context.records, context.records.site(site)
    found = records.equipment_records(site, room=room or None, retired=show_ == "retired")
    if show_ == "incomplete":
        found = [one for one in found if one.missing]
    if wanted := plain(q):
        found = [
            one for one in found if wanted in plain(f"{one.name} {one.code} {one.kind} {one.serial or ''}")
        ]
    pages = max(1, -(-len(found) // PAGE))
    page = min(page, pages)
    return show(
        request,
        context,
        "equipment.html",
        person,
        site=school,
        done=done,
        pieces=found[(page - 1) * PAGE : page * PAGE],
        count=len(found),
        total=records.completeness(site).total,
        rooms={one.id: one.name for one in records.rooms(site)},
        room=room,
        q=q,
        shown=show_,
        query=urlencode({"q": q, "room": room, "show": show_}) + "&",
        page=page,
        pages=pages,
        edits=may(person, REGISTER, site),
    )


@router.get("/new")
def new(request: Request, context: ContextDep, person: ReaderDep, site: SiteId, room: str = "") -> Response:
    """An empty record."""
    require(person, REGISTER, site)
    school = context.records.site(site)
    fields = _fields(words_of(request, context, person), context, site)
    form = empty(fields, {"quantity": "1", "room": room[:64]})
    return _form_page(request, context, person, school, form)


@router.post("/new")
def add(request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId) -> Response:
    """Add a piece; its id is made of its item code or its name."""
    require(person, REGISTER, site)
    school, words = context.records.site(site), words_of(request, context, person)
    values, form = sent(words, _fields(words, context, site), texts)
    given = {name: value for name, value in values.items() if value is not None}

    def create(id: str) -> EquipmentRecord:
        return context.records.create_equipment(site, _ready({**given, "id": id}), person.name)

    def write() -> EquipmentRecord:
        taken = [one.id for one in context.records.equipment(site)]
        return with_new_id(values["item_code"] or values["name"], taken, create, "equipment")

    made, form, status = attempt_new(request, person, words, form, write)
    if made is None:
        return _form_page(request, context, person, school, form, status=status)
    return gone_on(f"/sites/{site}/equipment/{made.id}", "added")


@router.get("/{id}")
def piece(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, id: _Piece, done: DoneDep
) -> Response:
    """One record, to be changed by those who may."""
    require(person, PLACES, site)
    school, record = context.records.site(site), context.records.equipment_record(site, id)
    words = words_of(request, context, person)
    form = of_record(words, _fields(words, context, site, record), record)
    return _form_page(request, context, person, school, form, record, done=done)


@router.post("/{id}")
def change(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, id: _Piece
) -> Response:
    """Change a record."""
    require(person, REGISTER, site)
    records, school = context.records, context.records.site(site)
    record, words = records.equipment_record(site, id), words_of(request, context, person)
    values, form = sent(words, _fields(words, context, site, record), texts)
    form = versioned(words, form, record.version)
    _, form, status = attempt(
        words,
        form,
        lambda: records.change_equipment(site, id, _ready(values), person.name, form.version),
        lambda: records.equipment_record(site, id),
    )
    if status != 200:
        return _form_page(request, context, person, school, form, record, status=status)
    return gone_on(f"/sites/{site}/equipment/{id}", "changed")


@router.post("/{id}/retire")
def retire(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, id: _Piece
) -> Response:
    """Take a piece out of use from a date on, or, with `back`, into use again."""
    require(person, REGISTER, site)
    records, school = context.records, context.records.site(site)
    record, words = records.equipment_record(site, id), words_of(request, context, person)
    back = "back" in texts
    values, form = sent(words, [] if back else [_RETIRED], texts)
    form = versioned(words, form, record.version)
    _, form, status = attempt(
        words,
        form,
        lambda: records.change_equipment(
            site, id, {"retired_on": values.get("retired_on")}, person.name, form.version
        ),
        lambda: records.equipment_record(site, id),
    )
    if status == 200:
        return gone_on(f"/sites/{site}/equipment/{id}", "restored" if back else "retired")
    whole = of_record(words, _fields(words, context, site, record), record)
    return _form_page(request, context, person, school, whole, record, retiring=form, status=status)


def _ready(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the kind as an id: 'Máy chiếu' is may-chieu."""
    kind = values.get("kind")
    if kind and not valid_id(kind):
        try:
            kind = slug(kind)
        except ValueError as error:
            raise UsageError(f"kind: {error}") from None
    quantity = {} if values.get("quantity") is not None else {"quantity": 1}
    return {**values, **quantity, "kind": kind}


def _fields(
    words: Words, context: Context, site: str, record: EquipmentRecord | None = None
) -> Sequence[Field]:
    rooms = [(one.id, one.name) for one in context.records.rooms(site)]
    groups = [(one.id, one.name) for one in context.records.subject_groups(site)]
    used = {one.kind for one in context.records.equipment(site)}
    return (
        Field("name", "field.name", required=True),
        Field("kind", "field.kind", required=True, suggested=sorted(used | set(KINDS)), hint="hint.kind"),
        Field("item_code", "field.item_code", longest=64, hint="hint.item_code"),
        Field("room", "field.room", CHOICE, choices=rooms),
        Field(
            "condition",
            "field.condition",
            CHOICE,
            choices=[(one, words(f"condition.{one}")) for one in CONDITIONS],
        ),
        Field("in_service_on", "field.in_service_on", DATE),
        Field("verified_on", "field.verified_on", DATE, hint="hint.verified_on"),
        Field("quantity", "field.quantity", WHOLE, least=1, most=100_000),
        Field("unit", "field.unit", longest=32),
        Field("maker", "field.maker"),
        Field("model", "field.model"),
        Field("serial", "field.serial"),
        Field("price_vnd", "field.price_vnd", MONEY),
        Field("fund", "field.fund"),
        Field("life_years", "field.life_years", WHOLE, least=1, most=100),
        Field("subject_group", "field.subject_group", CHOICE, choices=groups),
        Field("note", "field.note", LONG, longest=500),
    )


def _form_page(
    request: Request,
    context: Context,
    person: Person,
    school: Site,
    form: Form,
    record: EquipmentRecord | None = None,
    *,
    retiring: Form | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    edits = may(person, REGISTER, school.id)
    if retiring is None:
        retiring = Form([_RETIRED], {"retired_on": str(today(context, school))})
    return show(
        request,
        context,
        "equipment_form.html",
        person,
        status,
        site=school,
        form=form,
        record=record,
        retiring=retiring,
        retiring_field=_RETIRED,
        done=done,
        edits=edits,
    )

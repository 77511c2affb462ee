"""The register of equipment: records, their history and files, completeness, Excel, labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.context import ContextDep, Id, SiteId
from api.etags import IfMatch, TellVersion
from api.listing import Listed, Listing, Page
from api.problems import PROBLEMS, ProblemError
from api.rates import EXPORT_TURN
from api.register_models import (
    CompletenessOut,
    EquipmentChanges,
    EquipmentNew,
    EquipmentOut,
    FileOut,
    RecordChangeOut,
    RegisterFileOut,
)
from api.rights import PLACES, REGISTER
from api.security import PersonDep, has
from campus.labels import Label, sheet
from campus.records.register import Conflict, Stale

router = APIRouter(prefix="/sites/{site}", tags=["equipment"], dependencies=[Depends(has(PLACES))])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRITES: dict[str, Any] = {"dependencies": [Depends(has(REGISTER))], "responses": {409: PROBLEMS[503]}}


def _file(media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "The file", "content": {media: {"schema": {"type": "string"}}}}}


_BYTES = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}

EQUIPMENT = Listing(
    "equipment",
    {"id": str},
    {
        "name": str,
        "kind": str,
        "room": str | None,
        "condition": str | None,
        "item_code": str | None,
        "subject_group": str | None,
        "price_vnd": int | None,
        "in_service_on": date | None,
        "verified_on": date | None,
        "retired_on": date | None,
    },
)
HISTORY = Listing("equipment-history", {"number": int}, default="-number")
FILES = Listing("files", {"number": int}, {"name": str, "size": int})

Number = Annotated[int, Path(ge=1, lt=2**31, description="Its number")]
EquipmentId = Annotated[Id, Path(examples=["projector-a101"], description="Id of the piece of equipment")]


@contextmanager
def conflicts() -> Iterator[None]:
    """What is not in the state for it is answered 409; that somebody was faster, as api/problems.py says."""
    try:
        yield
    except Stale:
        raise
    except Conflict as error:
        raise ProblemError(409, str(error)) from error


OneRoom = Annotated[Id | None, Query(description="Only what is recorded in this room")]


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


@router.get("/equipment", response_model=Listed[EquipmentOut])
def equipment(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(EQUIPMENT.query)],
    room: OneRoom = None,
    kind: Annotated[Id | None, Query(description="Only of this kind, such as `projector`")] = None,
    condition: Annotated[
        Literal["good", "worn", "broken", "under-repair"] | None, Query(description="Only in this condition")
    ] = None,
    subject_group: Annotated[Id | None, Query(description="Only of this subject group")] = None,
    retired: Annotated[bool, Query(description="Only what is retired, in place of what is not")] = False,
) -> Any:
    """The records of equipment; what is retired only where it is asked for."""
    found = context.records.equipment_records(
        site,
        room=room,
        kind=kind,
        condition=condition,
        subject_group=subject_group,
        retired=retired,
        page=page,
    )
    return EQUIPMENT.answer(found, page)


@router.post("/equipment", status_code=201, response_model=EquipmentOut, **WRITES)
def create_equipment(context: ContextDep, person: PersonDep, site: SiteId, form: EquipmentNew) -> Any:
    """Add a piece of equipment."""
    with conflicts():
        return context.records.create_equipment(site, form.model_dump(exclude_unset=True), person.name)


@router.get("/equipment/{id}", response_model=EquipmentOut)
def equipment_record(context: ContextDep, site: SiteId, id: EquipmentId, tell: TellVersion) -> Any:
    """One record."""
    found = context.records.equipment_record(site, id)
    tell(found.version)
    return found


@router.patch(
    "/equipment/{id}",
    response_model=EquipmentOut,
    dependencies=WRITES["dependencies"],
    responses={**WRITES["responses"], 412: {**PROBLEMS[422], "description": "Precondition Failed"}},
)
def change_equipment(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    id: EquipmentId,
    form: EquipmentChanges,
    wanted: IfMatch,
    tell: TellVersion,
) -> Any:
    """Change some fields, all or none. Where somebody else was faster: 412 with `If-Match`, 409 with `version`."""
    changes = form.model_dump(exclude_unset=True, exclude={"version", "id"})
    version = form.version if wanted is None else wanted
    with conflicts():
        made = context.records.change_equipment(site, id, changes, person.name, version)
    tell(made.version)
    return made


@router.get("/equipment/{id}/history", response_model=Listed[RecordChangeOut])
def equipment_history(
    context: ContextDep, site: SiteId, id: EquipmentId, page: Annotated[Page, Depends(HISTORY.query)]
) -> Any:
    """What every field was and became, who changed it and how; the newest first."""
    return HISTORY.answer(context.records.equipment_history(site, id, page=page), page)


@router.get("/equipment/{id}/files", response_model=Listed[FileOut])
def equipment_files(
    context: ContextDep, site: SiteId, id: EquipmentId, page: Annotated[Page, Depends(FILES.query)]
) -> Any:
    """Photos and documents of a piece, the oldest first."""
    return FILES.cut(context.records.attachments(site, id), page)


@router.post("/equipment/{id}/files", status_code=201, response_model=FileOut, openapi_extra=_BYTES, **WRITES)
def attach_file(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    id: EquipmentId,
    content: Body,
    name: Annotated[str, Query(max_length=200, description="What to call the file")] = "file",
) -> Any:
    """Keep a JPEG, PNG or PDF of at most 10 MB, sent as the body; what it is, its content says."""
    return context.records.attach(site, id, name, content, person.name)


@router.get("/files/{id}", response_class=Response, responses=_file("application/octet-stream"))
def attached_file(context: ContextDep, site: SiteId, id: Number) -> Response:
    """A file, for download: never shown as a page."""
    found, content = context.records.attachment(site, id)
    return _download(content, found.name, "application/octet-stream")


@router.delete("/files/{id}", status_code=204, **WRITES)
def remove_file(context: ContextDep, site: SiteId, id: Number) -> None:
    """Take a file away."""
    context.records.remove_attachment(site, id)


@router.get("/record-coverage", response_model=CompletenessOut)
def record_coverage(context: ContextDep, site: SiteId) -> Any:
    """How complete the records are today, by kind and room, what is missing of each, and the targets."""
    found = context.records.completeness(site)
    return {
        "total": found.total,
        "kinds": found.kinds,
        "rooms": {room or "": counts for room, counts in found.rooms.items()},
        "missing": found.missing,
        "unrecorded": found.unrecorded,
        "targets": [one for one in context.records.targets(site) if one.indicator == "record_coverage"],
    }


@router.get("/register/export", response_class=Response, responses=_file(XLSX), dependencies=[EXPORT_TURN])
def export_register(context: ContextDep, site: SiteId) -> Response:
    """The whole register as an Excel workbook that the import reads back."""
    return _download(context.records.export_register(site), f"register-{site}.xlsx", XLSX)


@router.post("/register/import", response_model=RegisterFileOut, openapi_extra=_BYTES, **WRITES)
def import_register(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    content: Body,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = True,
) -> Any:
    """Add and change what an Excel or CSV file of at most 10 MB, sent as the body, holds: all of it or nothing."""
    return context.records.import_register(site, content, person.name, dry_run)


@router.post(
    "/register/template",
    response_class=Response,
    openapi_extra=_BYTES,
    dependencies=WRITES["dependencies"],
    responses={**WRITES["responses"], **_file(XLSX)},
)
def fill_template(context: ContextDep, site: SiteId, content: Body, room: OneRoom = None) -> Response:
    """An authority's own Excel template, sent as the body, filled with the pieces in use."""
    return _download(context.records.fill_template(site, content, room), f"template-{site}.xlsx", XLSX)


@router.get("/register/labels", response_class=Response, responses=_file("application/pdf"))
def register_labels(
    context: ContextDep,
    site: SiteId,
    room: OneRoom = None,
    skip: Annotated[int, Query(ge=0, le=23, description="Empty places of the first page")] = 0,
) -> Response:
    """A PDF of QR labels to print on A4, 24 a page."""
    school = context.records.site(site).name
    found = [Label(one.code, one.name, school) for one in context.records.equipment_records(site, room=room)]
    return _download(sheet(found, skip), f"labels-{room or site}.pdf", "application/pdf")


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=media, headers=headers)

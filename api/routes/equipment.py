"""The register of equipment: records, their history and files, completeness, Excel, labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.context import ContextDep, Id, SiteId
from api.problems import PROBLEMS, ProblemError
from api.register_models import (
    CompletenessOut,
    EquipmentChanges,
    EquipmentNew,
    EquipmentOut,
    EquipmentPage,
    FileOut,
    RecordChangePage,
    RegisterFileOut,
)
from api.rights import PLACES, REGISTER
from api.security import PersonDep, has
from campus.labels import Label, sheet
from campus.records.register import Conflict

router = APIRouter(prefix="/sites/{site}", tags=["equipment"], dependencies=[Depends(has(PLACES))])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRITES: dict[str, Any] = {"dependencies": [Depends(has(REGISTER))], "responses": {409: PROBLEMS[503]}}
_BYTES = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}

Limit = Annotated[int, Query(ge=1, le=500)]
Number = Annotated[int, Path(ge=1, lt=2**31)]
Before = Annotated[int | None, Query(ge=1, lt=2**31, description="`next` of the page before")]
EquipmentId = Annotated[Id, Path(examples=["projector-a101"])]


@contextmanager
def conflicts() -> Iterator[None]:
    """What is not in the state for it is answered 409."""
    try:
        yield
    except Conflict as error:
        raise ProblemError(409, str(error)) from error


def page(found: list[Any], limit: int, key: str) -> dict[str, Any]:
    """A page of what was asked for with one more than `limit`."""
    items = found[:limit]
    return {"items": items, "next": getattr(items[-1], key) if len(found) > limit else None}


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


@router.get("/equipment", response_model=EquipmentPage)
def equipment(
    context: ContextDep,
    site: SiteId,
    room: Id | None = None,
    kind: Id | None = None,
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None,
    subject_group: Id | None = None,
    retired: Annotated[bool | None, Query(description="Only what is retired")] = False,
    after: Annotated[Id | None, Query(description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Any:
    """The records of equipment by id; what is retired only where it is asked for."""
    found = context.records.equipment_records(
        site,
        room=room,
        kind=kind,
        condition=condition,
        subject_group=subject_group,
        retired=retired,
        after=after or "",
        limit=limit + 1,
    )
    return page(found, limit, "id")


@router.post("/equipment", status_code=201, response_model=EquipmentOut, **WRITES)
def create(context: ContextDep, person: PersonDep, site: SiteId, form: EquipmentNew) -> Any:
    """Add a piece of equipment."""
    with conflicts():
        return context.records.create_equipment(site, form.model_dump(exclude_unset=True), person.name)


@router.get("/equipment/{id}", response_model=EquipmentOut)
def one(context: ContextDep, site: SiteId, id: EquipmentId) -> Any:
    """One record."""
    return context.records.equipment_record(site, id)


@router.patch("/equipment/{id}", response_model=EquipmentOut, **WRITES)
def change(
    context: ContextDep, person: PersonDep, site: SiteId, id: EquipmentId, form: EquipmentChanges
) -> Any:
    """Change some fields, all or none; 409 where `version` is given and somebody else was faster."""
    changes = form.model_dump(exclude_unset=True, exclude={"version", "id"})
    with conflicts():
        return context.records.change_equipment(site, id, changes, person.name, form.version)


@router.get("/equipment/{id}/history", response_model=RecordChangePage)
def history(
    context: ContextDep, site: SiteId, id: EquipmentId, before: Before = None, limit: Limit = 100
) -> Any:
    """What every field was and became, who changed it and how; the newest first."""
    return page(context.records.equipment_history(site, id, before, limit + 1), limit, "number")


@router.get("/equipment/{id}/files", response_model=list[FileOut])
def files(context: ContextDep, site: SiteId, id: EquipmentId) -> Any:
    """Photos and documents of a piece, the oldest first."""
    return context.records.attachments(site, id)


@router.post("/equipment/{id}/files", status_code=201, response_model=FileOut, openapi_extra=_BYTES, **WRITES)
def attach(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    id: EquipmentId,
    content: Body,
    name: Annotated[str, Query(max_length=200)] = "file",
) -> Any:
    """Keep a JPEG, PNG or PDF of at most 10 MB, sent as the body; what it is, its content says."""
    return context.records.attach(site, id, name, content, person.name)


@router.get("/files/{id}", response_class=Response)
def file(context: ContextDep, site: SiteId, id: Number) -> Response:
    """A file, for download: never shown as a page."""
    found, content = context.records.attachment(site, id)
    return _download(content, found.name, "application/octet-stream")


@router.delete("/files/{id}", status_code=204, **WRITES)
def remove_file(context: ContextDep, site: SiteId, id: Number) -> None:
    """Take a file away."""
    context.records.remove_attachment(site, id)


@router.get("/record-coverage", response_model=CompletenessOut)
def coverage(context: ContextDep, site: SiteId) -> Any:
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


@router.get("/register/export", response_class=Response)
def export(context: ContextDep, site: SiteId) -> Response:
    """The whole register as an Excel workbook that the import reads back."""
    return _download(context.records.export_register(site), f"register-{site}.xlsx", XLSX)


@router.post("/register/import", response_model=RegisterFileOut, openapi_extra=_BYTES, **WRITES)
def import_file(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    content: Body,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = True,
) -> Any:
    """Add and change what an Excel or CSV file of at most 10 MB, sent as the body, holds: all of it or nothing."""
    return context.records.import_register(site, content, person.name, dry_run)


@router.post("/register/template", response_class=Response, openapi_extra=_BYTES, **WRITES)
def template(context: ContextDep, site: SiteId, content: Body, room: Id | None = None) -> Response:
    """An authority's own Excel template, sent as the body, filled with the pieces in use."""
    return _download(context.records.fill_template(site, content, room), f"template-{site}.xlsx", XLSX)


@router.get("/register/labels", response_class=Response)
def labels(
    context: ContextDep,
    site: SiteId,
    room: Id | None = None,
    skip: Annotated[int, Query(ge=0, le=23, description="Empty places of the first page")] = 0,
) -> Response:
    """A PDF of QR labels to print on A4, 24 a page."""
    school = context.records.site(site).name
    found = [Label(one.code, one.name, school) for one in context.records.equipment_records(site, room=room)]
    return _download(sheet(found, skip), f"labels-{room or site}.pdf", "application/pdf")


def _download(content: bytes, name: str, media: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=media, headers=headers)

"""A school's timetable or inventory from a file, sent as the body: all of it or nothing, a dry run unless told."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, Day, SiteId
from api.place_models import InventoryOut, TimetableFileOut
from api.problems import PROBLEMS, ProblemError
from api.rights import EDIT_PLACES, PLACE_BOARDS, PLACES, REGISTER, TIMETABLE, sites_of
from api.routes.equipment import Body
from api.security import PersonDep, has
from campus.records.inventory import Inventory

router = APIRouter(prefix="/sites/{site}", tags=["imports"], dependencies=[Depends(has(PLACES))])

_FILE: dict[str, Any] = {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
    "responses": {409: {**PROBLEMS[422], "description": "Conflict"}},
}
DryRun = Annotated[bool, Query(description="Only tell what would change")]
Format = Literal["fet-csv", "fet-xml", "asc-xml", "ics", "csv", "xlsx"]


@router.post(
    "/timetable/import", response_model=TimetableFileOut, dependencies=[Depends(has(TIMETABLE))], **_FILE
)
def import_timetable(
    context: ContextDep,
    site: SiteId,
    content: Body,
    start: Annotated[Day, Query(alias="from", examples=["2026-09-07"], description="First date it holds on")],
    end: Annotated[
        Day | None,
        Query(alias="to", description="First date it no longer holds on; left out: until further notice"),
    ] = None,
    session: Annotated[
        Literal["morning", "afternoon"] | None,
        Query(description="The session whose timetable it is; left out: the whole, of both"),
    ] = None,
    format: Annotated[Format | None, Query(description="Left out: what the file is")] = None,
    dry_run: DryRun = True,
) -> Any:
    """Put the timetable of a file of at most 10 MB (FET, aSc, iCalendar, Excel, CSV) in place of the stored one.

    With any wrong row nothing is written, and each is named in `problems`.
    """
    records = context.records
    read = records.read_timetable(site, content, session, start, end, format)
    changes: list[str] = []
    if not read.problems:
        changes = records.import_timetable(site, read.lessons, session, start, end, read.rows, dry_run)
    return {
        "format": read.format,
        "activities": read.activities,
        "lessons": len(read.lessons),
        "classes": len({one.school_class for one in read.lessons}),
        "changes": changes,
        "problems": read.problems,
        "notes": read.notes,
        "unplaced": read.unplaced,
    }


@router.post(
    "/inventory/import",
    response_model=InventoryOut,
    dependencies=[Depends(has(one)) for one in (EDIT_PLACES, PLACE_BOARDS, REGISTER, TIMETABLE)],
    **_FILE,
)
def import_inventory(
    context: ContextDep, person: PersonDep, site: SiteId, content: Body, dry_run: DryRun = True
) -> Any:
    """Add and change what an inventory in JSON or TOML, of at most 10 MB, says of a site.

    Types of rooms are shared by all sites: only who administers them all adds or changes one.
    """
    wanted = Inventory.read(content)
    if wanted.site.id != site:
        raise ProblemError(422, f"site.id: it is '{wanted.site.id}', and the address names '{site}'.")
    everywhere = sites_of(person, EDIT_PLACES) is None
    return {
        "changes": context.records.import_inventory(
            wanted, dry_run, person.name, keeps_room_types=not everywhere
        )
    }

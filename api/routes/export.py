"""Everything of a school as a file, resource by resource, for those who may read its list."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from api.context import ContextDep, Day, SiteId
from api.exports import Bom, made
from api.problems import PROBLEMS
from api.rates import EXPORT_TURN
from api.rights import AUDIT, FIGURES, LINKS, PEOPLE, PERIODS, PLACES, REGISTER, covers, may, require
from api.security import PersonDep
from campus.records.entities import Person
from campus.records.exporting import check_range, export
from campus.records.exporting_rows import Asked
from campus.table_files import MEDIA

router = APIRouter(prefix="/sites/{site}/export", tags=["export"], dependencies=[EXPORT_TURN])

Resource = Literal[
    "buildings", "rooms", "boards", "placements", "equipment", "lessons", "loans", "upkeep", "stocktakings",
    "stocktaking-items", "facts", "equipment-facts", "link-days", "incidents", "months", "amendments", "audit",
    "indicators", "month-figures", "people",
]  # fmt: skip
NEEDS: dict[str, tuple[str, ...]] = {
    "loans": (PLACES, REGISTER),
    "facts": (PERIODS,),
    "equipment-facts": (PERIODS,),
    "link-days": (LINKS,),
    "incidents": (LINKS,),
    "months": (FIGURES,),
    "amendments": (FIGURES,),
    "indicators": (FIGURES,),
    "month-figures": (FIGURES,),
    "audit": (AUDIT,),
    "people": (PEOPLE,),
}
"""The rights that the list of a resource asks for; PLACES for all others."""
_FILES = {
    media: {"example": "site,id,name\ndemo,a101,A101\n"} if media.startswith("text") else {}
    for media in MEDIA.values()
}


def _allowed(
    person: PersonDep, site: SiteId, resource: Annotated[Resource, Path(description="What to export")]
) -> Person:
    for right in NEEDS.get(resource, (PLACES,)):
        require(person, right, site)
    return person


@router.get(
    "/{resource}",
    response_class=Response,
    responses={200: {"description": "The file", "content": _FILES}, 429: PROBLEMS[503]},
)
def export_resource(
    context: ContextDep,
    person: Annotated[Person, Depends(_allowed)],
    site: SiteId,
    resource: Resource,
    format: Annotated[Literal["csv", "parquet", "xlsx"], Query(description="Kind of the file")] = "csv",
    start: Annotated[Day | None, Query(alias="from", description="First local date")] = None,
    end: Annotated[Day | None, Query(alias="to", description="Local date after the last")] = None,
    bom: Bom = False,
) -> Response:
    """All rows of a resource in the order of their key, with the rights and the withholding of its list.

    What has no time takes no range; `indicators`, those of the whole site, need one. A sheet holds 1,048,575 rows.
    """
    check_range(resource, start, end)
    asked = Asked(context.records.site(site), context.now(), start, end, may(person, PERIODS, site))
    return made(
        lambda file: export(
            context.records,
            resource,
            asked,
            file,
            format,
            bom=bom,
            known=lambda other: covers(person, other.grants),
        ),
        f"{resource}-{site}",
        format,
    )

"""Pages of buildings and rooms: see them, add, change and remove them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.context import Context, ContextDep, Id, SiteId
from api.manage_pages_forms import (
    DoneDep,
    TextsDep,
    again,
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
from api.rights import EDIT_PLACES, PLACES, may, require
from campus.records.entities import Building, Person, Room, Site
from dashboards.web.forms import CHOICE, DECIMAL, WHOLE, Field, Form
from dashboards.web.words import Words

router = APIRouter(prefix="/sites/{site}", include_in_schema=False)

_One = Annotated[Id, Path()]
_BUILDING = (
    Field("name", "field.building_name", required=True, hint="hint.building_name"),
    Field("floors", "field.floors", WHOLE, least=1, most=100),
    Field("built_year", "field.built_year", WHOLE, least=1800, most=2199),
    Field("area_m2", "field.area_m2", DECIMAL, most=1_000_000),
)


@router.get("/places")
def places(request: Request, context: ContextDep, person: ReaderDep, site: SiteId, done: DoneDep) -> Response:
    """The buildings of a school with their rooms, and the rooms of no building."""
    require(person, PLACES, site)
    records, school = context.records, context.records.site(site)
    rooms, buildings = records.rooms(site), records.buildings(site)
    placed: dict[str, int] = {}
    for one in records.placements(site, context.now()):
        if one.room:
            placed[one.room] = placed.get(one.room, 0) + 1
    groups = [(one, [room for room in rooms if room.building == one.id]) for one in buildings]
    return show(
        request,
        context,
        "places.html",
        person,
        site=school,
        done=done,
        groups=groups,
        others=[room for room in rooms if room.building is None],
        placed=placed,
        room_types={one.id: one for one in records.room_types()},
        edits=may(person, EDIT_PLACES, site),
    )


@router.get("/buildings/new")
def new_building(request: Request, context: ContextDep, person: ReaderDep, site: SiteId) -> Response:
    """An empty form."""
    require(person, EDIT_PLACES, site)
    return _page(request, context, person, context.records.site(site), "building", empty(_BUILDING, {}))


@router.post("/buildings/new")
def add_building(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId
) -> Response:
    """Add a building; its id is made of its name."""
    require(person, EDIT_PLACES, site)
    records, school = context.records, context.records.site(site)
    words = words_of(request, context, person)
    values, form = sent(words, _BUILDING, texts)

    def create(id: str) -> Building:
        return records.create_building(site, {**values, "id": id}, person.name)

    def write() -> Building:
        taken = [one.id for one in records.buildings(site)]
        return with_new_id(values["name"], taken, create, "building")

    made, form, status = attempt_new(request, person, words, form, write)
    if made is None:
        return _page(request, context, person, school, "building", form, status=status)
    return gone_on(f"/sites/{site}/places", "added")


@router.get("/buildings/{id}")
def building(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, id: _One, done: DoneDep
) -> Response:
    """One building, to be changed."""
    require(person, EDIT_PLACES, site)
    school, found = context.records.site(site), context.records.building(site, id)
    form = of_record(words_of(request, context, person), _BUILDING, found)
    return _page(request, context, person, school, "building", form, found, done=done)


@router.post("/buildings/{id}")
def change_building(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, id: _One
) -> Response:
    """Change a building, or with `remove` take it out of the records."""
    require(person, EDIT_PLACES, site)
    records, school = context.records, context.records.site(site)
    found, words = records.building(site, id), words_of(request, context, person)
    values, form = sent(words, [] if "remove" in texts else _BUILDING, texts)
    done = "removed" if "remove" in texts else "changed"
    form = versioned(words, form, found.version)

    def write() -> None:
        if done == "removed":
            records.remove_building(site, id, person.name, form.version)
        else:
            records.change_building(site, id, values, person.name, form.version)

    _, form, status = attempt(words, form, write, lambda: records.building(site, id))
    if status != 200:
        form = form if form.fields else again(words, _BUILDING, records.building(site, id), form)
        return _page(request, context, person, school, "building", form, found, status=status)
    return gone_on(f"/sites/{site}/places", done)


@router.get("/rooms/new")
def new_room(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    building: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """An empty form, in the building from which it was asked for."""
    require(person, EDIT_PLACES, site)
    school, words = context.records.site(site), words_of(request, context, person)
    form = empty(_room_fields(words, context, site), {"building": building})
    return _page(request, context, person, school, "room", form)


@router.post("/rooms/new")
def add_room(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId
) -> Response:
    """Add a room; its id is made of its name."""
    require(person, EDIT_PLACES, site)
    records, school = context.records, context.records.site(site)
    words = words_of(request, context, person)
    values, form = sent(words, _room_fields(words, context, site), texts)

    def create(id: str) -> Room:
        return records.create_room(site, {**values, "id": id}, person.name)

    def write() -> Room:
        return with_new_id(values["name"], [one.id for one in records.rooms(site)], create, "phong")

    made, form, status = attempt_new(request, person, words, form, write)
    if made is None:
        return _page(request, context, person, school, "room", form, status=status)
    return gone_on(f"/sites/{site}/places", "added")


@router.get("/rooms/{id}")
def room(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, id: _One, done: DoneDep
) -> Response:
    """One room, to be changed."""
    require(person, EDIT_PLACES, site)
    school, found = context.records.site(site), context.records.room(site, id)
    words = words_of(request, context, person)
    form = of_record(words, _room_fields(words, context, site), found)
    return _page(request, context, person, school, "room", form, found, done=done)


@router.post("/rooms/{id}")
def change_room(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, id: _One
) -> Response:
    """Change a room, or with `remove` take it out of the records."""
    require(person, EDIT_PLACES, site)
    records, school = context.records, context.records.site(site)
    found, words = records.room(site, id), words_of(request, context, person)
    fields = _room_fields(words, context, site)
    values, form = sent(words, [] if "remove" in texts else fields, texts)
    done = "removed" if "remove" in texts else "changed"
    form = versioned(words, form, found.version)

    def write() -> None:
        if done == "removed":
            records.remove_room(site, id, person.name, form.version)
        else:
            records.change_room(site, id, values, person.name, form.version)

    _, form, status = attempt(words, form, write, lambda: records.room(site, id))
    if status != 200:
        form = form if form.fields else again(words, fields, records.room(site, id), form)
        return _page(request, context, person, school, "room", form, found, status=status)
    return gone_on(f"/sites/{site}/places", done)


def _room_fields(words: Words, context: Context, site: str) -> Sequence[Field]:
    types = [(one.id, words.room_type(one)) for one in context.records.room_types()]
    buildings = [(one.id, one.name) for one in context.records.buildings(site)]
    return (
        Field("name", "field.room_name", required=True, hint="hint.room_name"),
        Field("room_type", "field.room_type", CHOICE, required=True, choices=types),
        Field("building", "field.building", CHOICE, choices=buildings),
        Field("floor", "field.floor", WHOLE, least=-5, most=100, hint="hint.floor"),
        Field("capacity", "field.capacity", WHOLE, least=1, most=5000, hint="hint.capacity"),
        Field("area_m2", "field.area_m2", DECIMAL, most=1_000_000),
        Field("volume_m3", "field.volume_m3", DECIMAL, most=1_000_000, hint="hint.volume_m3"),
    )


def _page(
    request: Request,
    context: Context,
    person: Person,
    school: Site,
    kind: str,
    form: Form,
    record: Building | Room | None = None,
    *,
    done: str | None = None,
    status: int = 200,
) -> Response:
    return show(
        request,
        context,
        "place_form.html",
        person,
        status,
        site=school,
        kind=kind,
        form=form,
        record=record,
        done=done,
    )

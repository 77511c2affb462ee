"""Sites, buildings, rooms, room types, equipment, classes and subject groups."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.records.entities import Building, Equipment, Room, RoomType, SchoolClass, Site, SubjectGroup
from campus.records.tables import (
    BuildingTable,
    EquipmentTable,
    RoomTable,
    RoomTypeTable,
    SchoolClassTable,
    SiteTable,
    SubjectGroupTable,
)
from campus.wire.topics import valid_id


def sites(session: Session) -> list[Site]:
    return [_site(row) for row in session.scalars(select(SiteTable).order_by(SiteTable.id))]


def site(session: Session, id: str) -> Site:
    row = session.get(SiteTable, id) if valid_id(id) else None
    if row is None:
        raise NotFound(
            f"There is no site '{shown(id)}'. Import its inventory, or choose one of the list of sites."
        )
    session.info[SiteTable, id] = row  # the session itself forgets it, and it is asked for again and again
    return _site(row)


def buildings(session: Session, site_id: str) -> list[Building]:
    site(session, site_id)
    query = select(BuildingTable).where(BuildingTable.site == site_id).order_by(BuildingTable.id)
    return [_building(row) for row in session.scalars(query)]


def building(session: Session, site_id: str, id: str) -> Building:
    row = session.get(BuildingTable, (site_id, id)) if valid_id(site_id) and valid_id(id) else None
    if row is None:
        site(session, site_id)
        raise NotFound(f"There is no building '{shown(id)}' in site '{site_id}'. Add it, or check its id.")
    return _building(row)


def rooms(session: Session, site_id: str) -> list[Room]:
    site(session, site_id)
    query = (
        select(RoomTable)
        .where(RoomTable.site == site_id)
        .order_by(RoomTable.building.nulls_last(), RoomTable.floor.nulls_last(), RoomTable.id)
    )
    return [_room(row) for row in session.scalars(query)]


def room(session: Session, site_id: str, id: str) -> Room:
    row = session.get(RoomTable, (site_id, id)) if valid_id(site_id) and valid_id(id) else None
    if row is None:
        site(session, site_id)
        raise NotFound(
            f"There is no room '{shown(id)}' in site '{site_id}'. Add it to the inventory, or check its id."
        )
    return _room(row)


def room_types(session: Session) -> list[RoomType]:
    query = select(RoomTypeTable).order_by(RoomTypeTable.id)
    return [
        RoomType(row.id, row.name_vi, row.name_en, row.in_frequency_rate) for row in session.scalars(query)
    ]


def room_type(session: Session, id: str) -> RoomType:
    row = session.get(RoomTypeTable, id) if valid_id(id) else None
    if row is None:
        raise NotFound(
            f"There is no room type '{shown(id)}'. See the list of room types for those there are."
        )
    return RoomType(row.id, row.name_vi, row.name_en, row.in_frequency_rate)


def equipment(session: Session, site_id: str) -> list[Equipment]:
    site(session, site_id)
    table = EquipmentTable
    columns = (table.site, table.id, table.name, table.kind, table.room, table.in_service_on, table.condition)
    query = select(*columns).where(table.site == site_id).order_by(table.id)
    return [Equipment(*row) for row in session.execute(query)]


def classes(session: Session, site_id: str) -> list[SchoolClass]:
    site(session, site_id)
    query = select(SchoolClassTable).where(SchoolClassTable.site == site_id).order_by(SchoolClassTable.name)
    return [SchoolClass(row.site, row.name, row.home_room, row.size) for row in session.scalars(query)]


def school_class(session: Session, site_id: str, name: str) -> SchoolClass:
    row = session.get(SchoolClassTable, (site_id, name)) if valid_id(site_id) else None
    if row is None:
        site(session, site_id)
        raise NotFound(f"There is no class '{shown(name)}' in site '{site_id}'. See its list of classes.")
    return SchoolClass(row.site, row.name, row.home_room, row.size)


def subject_groups(session: Session, site_id: str) -> list[SubjectGroup]:
    site(session, site_id)
    query = select(SubjectGroupTable).where(SubjectGroupTable.site == site_id).order_by(SubjectGroupTable.id)
    return [SubjectGroup(row.site, row.id, row.name) for row in session.scalars(query)]


def subject_group(session: Session, site_id: str, id: str) -> SubjectGroup:
    row = session.get(SubjectGroupTable, (site_id, id)) if valid_id(site_id) and valid_id(id) else None
    if row is None:
        site(session, site_id)
        raise NotFound(
            f"There is no subject group '{shown(id)}' in site '{site_id}'. See its list of subject groups."
        )
    return SubjectGroup(row.site, row.id, row.name)


def shown(id: str) -> str:
    """An id from outside as it can stand in a one-line message."""
    text = "".join(character if character.isprintable() else "?" for character in id[:64])
    return text + "..." if len(id) > 64 else text


def _site(row: SiteTable) -> Site:
    return Site(row.id, row.name, row.tz, row.level)


def _building(row: BuildingTable) -> Building:
    return Building(row.site, row.id, row.name, row.area_m2, row.built_year, row.floors, row.version)


def _room(row: RoomTable) -> Room:
    return Room(
        row.site,
        row.id,
        row.name,
        row.building,
        row.floor,
        row.room_type,
        row.capacity,
        row.volume_m3,
        row.area_m2,
        row.version,
    )

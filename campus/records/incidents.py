"""Incidents: boards of a site that were lost together, by cause, under a number that stays."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.inference.incidents import SERVER, Incident
from campus.records import places
from campus.records.derived_tables import IncidentTable
from campus.records.paging import Page, paged


class StoredIncident(NamedTuple):
    """As campus.inference.incidents.Incident, under its number and without the losses of each board."""

    number: int
    cause: str
    start_ms: int
    end_ms: int | None
    boards: tuple[str, ...]
    evidence: Mapping[str, Any]


def read(
    session: Session,
    site: str,
    start_ms: int,
    end_ms: int,
    cause: str | None = None,
    page: Page | None = None,
) -> list[StoredIncident]:
    """Those that reach into [start_ms, end_ms), by start, or a page of them; `cause`: only of this one."""
    query = (
        select(IncidentTable)
        .where(IncidentTable.site == site, IncidentTable.start_ms < end_ms, _reaches(start_ms))
        .order_by(IncidentTable.start_ms, IncidentTable.number)
    )
    if cause is not None:
        query = query.where(IncidentTable.cause == cause)
    if page is not None:
        query = paged(query, page, IncidentTable, ("number",))
    return [_stored(row) for row in session.scalars(query)]


def one(session: Session, site: str, number: int) -> StoredIncident:
    """Raises NotFound."""
    row = session.get(IncidentTable, number) if 0 < number < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(f"There is no incident {number} in site '{site}'. See its list of incidents.")
    return _stored(row)


def _stored(row: IncidentTable) -> StoredIncident:
    return StoredIncident(
        row.number, row.cause, row.start_ms, row.end_ms, tuple(row.boards), dict(row.evidence)
    )


def _reaches(since_ms: int) -> Any:
    return or_(
        IncidentTable.end_ms.is_(None), IncidentTable.end_ms > since_ms, IncidentTable.start_ms >= since_ms
    )


def store(session: Session, site: str, since_ms: int, found: Sequence[Incident], together_ms: int) -> None:
    query = select(IncidentTable).where(IncidentTable.site == site, _reaches(since_ms))
    held = list(session.scalars(query.order_by(IncidentTable.start_ms, IncidentTable.number)))
    for one, row in _matched(held, found, together_ms):
        if row is None:
            row = IncidentTable(site=site)
            session.add(row)
        new = {
            "cause": one.cause,
            "start_ms": one.start_ms,
            "end_ms": one.end_ms,
            "boards": list(one.boards),
            "evidence": dict(one.evidence),
        }
        for name, value in new.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
    for row in held:
        if row.start_ms >= since_ms:
            session.delete(row)


def _matched(
    held: list[Any], found: Sequence[Incident], together_ms: int
) -> list[tuple[Incident, Any | None]]:
    """Each with the row that is the same incident: of the same begin and first board, else of nearly that begin and
    a board of both. Rows that were matched leave `held`."""
    matched: dict[int, Any] = {}
    exact = {(row.cause == SERVER, row.start_ms, *row.boards[:1]): row for row in held}
    for number, one in enumerate(found):
        row = exact.pop((one.cause == SERVER, one.start_ms, *one.boards[:1]), None)
        if row is not None:
            matched[number] = row
    taken = {id(row) for row in matched.values()}
    held[:] = [row for row in held if id(row) not in taken]
    for number, one in enumerate(found):
        if number in matched:
            continue
        for row in held:
            near = abs(row.start_ms - one.start_ms) <= together_ms and (row.cause == SERVER) == (
                one.cause == SERVER
            )
            if near and not set(row.boards).isdisjoint(one.boards):
                matched[number] = row
                held.remove(row)
                break
    return [(one, matched.get(number)) for number, one in enumerate(found)]

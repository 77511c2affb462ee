"""What a record of equipment may be: checked against the others of its site before anything is written."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.records import places
from campus.records.inventory import EquipmentRow, first_error
from campus.records.register_tables import LoanTable
from campus.records.tables import EquipmentTable, RoomTable, SiteTable, SubjectGroupTable

MANY = 200
"""More rows than these are looked at beside all that is stored."""


class Conflict(UsageError):
    """Somebody else was faster, or the thing is not in the state for it."""


class Stale(Conflict):
    """Somebody else was faster: the thing has another version than the change was made from."""


def local_date(session: Session, site: str, at: datetime) -> date:
    """The date at a site. Raises NotFound."""
    return at.astimezone(ZoneInfo(places.site(session, site).tz)).date()


def parse(values: Mapping[str, Any]) -> EquipmentRow:
    """Raises UsageError naming the first wrong field, its value and what is allowed."""
    try:
        return EquipmentRow.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(first_error(error)) from None


def prepare(
    session: Session,
    site: str,
    rows: Sequence[EquipmentRow],
    at: datetime,
    where: Callable[[int], str] = lambda number: f"equipment[{number}].",
) -> None:
    """Check rows (of each the fields that are set) against all that is stored, and make way for item codes that move.

    Raises UsageError; `where` names the row of a number in front of its field.
    """
    stored = _others(session, site, rows)
    after = dict(stored)
    for row in rows:
        after[row.id] = {**stored.get(row.id, {}), **row.model_dump(exclude_unset=row.id in stored)}
    coded: dict[str, str] = {}
    given = {row.id for row in rows}
    for id in sorted(after, key=given.__contains__):
        code = after[id].get("item_code")
        if code is None:
            continue
        other = code if code in after and code != id else coded.setdefault(code, id)
        if other != id:
            number = next(n for n, row in enumerate(rows) if row.id in (id, other))
            raise UsageError(
                f"{where(number)}item_code: '{code}' is the code of '{other}' and of '{id}'; each has its own."
            )
    today, lent = local_date(session, site, at), lent_now(session, site)
    for number, row in enumerate(rows):
        wrong = _contradiction(after[row.id], today, lent.get(row.id, 0))
        if wrong is not None:
            raise UsageError(where(number) + wrong)
    moved = [
        row.id
        for row in rows
        if row.id in stored and stored[row.id]["item_code"] not in (None, after[row.id]["item_code"])
    ]
    for start in range(0, len(moved), 500):
        session.connection().execute(
            update(EquipmentTable)
            .where(EquipmentTable.site == site, EquipmentTable.id.in_(moved[start : start + 500]))
            .values(item_code=None)
        )


def lent_now(session: Session, site: str) -> dict[str, int]:
    """equipment -> how many of it are with borrowers."""
    query = (
        select(LoanTable.equipment, func.sum(LoanTable.quantity))
        .where(LoanTable.site == site, LoanTable.back_ms.is_(None))
        .group_by(LoanTable.equipment)
    )
    return {id: int(quantity) for id, quantity in session.execute(query)}


def lock(session: Session, site: str) -> None:
    """One writer of a site's register at a time. Raises NotFound."""
    places.site(session, site)
    session.execute(select(SiteTable.id).where(SiteTable.id == site).with_for_update())


def _others(session: Session, site: str, rows: Sequence[EquipmentRow]) -> dict[str, dict[str, Any]]:
    """What is stored of these pieces, and of those whose codes may meet theirs; of many pieces, of all."""
    table = EquipmentTable
    query = select(
        table.id, table.item_code, table.quantity, table.in_service_on, table.verified_on, table.retired_on
    ).where(table.site == site)
    if len(rows) <= MANY:
        words = {row.id for row in rows}
        words |= {row.item_code for row in rows if "item_code" in row.model_fields_set and row.item_code}
        query = query.where(or_(table.id.in_(words), table.item_code.in_(words)))
    return {row.id: dict(row._mapping) for row in session.execute(query)}


def _contradiction(values: Mapping[str, Any], today: date, lent: int) -> str | None:
    """The first of a record's fields that contradicts another, or what is so now."""
    verified, retired, since = values["verified_on"], values["retired_on"], values["in_service_on"]
    if verified is not None and verified > today:
        return f"verified_on: {verified} is in the future; a piece is verified when it was seen."
    if retired is not None and since is not None and retired < since:
        return f"retired_on: {retired} is before it was put into service, {since}."
    if retired is not None and lent:
        return f"retired_on: {lent} of it are lent; take them back first."
    if values["quantity"] < lent:
        return f"quantity: it is {values['quantity']}, and {lent} of them are lent."
    return None


def refuse_unknown(session: Session, site: str, row: EquipmentRow) -> None:
    given = row.model_fields_set
    if "room" in given and row.room is not None and session.get(RoomTable, (site, row.room)) is None:
        raise UsageError(f"room: there is no '{row.room}' in the rooms of '{site}'.")
    if (
        "subject_group" in given
        and row.subject_group is not None
        and session.get(SubjectGroupTable, (site, row.subject_group)) is None
    ):
        raise UsageError(
            f"subject_group: there is no '{row.subject_group}' in the subject groups of '{site}'."
        )

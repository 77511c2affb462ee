"""Loan slips: who has which piece, since when, for which lesson. A piece is never lent beyond its quantity."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records import places, register
from campus.records.history import RETURN
from campus.records.instants import from_ms, from_ms_or_none, to_ms
from campus.records.inventory import first_error
from campus.records.inventory_fields import Id, Instant, Label, Note, Period, RecordDate, Row, SessionName
from campus.records.paging import Page, paged
from campus.records.register import Conflict
from campus.records.register_tables import LoanTable
from campus.records.tables import EquipmentTable, SubjectGroupTable

LENT, OVERDUE, RETURNED = "lent", "overdue", "returned"
STATUSES = (LENT, OVERDUE, RETURNED)
_NOT_LENT = ("broken", "under-repair")


class LoanSlip(Row):
    """A loan as it is written down. `out_at` is now and `due_on` the day of the loan unless given.

    `used_on`, `session` and `period` say for which period it is; `used_on` is the day of the loan unless given.
    """

    equipment: Id
    borrower: Label
    quantity: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 1
    out_at: Instant | None = None
    due_on: RecordDate | None = None
    used_on: RecordDate | None = None
    session: SessionName | None = None
    period: Period | None = None
    lesson: Label | None = None
    school_class: Label | None = None
    subject_group: Id | None = None
    note: Note | None = None

    @classmethod
    def parse(cls, values: Any) -> "LoanSlip":
        """Raises UsageError naming the first wrong field."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(first_error(error)) from None


@dataclass(frozen=True, slots=True)
class Loan:
    """A slip as it is kept. `status` is one of STATUSES; overdue: not back on a later date than `due_on`."""

    number: int
    site: str
    equipment: str
    quantity: int
    borrower: str
    out_at: datetime
    due_on: date
    back_at: datetime | None
    status: Literal["lent", "overdue", "returned"]
    used_on: date | None
    session: str | None
    period: int | None
    lesson: str | None
    school_class: str | None
    subject_group: str | None
    condition_back: str | None
    note: str | None
    lent_by: str
    taken_back_by: str | None


def lend(session: Session, site: str, slip: LoanSlip, by: str, now: datetime) -> Loan:
    """Raises UsageError naming the field; Conflict where not as many are there, or the piece cannot be used."""
    register.lock(session, site)
    piece = session.get(EquipmentTable, (site, slip.equipment))
    if piece is None:
        raise UsageError(f"equipment: there is no '{slip.equipment}' in site '{site}'.")
    out_at = slip.out_at or now
    if out_at > now:
        raise UsageError(
            f"out_at: {out_at.isoformat()} is in the future; write a slip when the piece goes out."
        )
    day = register.local_date(session, site, out_at)
    due_on = slip.due_on or day
    if due_on < day:
        raise UsageError(f"due_on: {due_on} is before the loan, {day}.")
    if (slip.session is None) != (slip.period is None):
        raise UsageError("period: give session and period together, or neither.")
    if slip.subject_group and session.get(SubjectGroupTable, (site, slip.subject_group)) is None:
        raise UsageError(f"subject_group: there is no '{slip.subject_group}' in site '{site}'.")
    if piece.retired_on is not None:
        raise Conflict(f"'{piece.id}' was retired on {piece.retired_on} and is not lent any more.")
    if piece.condition in _NOT_LENT:
        raise Conflict(f"'{piece.id}' is {piece.condition} and is not lent.")
    taken = most_out(
        (one.out_ms, one.back_ms, one.quantity) for one in _of(session, site, piece.id, to_ms(out_at))
    )
    if taken + slip.quantity > piece.quantity:
        raise Conflict(
            f"quantity: {slip.quantity} of '{piece.id}' are asked for; of {piece.quantity}, {taken} are lent."
        )
    values = slip.model_dump(exclude={"out_at", "due_on", "used_on"}) | {
        "site": site,
        "out_ms": to_ms(out_at),
        "due_on": due_on,
        "used_on": slip.used_on or day,
        "lent_by": by[:120],
    }
    number = session.connection().execute(insert(LoanTable).values(values)).inserted_primary_key
    return one(session, site, number[0] if number else 0, now)


def give_back(
    session: Session,
    site: str,
    number: int,
    by: str,
    now: datetime,
    *,
    at: datetime | None = None,
    condition: str | None = None,
    note: str | None = None,
) -> Loan:
    """Take a whole loan back; a `condition` becomes that of the piece. Raises Conflict if it is back already."""
    register.lock(session, site)
    row = _row(session, site, number)
    if row.back_ms is not None:
        raise Conflict(f"Loan {number} is back already, since {from_ms(row.back_ms).isoformat()}.")
    back_ms = to_ms(at or now)
    if not row.out_ms <= back_ms <= to_ms(now):
        raise UsageError(
            f"back_at: {from_ms(back_ms).isoformat()} is not between the loan, "
            f"{from_ms(row.out_ms).isoformat()}, and now."
        )
    if condition is not None:
        register.change(session, site, row.equipment, {"condition": condition}, by, now, how=RETURN)
    row.back_ms, row.condition_back, row.taken_back_by = back_ms, condition, by[:120]
    if note is not None:
        told = LoanSlip.parse({"equipment": row.equipment, "borrower": row.borrower, "note": note}).note
        row.note = f"{row.note}\n{told}"[:500] if row.note else told
    session.flush()
    return one(session, site, number, now)


def one(session: Session, site: str, number: int, now: datetime) -> Loan:
    """Raises NotFound."""
    return _loan(_row(session, site, number), register.local_date(session, site, now))


def listed(
    session: Session,
    site: str,
    now: datetime,
    *,
    equipment: str | None = None,
    status: str | None = None,
    start: date | None = None,
    end: date | None = None,
    subject_group: str | None = None,
    page: Page | None = None,
) -> list[Loan]:
    """The newest slips first, or a page. `status`: LENT with what is overdue; used on the local dates [start, end)."""
    if status is not None and status not in STATUSES:
        raise UsageError(f"status: '{places.shown(status)}' is not one of {', '.join(STATUSES)}.")
    today = register.local_date(session, site, now)
    table = LoanTable
    query = select(table).where(table.site == site).order_by(table.number.desc())
    if equipment is not None:
        query = query.where(table.equipment == equipment)
    if status is not None:
        query = query.where(table.back_ms.is_not(None) if status == RETURNED else table.back_ms.is_(None))
    if status == OVERDUE:
        query = query.where(table.due_on < today)
    if start is not None:
        query = query.where(table.used_on >= start)
    if end is not None:
        query = query.where(table.used_on < end)
    if subject_group is not None:
        query = query.where(table.subject_group == subject_group)
    if page is not None:
        query = paged(query, page, table, ("number",), {"out_at": "out_ms", "back_at": "back_ms"})
    return [_loan(row, today) for row in session.scalars(query)]


def most_out(spans: Iterable[tuple[int, int | None, int]]) -> int:
    """The most that is out at one instant, of (out_ms, back_ms, quantity) over [out_ms, back_ms), None without end."""
    steps: list[tuple[int, int]] = []
    for out_ms, back_ms, quantity in spans:
        if back_ms is None or back_ms > out_ms:
            steps.append((out_ms, quantity))
            if back_ms is not None:
                steps.append((back_ms, -quantity))
    most = out = 0
    for _, quantity in sorted(steps):  # at one instant what comes back is counted first
        out += quantity
        most = max(most, out)
    return most


def _of(session: Session, site: str, equipment: str, since_ms: int) -> list[LoanTable]:
    """Loans of a piece that reach past an instant; the new one goes on from there without an end."""
    table = LoanTable
    query = select(table).where(
        table.site == site,
        table.equipment == equipment,
        or_(table.back_ms.is_(None), table.back_ms > since_ms),
    )
    return list(session.scalars(query))


def _row(session: Session, site: str, number: int) -> LoanTable:
    row = session.get(LoanTable, number) if 0 < number < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(f"There is no loan {number} in site '{site}'.")
    return row


def _loan(row: LoanTable, today: date) -> Loan:
    status: Literal["lent", "overdue", "returned"] = "returned"
    if row.back_ms is None:
        status = "overdue" if row.due_on < today else "lent"
    return Loan(
        row.number,
        row.site,
        row.equipment,
        row.quantity,
        row.borrower,
        from_ms(row.out_ms),
        row.due_on,
        from_ms_or_none(row.back_ms),
        status,
        row.used_on,
        row.session,
        row.period,
        row.lesson,
        row.school_class,
        row.subject_group,
        row.condition_back,
        row.note,
        row.lent_by,
        row.taken_back_by,
    )

"""The part of `Records` about what is done with equipment: loans, upkeep, stocktaking, declared and measured use."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from campus.indicators.sums import EquipmentSums
from campus.indicators.upkeep import UpkeepSums
from campus.inference import EQUIPMENT
from campus.records import (
    audit,
    declared,
    equipped,
    facts,
    goals,
    loans,
    ranges,
    register,
    stocktaking,
    upkeep,
)
from campus.records.database import Database
from campus.records.declared import Attainment, Use
from campus.records.instants import to_ms
from campus.records.loans import Loan, LoanSlip
from campus.records.paging import Page
from campus.records.stocktaking import StockItem, Stocktaking
from campus.records.upkeep import Upkeep, UpkeepClosing, UpkeepOpening


class HandledRecords:
    """Every method is one transaction. `by` is the name of the person who does it, kept beside what is done.

    Raises NotFound, UsageError naming the field that is wrong, and register.Conflict where the thing is not in the
    state for it. Lists are the newest first, or one `page` of them.
    """

    _database: Database
    _now: Callable[[], datetime]

    # loans

    def lend(self, site: str, slip: Mapping[str, Any], by: str) -> Loan:
        """Write a loan slip, fields of loans.LoanSlip. Raises Conflict where not as many are there."""
        with self._database.write() as session:
            made = loans.lend(session, site, LoanSlip.parse(dict(slip)), by, self._now())
            told = {"number": made.number, "quantity": made.quantity}  # who borrowed is not for all who audit
            self._done(session, "equipment.lent", site, made.equipment, told)
        return made

    def give_back(
        self,
        site: str,
        number: int,
        by: str,
        *,
        at: datetime | None = None,
        condition: str | None = None,
        note: str | None = None,
    ) -> Loan:
        """Take a whole loan back; a `condition` becomes that of the piece."""
        with self._database.write() as session:
            made = loans.give_back(
                session, site, number, by, self._now(), at=at, condition=condition, note=note
            )
            self._done(session, "equipment.returned", site, made.equipment, {"number": number})
        return made

    def loan(self, site: str, number: int) -> Loan:
        with self._database.read() as session:
            return loans.one(session, site, number, self._now())

    def loans(
        self,
        site: str,
        *,
        equipment: str | None = None,
        status: str | None = None,
        start: date | None = None,
        end: date | None = None,
        subject_group: str | None = None,
        page: Page | None = None,
    ) -> list[Loan]:
        """`status` is one of loans.STATUSES, `lent` with what is overdue; used on the local dates [start, end)."""
        with self._database.read() as session:
            return loans.listed(
                session,
                site,
                self._now(),
                equipment=equipment,
                status=status,
                start=start,
                end=end,
                subject_group=subject_group,
                page=page,
            )

    def declared_use(self, site: str, start: date, end: date) -> Use:
        """Uses of equipment in lessons over [start, end): by loan slips against what was measured."""
        with self._database.read() as session:
            held = loans.listed(session, site, self._now(), start=start, end=end)
            days = {(loan.equipment, loan.used_on) for loan in held if loan.used_on is not None}
            measured = facts.of_lessons(session, site, days)
            sums = ranges.read(session, EquipmentSums, EQUIPMENT, site, start, end, fields=("periods_used",))
            return declared.use(held, measured, sum(one.periods_used for one in sums.values()))

    def quota_attainments(self, site: str) -> list[Attainment]:
        """Each of the site's quotas of lessons with equipment, and the lessons there were so far."""
        with self._database.read() as session:
            return equipped.attainments(session, site, goals.quotas(session, site))

    # upkeep

    def begin_upkeep(self, site: str, equipment: str, opening: Mapping[str, Any], by: str) -> Upkeep:
        """Note maintenance or an incident, fields of upkeep.UpkeepOpening."""
        with self._database.write() as session:
            made = upkeep.begin(
                session, site, equipment, upkeep.parse(UpkeepOpening, dict(opening)), by, self._now()
            )
            told = {"number": made.number, "kind": made.kind, "symptom": made.symptom}
            self._done(session, "upkeep.begun", site, equipment, told)
        return made

    def end_upkeep(self, site: str, number: int, closing: Mapping[str, Any], by: str) -> Upkeep:
        """Close it with its cause and cost, fields of upkeep.UpkeepClosing."""
        with self._database.write() as session:
            made = upkeep.end(
                session, site, number, upkeep.parse(UpkeepClosing, dict(closing)), by, self._now()
            )
            told = {"number": number, "cause": made.cause, "cost_vnd": made.cost_vnd}
            self._done(session, "upkeep.ended", site, made.equipment, told)
        return made

    def upkeep(
        self,
        site: str,
        *,
        equipment: str | None = None,
        kind: str | None = None,
        is_open: bool | None = None,
        page: Page | None = None,
    ) -> list[Upkeep]:
        with self._database.read() as session:
            return upkeep.listed(session, site, equipment=equipment, kind=kind, is_open=is_open, page=page)

    def one_upkeep(self, site: str, number: int) -> Upkeep:
        with self._database.read() as session:
            return upkeep.one(session, site, number)

    def upkeep_sums(
        self, site: str, start: date, end: date, ids: Iterable[str] | None = None
    ) -> dict[str, UpkeepSums]:
        """equipment -> sums over the local dates [start, end), up to now; of pieces with a date in service."""
        with self._database.read() as session:
            return upkeep.summed(session, site, start, end, ids, self._now())

    # stocktaking

    def begin_stocktaking(self, site: str, room: str, by: str) -> Stocktaking:
        """Expect what is recorded in the room. Raises Conflict while one of the room is open."""
        with self._database.write() as session:
            made = stocktaking.begin(session, site, room, by, self._now())
            self._done(session, "stocktaking.begun", site, room, {"number": made.number}, "room")
        return made

    def scan(
        self,
        site: str,
        number: int,
        code: str,
        by: str,
        condition: str | None = None,
        counted: int | None = None,
    ) -> StockItem:
        """Note that a label was seen in the room of a stocktaking; the same again tells anew."""
        with self._database.write() as session:
            return stocktaking.scan(session, site, number, code, by, self._now(), condition, counted)

    def close_stocktaking(self, site: str, number: int, by: str, move: bool = False) -> Stocktaking:
        """Set `verified_on` and condition of what was found; `move`: what was unexpected belongs to this room now."""
        with self._database.write() as session:
            made = stocktaking.close(session, site, number, by, self._now(), move)
            told = {"number": number, "moved": move} | {
                state: len(made.of(state)) for state in stocktaking.STATES
            }
            self._done(session, "stocktaking.closed", site, made.room, told, "room")
        return made

    def stocktaking(self, site: str, number: int) -> Stocktaking:
        """With its difference report."""
        with self._database.read() as session:
            return stocktaking.one(session, site, number)

    def stocktakings(
        self,
        site: str,
        room: str | None = None,
        *,
        is_open: bool | None = None,
        page: Page | None = None,
    ) -> list[Stocktaking]:
        """Without their items: `stocktaking` has them."""
        with self._database.read() as session:
            return stocktaking.listed(session, site, room, is_open, page)

    def _done(
        self, session: Session, what: str, site: str, id: str, after: Any, kind: str = register.KIND
    ) -> None:
        audit.note(session, to_ms(self._now()), what, kind, id, None, after, site)

"""What electricity costs at a site, as data: replaced as a whole, as the parts of the calendar are."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.indicators.tariff import Tariff
from campus.records.derived_tables import TariffTable


def read(session: Session, site: str) -> list[Tariff]:
    query = select(TariffTable).where(TariffTable.site == site).order_by(TariffTable.valid_from)
    return [Tariff(row.valid_from, row.vnd_per_kwh) for row in session.scalars(query)]


def replace(session: Session, site: str, given: Sequence[Tariff]) -> list[str]:
    """Store these in place of the stored ones; one line per change. Raises UsageError for a date given twice."""
    dates = [one.valid_from for one in given]
    for row, day in enumerate(dates):
        if day in dates[:row]:
            raise UsageError(
                f"tariffs[{row}].from: {day} is already tariffs[{dates.index(day)}]; remove one."
            )
    before, after = read(session, site), sorted(given, key=lambda one: one.valid_from)
    if before == after:
        return []
    session.execute(delete(TariffTable).where(TariffTable.site == site))
    if after:
        rows = [{"site": site, "valid_from": one.valid_from, "vnd_per_kwh": one.vnd_per_kwh} for one in after]
        session.connection().execute(insert(TariffTable), rows)
    gone = [f"remove from tariffs: {_told(one)}" for one in before if one not in after]
    return gone + [f"add to tariffs: {_told(one)}" for one in after if one not in before]


def _told(one: Tariff) -> str:
    return f"{one.vnd_per_kwh:g} VND per kWh from {one.valid_from}"

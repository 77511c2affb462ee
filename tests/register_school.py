"""A school with some equipment, for the tests of the register."""

from datetime import UTC, date, datetime, timedelta

from records_stores import SITE, example

from campus.records import open_records
from campus.records.inventory import Inventory

NOW = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)  # 09:30 on a Wednesday at the school
TODAY = date(2026, 11, 18)
PROJECTOR = "projector-a101"


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: int) -> datetime:
        self.now += timedelta(**span)
        return self.now


def document() -> dict:
    """The documented example with a second room, a set of 10 and a piece whose record is complete."""
    made = example()
    made["rooms"].append({"id": "a102", "name": "Phòng 102", "room_type": "classroom", "area_m2": 54.5})
    made["equipment"] += [
        {"id": "set-1", "name": "Bộ thí nghiệm", "kind": "lab-set", "quantity": 10, "unit": "bộ"},
        {
            "id": "tv-1",
            "name": "Ti vi",
            "kind": "tv",
            "room": "a102",
            "in_service_on": "2025-01-01",
            "condition": "good",
            "item_code": "TV.01/2025",
            "verified_on": "2026-05-01",
            "price_vnd": 12_500_000,
        },
    ]
    return made


def school(folder, url="sqlite", clock=None):
    """The records of it, opened."""
    records = open_records(url, folder, now=clock or Clock())
    records.import_inventory(Inventory.parse(document()), by="Cô Lan")
    return records


__all__ = ["NOW", "PROJECTOR", "SITE", "TODAY", "Clock", "document", "school"]

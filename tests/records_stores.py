"""Records over both databases, and the example of docs/records.md to fill them with."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campus.records import Records, open_records
from campus.records.inventory import Inventory

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
SITE, ROOM, BOARD = "thcs-hoa-binh", "a101", "esp32-7c9ebd01"
DOCS = Path(__file__).parent.parent / "docs" / "records.md"


def url_of(request) -> str:
    """The records URL of the database that a fixture's parameter names; its own, empty one."""
    if request.param == "sqlite":
        return "sqlite"
    return request.getfixturevalue("postgresql").database()


@contextmanager
def opened(request, tmp_path, **options) -> Iterator[Records]:
    with open_records(url_of(request), tmp_path, **options) as records:
        yield records


def example_text() -> str:
    found = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    assert found, "docs/records.md has no TOML example"
    return found[1]


def example() -> dict:
    """The documented inventory as a document of plain values, a new one at each call."""
    return tomllib.loads(example_text())


def year() -> dict:
    """The second document of docs/records.md: a calendar with everything, a new one at each call."""
    return tomllib.loads(re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)[1])


def changed(path: str, value) -> dict:
    """The example with one field changed; `path` like rooms.0.capacity."""
    document = example()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    target = document
    for part in parents:
        target = target[part]
    if isinstance(target, list) and last == len(target):
        target.append(value)
    else:
        target[last] = value
    return document


def fill(records: Records, rooms: int = 1) -> None:
    """Import the example, with `rooms` rooms: a101, a102, ..."""
    document = example()
    document["rooms"] += [
        {"id": f"a{101 + number}", "name": f"Phòng {101 + number}", "room_type": "classroom"}
        for number in range(1, rooms)
    ]
    records.import_inventory(Inventory.parse(document))

"""Reading an inventory file: what is wrong is named, in one line, before anything is opened."""

import json

import pytest
from records_stores import changed, example

from campus.errors import UsageError
from campus.records.inventory import Inventory


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("rooms.0.capacity", -1, "rooms[0].capacity: input should be greater than or equal to 1 (it is -1)"),
        ("rooms.0.capacity", "many", "rooms[0].capacity: input should be a valid integer (it is 'many')"),
        ("rooms.0.id", "A 101", "rooms[0].id: an id is 1 to 64 of a-z"),
        ("rooms.0.id", "a" * 10_000, "rooms[0].id: an id is 1 to 64 of a-z"),
        ("rooms.0.id", "a'; DROP TABLE room;--", "rooms[0].id: an id is 1 to 64 of a-z"),
        ("rooms.0.name", "Phòng\n101", "rooms[0].name: control characters are not allowed"),
        ("rooms.0.colour", "red", "rooms[0].colour: extra inputs are not permitted"),
        ("boards.0.id", "room", "boards[0].id: an id is"),
        ("site.tz", "Asia/Hanoi", "site.tz: not a known IANA time zone"),
        ("site.tz", "../../etc/passwd", "site.tz: not a known IANA time zone"),
        ("bells.0.start", "7h", "bells[0].start: write a time of day as HH:MM (it is '7h')"),
        ("bells.0.weekday", 8, "bells[0].weekday[0]: input should be less than or equal to 7"),
        ("placements.0.from", 1757000000, "placements[0].from: write a date as YYYY-MM-DD"),
        ("terms.0.start", "05/09/2026", "terms[0].start: input should be a valid date"),
        ("equipment.0.condition", "new", "equipment[0].condition: input should be 'good'"),
    ],
)
def test_a_bad_field_is_named_with_its_value(path, value, expected):
    """The message is one short line: field, what is allowed, value."""
    with pytest.raises(UsageError) as caught:
        Inventory.parse(changed(path, value), "school.toml")
    message = str(caught.value)
    assert message.startswith(f"school.toml: {expected}")
    assert len(message) < 300 and "\n" not in message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("school.json", "{", "not valid json"),
        ("school.toml", "[site", "not valid toml"),
        ("school.json", "[1]", "must be an object"),
        ("school.json", "[" * 100_000, "nested too deeply"),
        ("school.json", b"\xff\xfe", "not valid json"),
        ("school.json", "{}", "site: field required"),
    ],
)
def test_a_file_that_is_no_inventory_is_refused(tmp_path, name, content, expected):
    """Broken files are one sentence with the path."""
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=expected) as caught:
        Inventory.load(file)
    assert name in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    """A path that is not there is one sentence."""
    with pytest.raises(UsageError, match="No such file"):
        Inventory.load(tmp_path / "none.json")


def test_json_is_read_like_toml(tmp_path):
    """The same document as JSON, its dates as text, is the same inventory."""
    file = tmp_path / "school.json"
    file.write_text(json.dumps(example(), default=str), encoding="utf-8")
    assert Inventory.load(file) == Inventory.parse(example())

"""One message from the sensor to the page, function by function, as docs/one-message.md tells it. No broker."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.context import Context
from campus.inference import OCCUPIED
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import decode_committed
from campus.wire.topics import board_topic
from collector.messages import Message
from collector.pipeline import Pipeline
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.sampling import Sampler
from firmware.board.sensors import create
from simulator.live import BoardConfig, Broker

SITE, ROOM, BOARD = "school", "a-101", "esp32-1"
DOCUMENT = Path(__file__).parents[1] / "docs" / "one-message.md"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE_MS = 60_000


class Pin:
    """A motion sensor's pin; `seen` is what it shows."""

    IN, IRQ_RISING = 0, 1
    seen = 0

    def __init__(self, number: int, mode: int) -> None:
        del number, mode

    def irq(self, handler, trigger) -> None:
        del handler, trigger

    def value(self) -> int:
        return Pin.seen


class Clock:
    """The time of the whole story."""

    ms = int(MONDAY.timestamp() * 1000)

    def now_ms(self) -> int:
        return self.ms

    def quality(self) -> str:
        return "ntp"


class Wire:
    """In place of an MQTT session: what a board publishes, and the retained flag."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def publish(self, leaf: str, payload: bytes, retain: bool = False) -> None:
        del retain
        self.sent.append((leaf, payload))


@pytest.fixture
def school(tmp_path: Path):
    """A school of one room with a lesson on Monday morning, and the stores of a collector."""
    with open_records("sqlite", tmp_path) as records:
        records.import_inventory(
            Inventory.parse(
                {
                    "site": {"id": SITE, "name": "School", "tz": "UTC"},
                    "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
                    "rooms": [{"id": ROOM, "name": "A101", "room_type": "classroom"}],
                    "boards": [{"id": BOARD}],
                    "placements": [{"board": BOARD, "room": ROOM, "from": "2026-09-01"}],
                    "classes": [{"name": "6A", "home_room": ROOM}],
                    "terms": [{"name": "I", "start": "2026-09-01", "end": "2027-01-16"}],
                    "bells": [
                        {"weekday": 1, "session": "morning", "period": 1, "start": "07:00", "end": "07:45"}
                    ],
                    "lessons": [
                        {
                            "room": ROOM,
                            "weekday": 1,
                            "session": "morning",
                            "period": 1,
                            "school_class": "6A",
                            "subject": "Toán",
                            "from": "2026-09-01",
                        }
                    ],
                }
            )
        )
        telemetry = open_telemetry("duckdb", tmp_path)
        yield SimpleNamespace(folder=tmp_path, records=records, telemetry=telemetry)
        telemetry.close()


def test_one_message_from_sensor_to_page(school):
    """Ten functions, in their order; what comes out at the end is what the sensor saw."""
    clock, wire = Clock(), Wire()
    clock.ms = int(MONDAY.replace(hour=6, minute=30).timestamp() * 1000)

    # 1 sensor read(), 2 board sample(), 3 wire encode(), 4 link send()
    sensor = create("pir", {"pin": 27}, SimpleNamespace(Pin=Pin))
    sampler = Sampler([sensor], clock)
    outbox = Outbox("0123456789abcdef", 256)
    config = BoardConfig(SITE, BOARD, Broker("", 1883, None, None))
    link = Link(config, outbox, clock, birth=lambda: b"")
    link._session = wire  # the one thing replaced: the network

    async def measure() -> None:
        for minute in range(90):
            Pin.seen = 1 if 30 <= minute < 75 else 0  # somebody is there from 07:00 to 07:45
            outbox.add(await sampler.sample(force=True))
            clock.ms += MINUTE_MS
        while (message := outbox.message()) is not None:
            await link.send(message)

    Pin.seen = 1
    assert asyncio.run(sensor.read()) == {"motion": 1}
    asyncio.run(measure())
    assert outbox.depth == 90, "sending frees nothing"

    # 5 collector on_message(), 6 journal append() and only then acknowledge, 7 readings(), 8 telemetry write()
    order: list[str] = []
    told: list[bytes] = []
    pipeline = Pipeline(
        school.folder,
        school.records,
        school.telemetry,
        Live(),
        clock_ms=lambda: clock.ms,
        acknowledge=lambda tickets: order.append(f"acknowledge {len(tickets)}"),
        publish=lambda topic, payload: told.append(payload),
    )
    append = pipeline.journal.append
    pipeline.journal.append = lambda *batch: (order.append("append"), append(*batch))[1]  # type: ignore[method-assign]
    for number, (leaf, payload) in enumerate(wire.sent):
        assert pipeline.collector.on_message(
            Message(board_topic(SITE, BOARD, leaf), payload, clock.ms, False, number)
        )
    pipeline.pump()
    assert order == ["append", f"acknowledge {len(wire.sent)}"]
    committed = decode_committed(told[-1])
    assert outbox.committed(committed.boot, committed.seq, committed.also) == 90
    assert outbox.depth == 0
    (key,) = school.telemetry.series(SITE)
    stored = school.telemetry.read([key], 0, clock.ms)[key]
    assert [value for _, value, _ in stored] == [0.0] * 30 + [1.0] * 45 + [0.0] * 15

    # 9 inference intervals(), 10 indicators facts()
    clock.ms += 30 * MINUTE_MS
    pipeline.derive()
    pipeline.close()
    spans = school.records.intervals(SITE, ROOM, 0, clock.ms)
    assert sum(one.end_ms - one.start_ms for one in spans if one.state == OCCUPIED) // MINUTE_MS in range(
        43, 50
    )

    # route → JSON
    context = Context(
        records=school.records,
        telemetry=school.telemetry,
        live=Live(),
        health=lambda: {"ready": True, "reasons": []},
        now=lambda: datetime.fromtimestamp(clock.ms / 1000, UTC),
        local_token="token",
    )
    client = TestClient(
        create_app(context), base_url="http://127.0.0.1", headers={"Authorization": "Bearer token"}
    )
    answer = client.get(
        f"/api/v1/sites/{SITE}/facts", params={"from": "2026-11-23", "to": "2026-11-24", "room": ROOM}
    )
    (lesson,) = [fact for fact in answer.json()["items"] if fact["kind"] == "lesson"]
    assert (lesson["outcome"], lesson["school_class"]) == ("held", "6A")
    page = client.get(f"/rooms/{SITE}/{ROOM}")
    assert page.status_code == 200, page.text[:500]


def test_the_document_names_functions_that_exist():
    """Each hop of docs/one-message.md is a file and a function in it, in the order of the story."""
    hops = re.findall(r"^\d+\. `([\w/.]+)` · `(\w+)\(", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    names = [
        "read",
        "sample",
        "encode",
        "send",
        "on_message",
        "append",
        "readings",
        "write",
        "intervals",
        "facts",
        "facts",
    ]
    assert [name for _, name in hops] == names
    for file, name in hops:
        assert re.search(
            rf"^\s*(async )?def {name}\(", (DOCUMENT.parents[1] / file).read_text(encoding="utf-8"), re.M
        ), file


def test_the_documents_example_is_a_real_message():
    """The payload that the document shows decodes."""
    from campus.wire.telemetry import decode

    shown = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert decode(json.dumps(json.loads(shown[1])).encode()).columns

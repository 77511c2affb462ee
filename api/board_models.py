"""What the API answers about boards and where they were placed."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from api.models import example


class ReportedOut(BaseModel):
    """What a board made of the configuration of revision `rev`; not `ok`: why it refused or left it."""

    model_config = example(rev=3, ok=True, errors=[], received_at="2026-11-20T01:00:00Z")

    rev: int
    ok: bool
    errors: list[str]
    received_at: datetime


class LastReplyOut(BaseModel):
    """A board's latest answer to a command; `code` and `message` say what was wrong."""

    model_config = example(
        id="op-9f3a61c2", ok=True, code=None, message=None, received_at="2026-11-20T01:00:00Z"
    )

    id: str
    ok: bool
    code: str | None
    message: str | None
    received_at: datetime


class BoardOut(BaseModel):
    """A board. `room` None with `assigned` False: heard, and placed nowhere yet.

    `access_point`: the address of the access point the board is joined to. `notes`: what it went through, in codes
    (docs/remote.md). People write `name` and `note`; `version` rises with these and with its placements.
    """

    model_config = example(
        site="demo",
        id="b-a101",
        room="a101",
        assigned=True,
        availability="online",
        firmware="1.0.0",
        firmware_since="2026-11-01T00:00:00Z",
        hardware="esp32-s3",
        reset_cause="power",
        access_point="a0b1c2d3e4f5",
        notes=[],
        reported={"rev": 3, "ok": True, "errors": [], "received_at": "2026-11-20T01:00:00Z"},
        last_reply=None,
        points={"co2_ppm": {"unit": "ppm", "max_interval_ms": 60000}},
        first_seen="2026-11-01T00:00:00Z",
        last_seen="2026-11-23T03:15:00Z",
        name="Bảng phòng 101",
        note=None,
        version=1,
    )

    site: str
    id: str
    room: str | None
    assigned: bool
    availability: str
    firmware: str | None
    firmware_since: datetime | None
    hardware: str | None
    reset_cause: str | None
    access_point: str | None
    notes: list[str]
    reported: ReportedOut | None
    last_reply: LastReplyOut | None
    points: dict[str, Any]
    first_seen: datetime | None
    last_seen: datetime | None
    name: str | None
    note: str | None
    version: int


class PlacementOut(BaseModel):
    """Over [valid_from, valid_to) a board was in a room, or its channel on a piece of equipment; null: it still is.

    Exactly one of `room` and `equipment` is given, and `channel` only with `equipment`.
    """

    model_config = example(
        id=12,
        board="b-a101",
        room="a101",
        channel=None,
        equipment=None,
        valid_from="2026-11-01T00:00:00Z",
        valid_to=None,
    )

    id: int
    board: str
    room: str | None
    channel: int | None
    equipment: str | None
    valid_from: datetime
    valid_to: datetime | None

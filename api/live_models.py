"""What the API answers about what is true now."""

from typing import Literal

from pydantic import BaseModel, Field

from api.models import example


class IntervalOut(BaseModel):
    """Half-open [start_ms, end_ms) in which a room was in one state."""

    model_config = example(start_ms=1795392000000, end_ms=1795394700000, state="occupied")

    start_ms: int
    end_ms: int
    state: Literal["occupied", "vacant", "unknown"]


class RoomStateOut(BaseModel):
    """What a room is like now; `presence` null = not measured."""

    model_config = example(
        site="demo",
        room="a101",
        presence=True,
        since_ms=1795392060000,
        motion_at_ms=1795394640000,
        updated_at_ms=1795394640000,
        values={"co2_ppm": 812.0, "temperature_c": 27.4},
    )

    site: str
    room: str
    presence: bool | None
    since_ms: int | None
    motion_at_ms: int | None
    updated_at_ms: int
    values: dict[str, float]


class BoardStateOut(BaseModel):
    model_config = example(
        site="demo",
        board="b-a101",
        availability="online",
        last_seen_ms=1795394640000,
        room="a101",
        rssi_dbm=-61.0,
    )

    site: str
    board: str
    availability: str
    last_seen_ms: int | None
    room: str | None
    rssi_dbm: float | None


class ProgressOut(BaseModel):
    """Long work under way; finished when done equals total."""

    model_config = example(task="history", done=3.0, total=7.0, note="")

    task: str
    done: float
    total: float
    note: str


class LiveOut(BaseModel):
    """Everything the live stream changes, as it is now."""

    at_ms: int = Field(examples=[1795394650000])
    rooms: list[RoomStateOut]
    boards: list[BoardStateOut]
    progress: list[ProgressOut]

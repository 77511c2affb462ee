"""What the edits of places take and answer, as OpenAPI shows it. Instants are RFC 3339 with their offset."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.board_models import PlacementOut
from api.models import example
from campus.records.inventory import BoardRow, BuildingRow, RoomRow
from campus.records.inventory_fields import Id, Instant, Label
from campus.records.place_edits import MOST_CHANNELS

_KEPT = "An id never changes: leave it out"


class BuildingNew(BuildingRow):
    """A building to add."""


class BuildingChanges(BuildingRow):
    """Fields to change; what is left out stays, null empties."""

    id: None = Field(default=None, description=_KEPT)  # type: ignore[assignment]
    name: Label | None = None  # type: ignore[assignment]


class RoomNew(RoomRow):
    """A room to add. `room_type` is one of /api/v1/room-types, `building` one of the site's."""


class RoomChanges(RoomRow):
    """Fields to change; what is left out stays, null empties."""

    id: None = Field(default=None, description=_KEPT)  # type: ignore[assignment]
    name: Label | None = None  # type: ignore[assignment]
    room_type: Id | None = None  # type: ignore[assignment]


class BoardChanges(BoardRow):
    """What people write of a board; what is left out stays, null empties."""

    id: None = Field(default=None, description=_KEPT)  # type: ignore[assignment]


class MeteredIn(BaseModel):
    """A channel of a board, and the piece of equipment that it meters."""

    model_config = ConfigDict(extra="forbid")

    channel: Annotated[int, Field(ge=0, le=999, strict=True)]
    equipment: Id


class PlacementIn(BaseModel):
    """Where a board is from `at` on, null: from now on.

    `channels`: all that it meters; null: as it is while the board stays in its room, else nothing.
    """

    model_config = ConfigDict(extra="forbid")

    room: Id
    at: Instant | None = None
    channels: Annotated[list[MeteredIn], Field(max_length=MOST_CHANNELS)] | None = None


class PlacedOut(BaseModel):
    """Where a board is, and what it meters, from the instant of the change on, later placements included."""

    model_config = example(placements=[])

    placements: list[PlacementOut]


class TimetableProblemOut(BaseModel):
    """What is wrong in a row of the file, as its own program names the row."""

    model_config = example(row="row 12", field="Phòng", message="there is no room 'Phòng 999'")

    row: str
    field: str
    message: str


class TimetableFileOut(BaseModel):
    """What a file holds, and changes or would change; with any of `problems` nothing was written.

    `activities` are counted as in the file, before classes taught together are told apart. `unplaced`: what the file
    names without a time.
    """

    model_config = example(
        format="xlsx", activities=812, lessons=829, classes=24, changes=["add to lessons: a101, weekday 1, …"],
        problems=[], notes=[], unplaced=[],
    )  # fmt: skip

    format: str
    activities: int
    lessons: int
    classes: int
    changes: list[str]
    problems: list[TimetableProblemOut]
    notes: list[str]
    unplaced: list[str]


class InventoryOut(BaseModel):
    """What an inventory changes, or would change: one line per change."""

    model_config = example(changes=["add room a102 (Phòng 102)"])

    changes: list[str]

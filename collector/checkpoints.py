"""What a checkpoint of a room holds: its estimators and, apart from them, what learns. Readable of earlier versions."""

from collections.abc import Mapping
from typing import Any

from campus.inference.presence import Presence
from campus.inference.room import RoomInference, RoomLearning, RoomModel

ROOM, LEARNING = "room", "learning"


def restored(model: RoomModel, state: Mapping[str, Any]) -> tuple[RoomInference, RoomLearning]:
    """Raises ValueError for a state of a version that cannot be read."""
    if ROOM in state:
        return RoomInference(model, state[ROOM]), RoomLearning(model, state.get(LEARNING))
    presence = Presence.restore(state, model.parameters)  # of a version that had nothing but presence
    inference = RoomInference(model)
    learned = {} if presence.learner is None else {"room": presence.learner.state()}
    presence.learner = None
    inference.presence = presence
    return inference, RoomLearning(model, learned)


def state(inference: RoomInference, learning: RoomLearning) -> dict[str, Any]:
    """JSON-able."""
    return {ROOM: inference.state(), LEARNING: learning.state()}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both go on alike: what was learned by then may differ."""
    return ROOM in one and ROOM in other and one[ROOM] == other[ROOM]

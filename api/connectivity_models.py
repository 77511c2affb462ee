"""What the API answers about connectivity and sensors in doubt: incidents, states and quality of a board, findings."""

from typing import Any, Literal

from pydantic import BaseModel

from api.models import example


class IncidentOut(BaseModel):
    """Boards of a site lost together by one cause; `end_ms` null: it goes on. `evidence`: what the cause was told from.

    `unknown` until the boards told by their return; of `server` nobody listened, and no board is blamed.
    """

    model_config = example(
        number=12,
        cause="access_point",
        start_ms=1795392000000,
        end_ms=1795394700000,
        boards=["b-a101", "b-a102"],
        evidence={"scope": "access_point", "lost": 2, "of": 2, "access_points": ["a0b1c2d3e4f5"]},
    )

    number: int
    cause: Literal["power", "uplink", "access_point", "board", "server", "unknown"]
    start_ms: int
    end_ms: int | None
    boards: list[str]
    evidence: dict[str, Any]


class AvailabilityOut(BaseModel):
    """Half-open [start_ms, end_ms) in which a board was in one state; `unknown`: nobody listened."""

    model_config = example(start_ms=1795392000000, end_ms=1795394700000, state="online")

    start_ms: int
    end_ms: int
    state: Literal["online", "lost", "offline", "sleeping", "unknown"]


class QualityPartOut(BaseModel):
    """One part of a quality: `score` is 0 to 1, `point` what it was read from. `value` null has a `reason`."""

    model_config = example(
        name="rtt_p95_ms",
        value=160.0,
        score=0.8,
        weight=0.2,
        point="rtt_broker_ms",
        reason=None,
    )

    name: Literal["rssi_dbm", "loss", "rtt_p95_ms", "jitter_ms", "available"]
    value: float | None
    score: float | None
    weight: float
    point: str | None
    reason: str | None


class FlappingOut(BaseModel):
    """Whether a board comes and goes, by `checks` of its last 24 hours. `flapping` null has a `reason`."""

    model_config = example(flapping=True, change_pct=46.3, since_ms=1795389000000, checks=288, reason=None)

    flapping: bool | None
    change_pct: float | None
    since_ms: int | None
    checks: int
    reason: str | None


class QualityOut(BaseModel):
    """A board's connection over [start_ms, end_ms), the last 10 minutes; the part `available` is of 24 hours.

    `value` is 0 to 100, null with a `reason` where nothing of the link was measured. `measured`: the share, 0 to 1, of
    the weights that was.
    """

    model_config = example(
        start_ms=1795394100000,
        end_ms=1795394700000,
        value=94.1,
        label="good",
        measured=1.0,
        reason=None,
        signal="good",
        parts=[
            {"name": name, "value": value, "score": score, "weight": weight, "point": point, "reason": None}
            for name, value, score, weight, point in (
                ("rssi_dbm", -61.0, 0.96, 0.15, "rssi_dbm"),
                ("loss", 0.0, 1.0, 0.35, "loss_broker_pct"),
                ("rtt_p95_ms", 160.0, 0.8, 0.2, "rtt_broker_ms"),
                ("jitter_ms", 37.0, 0.9, 0.1, "rtt_broker_ms"),
                ("available", 1.0, 1.0, 0.2, None),
            )
        ],
        flapping={"flapping": False, "change_pct": 0.0, "since_ms": None, "checks": 288, "reason": None},
    )

    start_ms: int
    end_ms: int
    value: float | None
    label: Literal["good", "fair", "poor"] | None
    measured: float
    reason: str | None
    signal: Literal["good", "fair", "weak", "poor"] | None
    parts: list[QualityPartOut]
    flapping: FlappingOut


class FindingOut(BaseModel):
    """A sensor that cannot be right, since when, with the figures that say so."""

    model_config = example(
        room="a101",
        kind="stuck",
        point="co2_ppm",
        since_ms=1795392000000,
        figures={"value": 812.0, "unchanged_min": 2880.0},
    )

    room: str
    kind: Literal["stuck", "blind", "echo", "still", "baseline_low", "baseline_creeps"]
    point: str
    since_ms: int
    figures: dict[str, float]

"""Incidents and sensors in doubt, as rows of a page. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from campus.wire.names import base

CAUSES = ("power", "uplink", "access_point", "board", "server", "unknown")


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """`where`: the rooms, and boards without one; `more`: how many are not named. `minutes`: so far, if it goes on."""

    number: int
    cause: str
    start_ms: int
    end_ms: int | None
    minutes: int
    boards: int
    where: list[str]
    more: int


@dataclass(frozen=True, slots=True)
class FindingLine:
    """`point` without its channel; `figures` by name."""

    room: str
    room_name: str
    kind: str
    point: str
    since_ms: int
    figures: Mapping[str, float]


NAMED = 8


def incident_lines(
    incidents: Iterable[Any], placed: Mapping[str, str], boards: Mapping[str, str], now_ms: int
) -> list[IncidentLine]:
    """`placed`: board -> name of its room; `boards`: board -> what it is called."""
    found = []
    for one in incidents:
        names = list(dict.fromkeys(placed.get(board) or boards.get(board, board) for board in one.boards))
        until = now_ms if one.end_ms is None else one.end_ms
        found.append(
            IncidentLine(
                one.number,
                one.cause if one.cause in CAUSES else "unknown",
                one.start_ms,
                one.end_ms,
                max(0, round((until - one.start_ms) / 60_000)),
                len(one.boards),
                names[:NAMED],
                len(names) - NAMED if len(names) > NAMED else 0,
            )
        )
    return found


def finding_lines(
    findings: Iterable[tuple[str, Mapping[str, Any]]], rooms: Mapping[str, str]
) -> list[FindingLine]:
    """`rooms`: room -> its name."""
    return [
        FindingLine(
            room,
            rooms.get(room, room),
            str(one["kind"]),
            base(str(one["point"])),
            int(one["since_ms"]),
            dict(one["figures"]),
        )
        for room, one in findings
    ]

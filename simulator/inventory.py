"""The inventory document of a virtual school, in the form that people write for a real one."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from simulator.rooms import EQUIPMENT_NAMES, Room, RoomType
from simulator.timetable import SUBJECT_GROUPS

if TYPE_CHECKING:
    from simulator.school import School


def equipment_of(room: Room) -> dict[int, tuple[str, str]]:
    """Channel -> (equipment id, kind) of what a room's board meters."""
    found = {1: (f"{room.id}-{room.type.plug}", room.type.plug)}
    if room.cooled:
        found[2] = (f"{room.id}-air-conditioner", "air-conditioner")
    return found


def inventory(school: "School") -> dict[str, Any]:
    """Valid for campus.records.inventory.Inventory. Placements begin with the first term, before any history."""
    begin = school.terms[0].start
    rng = school.rng("inventory")
    types: dict[str, RoomType] = {room.type.id: room.type for room in school.rooms}
    equipment: list[dict[str, Any]] = []
    placements: list[dict[str, Any]] = []
    for room in school.rooms:
        placements.append({"board": room.board, "room": room.id, "from": begin.isoformat()})
        for channel, (id_, kind) in equipment_of(room).items():
            bought = date(begin.year - 1, 8, 15) - timedelta(days=int(rng.integers(0, 3000)))
            equipment.append(
                {
                    "id": id_,
                    "name": f"{EQUIPMENT_NAMES[kind]} {room.name.removeprefix('Phòng học ')}",
                    "kind": kind,
                    "room": room.id,
                    "in_service_on": bought.isoformat(),
                    "condition": str(rng.choice(["good", "worn"], p=[0.8, 0.2])),
                }
            )
            placements.append(
                {"board": room.board, "channel": channel, "equipment": id_, "from": begin.isoformat()}
            )
    return {
        "site": {
            "id": school.site,
            "name": school.name,
            "tz": "Asia/Ho_Chi_Minh",
            "level": "lower-secondary",
        },
        "buildings": [
            {"id": letter.lower(), "name": f"Dãy nhà {letter}"}
            for letter in sorted({room.building for room in school.rooms})
        ],
        "room_types": [
            {"id": t.id, "name_vi": t.name_vi, "name_en": t.name_en, "in_frequency_rate": t.taught}
            for t in types.values()
        ],
        "rooms": [
            {
                "id": room.id,
                "name": room.name,
                "room_type": room.type.id,
                "building": room.building.lower(),
                "floor": room.floor,
                "capacity": room.capacity,
                "volume_m3": room.volume_m3,
            }
            for room in school.rooms
        ],
        "equipment": equipment,
        "boards": [{"id": room.board} for room in school.rooms],
        "placements": placements,
        "classes": [{"name": c.name, "home_room": c.home_room, "size": c.size} for c in school.classes],
        "subject_groups": [{"id": id_, "name": name} for id_, name in SUBJECT_GROUPS.items()],
        "terms": [
            {"name": t.name, "start": t.start.isoformat(), "end": t.end.isoformat()} for t in school.terms
        ],
        "bells": [
            {
                "weekday": b.weekday,
                "session": b.session,
                "period": b.period,
                "start": b.start.isoformat("minutes"),
                "end": b.end.isoformat("minutes"),
            }
            for b in school.bells
        ],
        "closures": [
            {"start": c.start.isoformat(), "end": c.end.isoformat(), "reason": c.reason}
            for c in school.closures
        ],
        "lessons": [
            {
                "room": x.room,
                "weekday": x.weekday,
                "session": x.session,
                "period": x.period,
                "school_class": x.school_class,
                "subject": x.subject,
                "subject_group": x.subject_group,
                "from": x.valid_from.isoformat(),
            }
            for x in school.lessons
        ],
    }

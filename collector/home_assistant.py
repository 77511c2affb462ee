"""Discovery messages for Home Assistant: which entities a school's rooms and boards are. Pure.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, one message per entity: any version reads it, and an
empty one removes exactly that entity. Ids come from site, room or board, and point, never from a name. Templates
hold nothing that a person or a board can write.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from campus.records.entities import Board, Room
from campus.wire.server import room_topic
from campus.wire.topics import board_topic, valid_id

SENSORS = {
    "co2_ppm": ("carbon_dioxide", "ppm"),
    "temperature_c": ("temperature", "°C"),
    "relative_humidity_pct": ("humidity", "%"),
    "illuminance_lx": ("illuminance", "lx"),
    "sound_level_dba": ("sound_pressure", "dBA"),
    "power_w": ("power", "W"),
}
"""point -> (device class, unit), both in Home Assistant's words."""
SIGNAL = ("rssi_dbm", "signal_strength", "dBm")
# "None" is how Home Assistant is told "unknown"; `values` of a dict is also a method, so it is asked for as a key.
VALUE = "{{{{ value_json['values'].get('{point}') }}}}"
OCCUPIED = "{{ 'None' if value_json.presence is none else 'ON' if value_json.presence else 'OFF' }}"
REACHED = "{{ 'ON' if value_json.state in ('online', 'sleeping') else 'OFF' }}"
ALIVE = "{{ 'online' if value_json.state == 'online' else 'offline' }}"

Placed = tuple[Board, str | None]
"""A board and the room it is in."""


def discovery(
    prefix: str, rooms: Iterable[Room], boards: Sequence[Placed], service: str | None
) -> dict[str, bytes]:
    """topic -> retained payload. `service`: the topic that says whether the collector is there.

    A room has what its boards told of in their birth; power only from a single channel, since the room's state
    tells one value per point. A board's signal comes from its room's state, so only if it is alone there.
    Boards that never sent a birth (foreign devices) are none here.
    """
    told: dict[str, bytes] = {}
    by_room: dict[tuple[str, str], list[Board]] = {}
    for board, where in boards:
        if where is not None:
            by_room.setdefault((board.site, where), []).append(board)
    alive = {"availability": [{"topic": service, "value_template": ALIVE}]} if service else {}
    names = {}
    for room in rooms:
        if not (valid_id(room.site) and valid_id(room.id)):
            continue
        name = names[room.site, room.id] = room.name.strip() or room.id
        topic, own = room_topic(room.site, room.id), f"room_{room.id}"
        shared = {**alive, "state_topic": topic, **_device(room.site, own, name, name)}
        _put(told, prefix, "binary_sensor", room.site, f"{own}_presence", {
            **shared, "device_class": "occupancy", "value_template": OCCUPIED,
        })  # fmt: skip
        for point in _points(by_room.get((room.site, room.id), [])):
            _put(
                told,
                prefix,
                "sensor",
                room.site,
                f"{own}_{point}",
                {**shared, **_sensor(point, *SENSORS[point])},
            )
    for board, where in boards:
        if not (valid_id(board.site) and valid_id(board.id)) or board.boot is None:
            continue
        own = f"board_{board.id}"
        area = None if where is None else names.get((board.site, where))
        device = _device(board.site, own, board.id, area, sw_version=board.firmware, model=board.hardware)
        _put(told, prefix, "binary_sensor", board.site, f"{own}_availability", {
            **device, "device_class": "connectivity", "entity_category": "diagnostic",
            "state_topic": board_topic(board.site, board.id, "availability"), "value_template": REACHED,
        })  # fmt: skip
        alone = where is not None and len(by_room[board.site, where]) == 1
        if where is not None and area is not None and alone and SIGNAL[0] in board.points:
            _put(told, prefix, "sensor", board.site, f"{own}_{SIGNAL[0]}", {
                **device, **alive, **_sensor(*SIGNAL), "entity_category": "diagnostic",
                "state_topic": room_topic(board.site, where),
            })  # fmt: skip
    return told


def _points(boards: Sequence[Board]) -> list[str]:
    measured = [point for board in boards for point in board.points]
    channels = sum(point.partition(".")[0] == "power_w" for point in measured)
    bare = {point.partition(".")[0] for point in measured}
    return [point for point in SENSORS if point in bare and (point != "power_w" or channels == 1)]


def _sensor(point: str, device_class: str, unit: str) -> dict[str, str]:
    return {
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "value_template": VALUE.format(point=point),
    }


def _device(site: str, own: str, name: str, area: str | None, **more: str | None) -> dict[str, Any]:
    about = {"suggested_area": area, "manufacturer": "Campus Monitor", **more}
    device = {"identifiers": [f"campus_{site}_{own}"], "name": name}
    return {"device": device | {key: value for key, value in about.items() if value}}


def _put(
    told: dict[str, bytes], prefix: str, component: str, site: str, own: str, config: dict[str, Any]
) -> None:
    """No `name`: then Home Assistant names the entity by its device class, in its own language.

    An id has no `_`, so that the parts of a unique_id cannot run into one another.
    """
    config = {"unique_id": f"campus_{site}_{own}", "origin": {"name": "Campus Monitor"}, **config}
    told[f"{prefix}/{component}/{site}/{own}/config"] = json.dumps(config, ensure_ascii=False).encode()

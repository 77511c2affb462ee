"""The rooms of a virtual school: types, sizes, what is installed, which access point covers them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

ORDINARY = "phong-hoc"


@dataclass(frozen=True, slots=True)
class RoomType:
    """`plug` is the equipment on channel 1 and `watts` what it draws in use and in standby."""

    id: str
    name_vi: str
    name_en: str
    capacity: int
    area_m2: float
    height_m: float
    plug: str
    watts: tuple[float, float]
    cooled: bool  # has an air conditioner on channel 2
    taught: bool = True  # lessons are timetabled here: its lesson slots count as time available


TYPES = {
    kind.id: kind
    for kind in (
        RoomType(ORDINARY, "Phòng học", "Classroom", 45, 56, 3.6, "display", (135, 0.6), False),
        RoomType("tin-hoc", "Phòng Tin học", "Computer room", 45, 85, 3.4, "computers", (1750, 45), True),
        RoomType(
            "khtn", "Phòng bộ môn KHTN", "Natural science room", 45, 88, 3.6, "projector", (265, 3.2), False
        ),
        RoomType("ngoai-ngu", "Phòng ngoại ngữ", "Language room", 45, 84, 3.4, "display", (310, 4), True),
        RoomType("thu-vien", "Thư viện", "Library", 60, 110, 3.6, "computers", (290, 8), True, False),
        RoomType(
            "da-nang", "Phòng đa năng", "Multi-purpose room", 100, 240, 5.0, "audio", (180, 6), False, False
        ),
        RoomType(
            "vat-li", "Phòng thực hành Vật lí", "Physics lab", 45, 90, 3.6, "projector", (255, 3.2), False
        ),
        RoomType(
            "hoa-hoc", "Phòng thực hành Hóa học", "Chemistry lab", 45, 90, 3.6, "projector", (255, 3.2), False
        ),
        RoomType(
            "hoi-truong", "Hội trường", "Assembly hall", 220, 260, 4.8, "projector", (420, 5), True, False
        ),
        RoomType("phong-hop", "Phòng họp", "Meeting room", 30, 48, 3.4, "display", (160, 1.2), True, False),
    )
}
EQUIPMENT_NAMES = {
    "display": "Màn hình tương tác",
    "computers": "Máy tính (cả phòng)",
    "projector": "Máy chiếu",
    "audio": "Dàn âm thanh",
    "air-conditioner": "Máy điều hòa",
}
# What a school adds beside its ordinary classrooms, in the order it is built; from the eleventh on it starts over.
_SPECIAL = (
    "tin-hoc", "khtn", "ngoai-ngu", "thu-vien", "da-nang", "tin-hoc", "vat-li", "hoa-hoc", "hoi-truong", "phong-hop",
)  # fmt: skip
_SPECIAL_SHARE = 10 / 24
_FLOORS = 4
_FLOOR_MOST = 10  # rooms of one floor, before another building is needed


@dataclass(frozen=True, slots=True)
class Room:
    """One simulated room, its board and what is installed in it."""

    index: int
    id: str
    name: str
    building: str
    floor: int
    type: RoomType
    capacity: int
    volume_m3: float
    board: str
    cooled: bool
    access_point: str
    rssi_dbm: float  # mean signal of its board


def make_rooms(count: int, site: str, random: Random, board_id: Callable[[str], str]) -> list[Room]:
    """`count` rooms in buildings A (classrooms) and B (special rooms), then C, D... `board_id(room) -> str`."""
    special = round(count * _SPECIAL_SHARE)
    kinds = [ORDINARY] * (count - special) + [_SPECIAL[i % len(_SPECIAL)] for i in range(special)]
    places = _places(count - special, 0) + _places(special, 1)
    numbers: dict[str, int] = {}
    rooms = []
    for index, (kind, (building, floor, position)) in enumerate(zip(kinds, places, strict=True)):
        type_ = TYPES[kind]
        id_ = f"{building.lower()}-{floor}{position:02d}"
        numbers[kind] = numbers.get(kind, 0) + 1
        name = f"{type_.name_vi} {building}{floor}{position:02d}"
        if kind != ORDINARY:
            name = type_.name_vi + (f" {numbers[kind]}" if kinds.count(kind) > 1 else "")
        area = type_.area_m2 * random.uniform(0.93, 1.07)
        rooms.append(
            Room(
                index=index,
                id=id_,
                name=name,
                building=building,
                floor=floor,
                type=type_,
                capacity=type_.capacity,
                volume_m3=round(area * type_.height_m, 1),
                board=board_id(id_),
                cooled=type_.cooled or (kind == ORDINARY and random.random() < 0.25),
                access_point=f"ap-{building.lower()}{floor}",  # one on each floor
                rssi_dbm=round(random.uniform(-66, -48), 1),
            )
        )
    return rooms


def _places(count: int, first: int) -> list[tuple[str, int, int]]:
    """(building, floor, position) of `count` rooms in every second building from the `first` letter on."""
    per_floor = min(_FLOOR_MOST, max(5, -(-count // _FLOORS)))
    found = []
    for i in range(count):
        block, rest = divmod(i, per_floor * _FLOORS)
        letter = first + 2 * block
        building = chr(65 + letter % 26) + ("" if letter < 26 else str(letter // 26 + 1))
        found.append((building, rest // per_floor + 1, rest % per_floor + 1))
    return found

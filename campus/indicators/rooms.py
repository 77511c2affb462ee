"""The indicators of rooms: how the time they could be used was planned, and used. Sums: `RoomSums`."""

from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, UNSCHEDULED
from campus.indicators.definition import (
    DESIGN,
    ROOM,
    SMG,
    Definition,
    count,
    hours,
    minutes,
)
from campus.indicators.sums import RoomSums

_USED = ("held", "partly_held", "unscheduled")
_OPEN = count("slots", less=("exams",))
_MEASURED = count("slots", less=("exams", "not_measured", "not_measured_free"))
_PLANNED = count("scheduled")
_JUDGED = count("scheduled", less=("not_measured",))
_TIME = (minutes("valid_ms"), minutes("slot_ms"))


def counts(sums: RoomSums) -> dict[str, int]:
    """Slots by outcome: the evidence beside a rate.

    `slots` available lesson slots; of the scheduled ones `held`, `partly_held`, `no_show`, `not_measured`; of the
    others `free`, `unscheduled`, `not_measured_free`, and `exams` of an exam period; `periods_used`; and, outside the
    lesson slots, `after_hours`.
    """
    return {
        "slots": sums.slots,
        HELD: sums.held,
        PARTLY_HELD: sums.partly_held,
        NO_SHOW: sums.no_show,
        NOT_MEASURED: sums.not_measured,
        FREE: sums.free,
        UNSCHEDULED: sums.unscheduled,
        "not_measured_free": sums.not_measured_free,
        "exams": sums.exams,
        "periods_used": sum(getattr(sums, name) for name in _USED),
        "after_hours": sums.after_hours,
    }


def _scheduled_share(id: str, outcome: str, name_vi: str, name_en: str, formula: str) -> Definition:
    return Definition(
        id, 1, name_vi, name_en, formula, "1", DESIGN, ROOM,
        count(outcome), _JUDGED, ((_JUDGED, _PLANNED),), personal=True,
    )  # fmt: skip


def _scheduled_count(id: str, name_vi: str, name_en: str, formula: str) -> Definition:
    return Definition(
        id, 1, name_vi, name_en, formula, "periods", DESIGN, ROOM,
        count(id), _JUDGED, ((_JUDGED, _PLANNED),), total=True, personal=True,
    )  # fmt: skip


DEFINITIONS = (
    Definition(
        "frequency_rate",
        1,
        "tỷ lệ thời gian sử dụng",
        "frequency rate",
        "occupied minutes ÷ valid minutes, over the available lesson slots; no value under 80 % coverage",
        "1",
        SMG,
        ROOM,
        minutes("occupied_ms"),
        minutes("valid_ms"),
        (_TIME,),
        counts=counts,
    ),
    Definition(
        "planned_use",
        1,
        "tỷ lệ tiết xếp theo thời khóa biểu",
        "planned use",
        "scheduled periods ÷ available lesson slots, those of exams left out; needs no measurement",
        "1",
        DESIGN,
        ROOM,
        _PLANNED,
        _OPEN,
        least_coverage_pct=0,
    ),
    Definition(
        "actual_use",
        1,
        "tỷ lệ tiết có sử dụng",
        "actual use",
        "periods used ÷ measured lesson slots, those of exams left out",
        "1",
        DESIGN,
        ROOM,
        count(*_USED),
        _MEASURED,
        ((_MEASURED, _OPEN),),
    ),
    Definition(
        "periods_used",
        2,
        "số tiết sử dụng",
        "periods used",
        "lesson slots that were held, partly held or used without being scheduled; those of exams left out",
        "periods",
        DESIGN,
        ROOM,
        count(*_USED),
        _MEASURED,
        ((_MEASURED, _OPEN),),
        total=True,
    ),
    Definition(
        "scheduled",
        1,
        "số tiết theo thời khóa biểu",
        "scheduled periods",
        "lesson slots for which a lesson was planned in the room; needs no measurement",
        "periods",
        DESIGN,
        ROOM,
        _PLANNED,
        _OPEN,
        least_coverage_pct=0,
        total=True,
    ),
    _scheduled_count(
        "held",
        "tiết có sử dụng phòng",
        "held",
        "scheduled, and presence in at least 50 % of the valid minutes",
    ),
    _scheduled_count(
        "no_show",
        "tiết đã xếp lịch nhưng không sử dụng",
        "no-show",
        "scheduled, presence in less than 10 % of the valid minutes and none from start + 10 min to the end",
    ),
    _scheduled_count(
        "partly_held",
        "tiết sử dụng một phần",
        "partly held",
        "scheduled and measured, neither held nor a no-show",
    ),
    Definition(
        "not_measured",
        1,
        "tiết chưa đo được",
        "not measured",
        "scheduled, and coverage under 80 %, unless the class is the same whatever the missing minutes were",
        "periods",
        DESIGN,
        ROOM,
        count("not_measured"),
        _PLANNED,
        ((_JUDGED, _PLANNED),),
        least_coverage_pct=0,
        total=True,
    ),
    _scheduled_share(
        "delivery_rate",
        "held",
        "tỷ lệ tiết có sử dụng phòng",
        "delivery rate",
        "held ÷ measured scheduled periods",
    ),
    _scheduled_share(
        "partly_held_rate",
        "partly_held",
        "tỷ lệ tiết sử dụng một phần",
        "partly held rate",
        "partly held ÷ measured scheduled periods",
    ),
    _scheduled_share(
        "no_show_rate",
        "no_show",
        "tỷ lệ tiết đã xếp lịch nhưng không sử dụng",
        "no-show rate",
        "no-shows ÷ measured scheduled periods",
    ),
    Definition(
        "ghost_slots",
        1,
        "tiết hằng tuần đã xếp lịch nhưng thường không sử dụng",
        "ghost slots",
        "weekly slots of a class in a room, still timetabled, that were no-shows in at least 3 of the last 4 weeks in "
        "which they were measured; judged are those measured in 4 weeks",
        "weekly slots",
        DESIGN,
        ROOM,
        count("ghosts", unit="weekly slots"),
        count("judged", unit="weekly slots"),
        ((count("judged"), count("known")),),
        total=True,
        personal=True,
        listed=True,
    ),
    Definition(
        "unscheduled",
        2,
        "sử dụng ngoài thời khóa biểu",
        "unscheduled use",
        "lesson slots without a lesson, those of exams left out, of which at least 1 min lies in a run of at least 10 "
        "consecutive occupied minutes; a run may cross slots, and ends where a scheduled lesson begins",
        "slots",
        DESIGN,
        ROOM,
        count("unscheduled", unit="slots"),
        count("free", "unscheduled", unit="slots"),
        ((count("free", "unscheduled"), count("free", "unscheduled", "not_measured_free")),),
        total=True,
    ),
    Definition(
        "unscheduled_rate",
        1,
        "tỷ lệ tiết trống có sử dụng",
        "unscheduled use rate",
        "unscheduled use ÷ measured lesson slots without a lesson, those of exams left out",
        "1",
        DESIGN,
        ROOM,
        count("unscheduled", unit="slots"),
        count("free", "unscheduled", unit="slots"),
        ((count("free", "unscheduled"), count("free", "unscheduled", "not_measured_free")),),
    ),
    Definition(
        "after_hours",
        1,
        "sử dụng ngoài giờ học",
        "after-hours use",
        "unscheduled midday, evening, night or closed slots; counted apart from the lesson slots",
        "slots",
        DESIGN,
        ROOM,
        count("after_hours", unit="slots"),
        hours("outside_valid_ms"),
        ((hours("outside_valid_ms"), hours("outside_ms")),),
        total=True,
    ),
    Definition(
        "after_hours_time",
        1,
        "thời gian sử dụng ngoài giờ học",
        "after-hours time",
        "occupied hours of the slots with after-hours use",
        "h",
        DESIGN,
        ROOM,
        hours("after_hours_ms"),
        hours("outside_valid_ms"),
        ((hours("outside_valid_ms"), hours("outside_ms")),),
        total=True,
    ),
    Definition(
        "room_coverage",
        1,
        "độ phủ dữ liệu của phòng",
        "coverage of rooms",
        "valid minutes ÷ minutes of the available lesson slots",
        "1",
        DESIGN,
        ROOM,
        *_TIME,
        (_TIME,),
        least_coverage_pct=0,
    ),
)

"""The indicators of the people in rooms: the seats they fill and the air they breathe. Sums: `RoomSums`."""

from campus.indicators.definition import ROOM, SMG, Amount, Definition, minutes
from campus.inference.comfort import CO2_HIGH_PPM, TEMPERATURE_HIGH_C

CO2_SOURCE = (
    "Ad-hoc working group on indoor guide values, Health evaluation of carbon dioxide in indoor air, "
    "Bundesgesundheitsblatt 51 (2008)"
)
TEMPERATURE_SOURCE = "QCVN 26:2016/BYT, upper limit for work of middle weight"

_SLOTS = minutes("slot_ms")
_TIME = (minutes("valid_ms"), _SLOTS)
_PEOPLE = (minutes("counted_ms"), minutes("occupied_ms"))
_PERSONS = Amount(("person_ms",), "person-hours", 3_600_000)
_SEATS = Amount(("seat_ms",), "seat-hours", 3_600_000)

DEFINITIONS = (
    Definition(
        "occupancy_rate",
        1,
        "tỷ lệ lấp đầy",
        "seat fill (occupancy rate)",
        "people ÷ capacity, by time, over occupied lesson time in which people were counted and the capacity is "
        "known; no value unless that is 80 % of the occupied time, and presence was measured for 80 % of all",
        "1",
        SMG,
        ROOM,
        _PERSONS,
        _SEATS,
        (_TIME, _PEOPLE),
    ),
    Definition(
        "utilisation_rate",
        1,
        "tỷ lệ sử dụng phòng",
        "room utilisation",
        "frequency rate × occupancy rate, of the sums; only where both have a value",
        "1",
        SMG,
        ROOM,
        Amount(("occupied_ms",), "h × person-hours", 3_600_000**2, times=_PERSONS),
        Amount(("valid_ms",), "h × seat-hours", 3_600_000**2, times=_SEATS),
        (_TIME, _PEOPLE),
    ),
    Definition(
        "co2_high_rate",
        1,
        "tỷ lệ thời gian CO2 vượt ngưỡng",
        "time with high CO2",
        f"lesson time with CO2 over {CO2_HIGH_PPM:,.0f} ppm ÷ lesson time in which CO2 was measured",
        "1",
        CO2_SOURCE,
        ROOM,
        minutes("co2_high_ms"),
        minutes("co2_ms"),
        ((minutes("co2_ms"), _SLOTS),),
    ),
    Definition(
        "temperature_high_rate",
        1,
        "tỷ lệ thời gian nhiệt độ vượt ngưỡng",
        "time with high temperature",
        f"lesson time over {TEMPERATURE_HIGH_C:g} °C ÷ lesson time in which the temperature was measured",
        "1",
        TEMPERATURE_SOURCE,
        ROOM,
        minutes("temperature_high_ms"),
        minutes("temperature_ms"),
        ((minutes("temperature_ms"), _SLOTS),),
    ),
)

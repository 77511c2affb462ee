"""Presence parameters: one frozen table, and what differs per room type. Values and sources: docs/indicators.md.

Minutes, hours, ppm and lux as named; log-odds are natural. Nothing here was fitted to a room of the evaluation.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PresenceParameters:
    """How readings become log-odds of presence, and log-odds become a state."""

    prior: float = -1.0
    smooth_min: float = 3.0  # EWMA time constant of the log-odds
    occupied_p: float = 0.6
    vacant_p: float = 0.4  # between the two the state is kept

    stale_min: int = 15  # a reading is held max(stale_reports × its interval, stale_min)
    stale_reports: int = 3
    longest_interval_min: int = 20  # slower sensors than this are read as if they reported this often

    motion_hold_min: float = 8.0  # quiet minutes until PIR evidence is 0; 10–15 in quiet or large rooms
    motion_high: float = 4.0
    motion_low: float = -3.0

    co2_smooth_min: float = 3.0
    co2_slope_min: int = 10
    co2_slope_span_min: int = 5  # at least 3 samples over this
    co2_gap_min: int = 60  # a longer gap starts the slope anew
    co2_baseline_min: int = 48 * 60
    co2_baseline_quantile: float = 0.05
    co2_middle_ppm_h: float = 75.0
    co2_half_width_ppm_h: float = 150.0
    co2_gain: float = 3.0
    co2_low: float = -0.7  # CO2 alone never says "vacant" strongly: with good ventilation it sees little
    co2_high: float = 2.0
    decay_per_h: float = 0.5
    decay_pseudo_fits: int = 2
    decay_fits: int = 48  # the newest fits kept
    decay_run_min: int = 40
    decay_window_min: int = 60
    decay_slope_ppm_h: float = -15.0
    decay_above_ppm: float = 60.0
    decay_lowest_per_h: float = 0.1
    decay_highest_per_h: float = 8.0
    co2_stuck_min: int = 180  # unchanged to the last digit this long while above the baseline: a stuck sensor
    co2_stuck_anywhere_min: int = 1440

    light_lx: float = 300.0
    light_learn_min: int = 3 * 24 * 60
    light_window_min: int = 7 * 24 * 60
    light_dark_lx: float = 10.0
    light_split: float = 0.6  # between-class ÷ total variance an Otsu threshold needs
    light_width: float = 0.15
    light_gain: float = 1.5

    radar_present: float = 4.0
    radar_absent: float = -2.0
    radar_long_absent: float = -3.0
    radar_absent_min: int = 2  # from here on it is long absent
    radar_alone: float = 1.5  # present, but nothing else vouched for it in radar_alone_min: perhaps a fan
    radar_alone_min: int = 240

    door_changed: float = 1.5
    door_fade_min: int = 10  # until a change says nothing
    door_closed: float = -1.0  # closed, and motion quiet for motion_hold_min

    equipment_used: float = 2.0  # equipment that is not always on: in use, or not
    equipment_unused: float = -0.4
    lighting_on: float = 2.0  # the room's lighting circuit
    lighting_off: float = -1.0
    always_on_min: int = 1440  # so long never off: on says nothing

    background_learn_min: int = 1440  # sound and clients say nothing before readings of as many minutes
    sound_window_min: int = 7 * 24 * 60
    sound_quiet_quantile: float = 0.30
    sound_low_quantile: float = 0.05
    sound_least_spread_db: float = 1.0
    sound_middle_z: float = 2.0
    sound_half_width_z: float = 2.0
    sound_lowest: float = -0.7
    sound_highest: float = 1.5

    clients_window_min: int = 7 * 24 * 60
    clients_quantile: float = 0.10  # devices that are always there
    clients_some: int = 2  # so many more are people
    clients_high: float = 2.0
    clients_low: float = -0.5

    co2_per_head_m3_h: float = 0.0187  # of an adult at rest
    count_median_min: int = 15  # to 30

    merge_gap_min: int = 10
    shortest_visit_min: int = 3
    backdate_min: int = 12  # of an end; with the two above, makes an interval final 15 minutes later
    onset_min: int = 3  # a start moves back at most so far; with the first two above, likewise


DEFAULT = PresenceParameters()
_PUPILS = replace(DEFAULT, co2_per_head_m3_h=0.85 * DEFAULT.co2_per_head_m3_h)  # teenagers: about 15 % less
_FAR = replace(_PUPILS, motion_hold_min=12.0)  # large: people sit far from the sensor
_STILL = replace(_PUPILS, motion_hold_min=15.0)  # people hardly move, or the room is very large

ROOM_TYPES: dict[str, PresenceParameters] = {
    "phong-hoc": _PUPILS,
    "tin-hoc": replace(_PUPILS, motion_hold_min=10.0),  # behind screens
    "da-nang": _FAR,
    "thu-vien": _STILL,
    "hoi-truong": _STILL,
}
"""By room type id: what differs in a school from DEFAULT, an office of adults."""


def parameters(room_type: str | None) -> PresenceParameters:
    """The parameters of a room type; the default for one that is not in the table."""
    return ROOM_TYPES.get(room_type or "", DEFAULT)

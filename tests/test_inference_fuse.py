"""Several boards' readings to one room's minutes."""

import math

from campus.inference.fuse import INPUTS, fuse
from campus.inference.presence import MINUTE_MS
from campus.telemetry import GOOD, HOLD, INVALID_WARMUP, OUT_OF_RANGE, UNSYNCED, SeriesKey
from campus.wire.points import POINTS

PIR, PIR2 = SeriesKey("s", "a", "motion"), SeriesKey("s", "b", "motion.2")
CO2, CO2B = SeriesKey("s", "a", "co2_ppm"), SeriesKey("s", "b", "co2_ppm")
LUX = SeriesKey("s", "a", "illuminance_lx")
DOOR, DOOR2 = SeriesKey("s", "a", "door_open"), SeriesKey("s", "b", "door_open")


def fused(samples, start=0, end=3):
    return [inputs for _, inputs in fuse(samples, start * MINUTE_MS, end * MINUTE_MS)]


def test_inputs_are_points_of_the_wire_contract():
    """Presence reads points that boards can send."""
    assert set(INPUTS) <= set(POINTS)


def test_every_minute_is_yielded_once_in_order():
    """Minutes without a reading are there, and empty."""
    assert list(fuse({}, 0, 3 * MINUTE_MS)) == [(0, {}), (MINUTE_MS, {}), (2 * MINUTE_MS, {})]


def test_motion_and_light_take_the_largest_and_carbon_dioxide_the_mean():
    """Within a minute, over boards and channels; the minute's ends are half-open."""
    samples = {
        PIR: [(0, 0.0, GOOD), (59_999, 1.0, GOOD), (60_000, 0.0, HOLD)],
        PIR2: [(10_000, 0.0, GOOD)],
        CO2: [(0, 500.0, GOOD), (30_000, 520.0, GOOD)],
        LUX: [(1, 100.0, GOOD), (2, 300.0, GOOD), (3, 200.0, GOOD)],
    }
    assert fused(samples) == [{"motion": 1.0, "co2_ppm": 510.0, "illuminance_lx": 300.0}, {"motion": 0.0}, {}]


def test_unusable_readings_count_as_nothing():
    """Invalid, out-of-range and unsynced readings, and numbers that are not finite, do not enter."""
    samples = {
        CO2: [
            (0, None, INVALID_WARMUP),
            (1, 90_000.0, OUT_OF_RANGE),
            (2, 500.0, UNSYNCED),
            (3, math.nan, GOOD),
        ],
        SeriesKey("s", "a", "rssi_dbm"): [(0, -60.0, GOOD)],
    }
    assert fused(samples) == [{}, {}, {}]


def test_two_carbon_dioxide_sensors_with_an_offset_do_not_make_the_mean_jump():
    """A sensor that misses a minute is held in the mean, for 15 minutes and not longer."""
    samples = {
        CO2: [(minute * MINUTE_MS, 500.0, GOOD) for minute in range(40)],
        CO2B: [(minute * MINUTE_MS, 600.0, GOOD) for minute in (0, 5, 10)],
    }
    means = [inputs["co2_ppm"] for inputs in fused(samples, 0, 40)]
    assert means == [550.0] * 26 + [500.0] * 14


def test_samples_before_the_start_are_held():
    """A piece that is given the 15 minutes before it equals the same minutes of the whole."""
    samples = {
        CO2: [(minute * MINUTE_MS, 500.0, GOOD) for minute in range(30)],
        CO2B: [(minute * MINUTE_MS, 600.0, GOOD) for minute in range(0, 30, 7)],
    }
    assert fused(samples, 10, 30) == fused(samples, 0, 30)[10:]


def test_no_sensor_reporting_in_a_minute_is_an_empty_minute():
    """Holding is for the mean only: a minute in which no sensor reports has no CO2."""
    samples = {CO2: [(0, 500.0, GOOD)], CO2B: [(0, 600.0, GOOD)]}
    assert fused(samples) == [{"co2_ppm": 550.0}, {}, {}]


def test_radar_and_clients_take_the_largest_and_sound_the_mean():
    """Any radar channel that sees somebody is enough; a sound meter that misses a minute is held in the mean."""
    samples = {
        SeriesKey("s", "a", "radar_presence.0"): [(0, 0.0, GOOD), (60_000, 0.0, GOOD)],
        SeriesKey("s", "a", "radar_presence.1"): [(1, 1.0, GOOD)],
        SeriesKey("s", "a", "access_point_clients"): [(0, 3.0, GOOD)],
        SeriesKey("s", "b", "access_point_clients"): [(0, 7.0, GOOD)],
        SeriesKey("s", "a", "sound_level_dba"): [(0, 40.0, GOOD), (1, 50.0, GOOD), (60_000, 47.0, GOOD)],
        SeriesKey("s", "b", "sound_level_dba"): [(0, 35.0, GOOD)],
    }
    assert fused(samples) == [
        {"radar_presence": 1.0, "access_point_clients": 7.0, "sound_level_dba": 40.0},
        {"radar_presence": 0.0, "sound_level_dba": 41.0},
        {},
    ]


def test_a_door_that_opens_and_closes_within_a_minute_is_not_lost():
    """The state is that at the end of the minute; that the door moved is told beside it."""
    samples = {DOOR: [(0, 0.0, GOOD), (61_000, 1.0, GOOD), (65_000, 0.0, GOOD), (130_000, 0.0, GOOD)]}
    shut = {"door_open": 0.0}
    assert fused(samples) == [shut, {**shut, "door_changed": 1.0}, shut]


def test_any_open_door_is_open_and_each_door_moves_on_its_own():
    """A second door that moves while the first stands open is a change; one that misses a minute is not."""
    samples = {
        DOOR: [(0, 1.0, GOOD)],
        DOOR2: [(0, 0.0, GOOD), (60_000, 0.0, GOOD), (120_000, 1.0, GOOD)],
    }
    assert fused(samples) == [{"door_open": 1.0}, {"door_open": 1.0}, {"door_open": 1.0, "door_changed": 1.0}]


def test_a_door_that_changed_during_an_outage_moved_nobody_knows_when():
    """A reading is compared with the one before for 15 minutes, and not after."""
    for silence, told in ((15, True), (16, False)):
        samples = {DOOR: [(0, 0.0, GOOD), (silence * MINUTE_MS, 1.0, GOOD)]}
        [inputs] = fused(samples, silence, silence + 1)
        assert ("door_changed" in inputs) is told


def test_door_samples_may_come_in_any_order():
    """A late reading is put where it belongs."""
    late = {DOOR: [(0, 0.0, GOOD), (120_000, 0.0, GOOD), (60_000, 1.0, GOOD)]}
    assert fused(late) == fused({DOOR: sorted(late[DOOR])})

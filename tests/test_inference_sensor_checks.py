"""Sensors that cannot be right: each kind of finding, what ends it, and what must not raise it."""

import json
import random

import pytest
from inference_room import START, a_room

from campus.inference.echo import Echo
from campus.inference.parameters import DEFAULT
from campus.inference.presence import MINUTE_MS, Presence
from campus.inference.sensor_checks import (
    BASELINE_CREEPS,
    BASELINE_LOW,
    BLIND,
    ECHO,
    STILL,
    STUCK,
    SensorChecks,
)


def checked(room, checks=None, presence=None, at=START):
    checks, presence = checks or SensorChecks(), presence or Presence()
    for minute, inputs in enumerate(room, at):
        checks.step(presence.step(minute * MINUTE_MS, inputs), inputs, presence.air)
    return checks


def kinds(checks):
    return {(found.kind, found.point) for found in checks.findings()}


def a_week(change=lambda minute, inputs: inputs, days=8):
    """The made-up room, with equipment that people switch on a while after they come and never beyond."""
    return [change(minute, dict(inputs)) for minute, inputs in enumerate(a_room(days * 1440))]


def test_a_room_in_order_has_no_finding():
    """Eight ordinary days."""
    assert checked(a_week()).findings() == []


@pytest.mark.parametrize("point", ["co2_ppm", "sound_level_dba", "illuminance_lx"])
def test_a_value_that_never_changes_while_others_do_is_stuck(point):
    """After a day, since the first of the equal readings; the first other value ends it."""

    def stick(minute, inputs):
        return inputs | ({point: 77.0} if minute >= 1000 and point in inputs else {})

    checks = checked(a_week(stick, 2))
    [found] = [one for one in checks.findings() if one.kind == STUCK]
    assert (found.point, found.figures["value"]) == (point, 77.0)
    assert abs(found.since_ms - (START + 1000) * MINUTE_MS) <= 3 * MINUTE_MS
    assert (STUCK, point) not in kinds(checked(a_week(stick, 2)[:2300]))
    checks.step(Presence().step((START + 3000) * MINUTE_MS, {}), {point: 78.0}, None)
    assert (STUCK, point) not in kinds(checks)


def test_a_dark_room_over_a_weekend_is_not_stuck():
    """Darkness is equal for two days, and nothing else moves where nobody is."""
    dark = [{"illuminance_lx": 0.0, "co2_ppm": 420.0 + minute % 2} for minute in range(2 * 1440 + 900)]
    assert checked(dark).findings() == []
    still = [{"illuminance_lx": 40.0, "motion": 0.0, "sound_level_dba": 31.0}] * 4000
    assert kinds(checked(still)) == set()


def test_a_pir_that_sees_nobody_for_days_is_blind():
    """Two days of readings in which CO2 and radar saw people; one motion ends it."""

    def hide(minute, inputs):
        return inputs | ({"motion": 0.0} if "motion" in inputs else {})

    checks = checked(a_week(hide, 3))
    assert (BLIND, "motion") in kinds(checks)
    checks.step(Presence().step((START + 9000) * MINUTE_MS, {}), {"motion": 1.0}, None)
    assert (BLIND, "motion") not in kinds(checks)


def test_a_pir_in_an_empty_room_is_not_blind():
    """Holidays: nobody comes, by any sensor."""
    rng = random.Random(1)
    empty = [
        {"motion": 0.0, "radar_presence": 0.0, "co2_ppm": 420 + rng.gauss(0, 3), "equipment_in_use": 0.0}
        for _ in range(5 * 1440)
    ]
    assert checked(empty).findings() == []


def test_a_radar_that_follows_a_fan_is_an_echo_and_one_that_others_confirm_is_not():
    """Present exactly while an appliance runs, five times, and CO2 never agrees; or CO2 rises (control)."""

    def fan(people):
        co2 = 420.0
        for minute in range(2400):
            on = minute % 400 < 90
            co2 += (25 if on and people else 0) - (co2 - 420) * 0.02
            yield {
                "radar_presence": float(on),
                "equipment_in_use": float(on),
                "co2_ppm": co2 + minute % 2,
            }

    found = kinds(checked(fan(people=False)))
    assert (ECHO, "radar_presence") in found
    assert (ECHO, "radar_presence") not in kinds(checked(fan(people=True)))


def test_an_echo_needs_runs_and_a_witness():
    """Three runs are chance; and with no other sensor nothing can be told."""
    for runs, other, found in ((3, False, False), (4, False, True), (4, None, False), (4, True, False)):
        echo = Echo()
        for minute in range(runs * 200 + 1):
            on = minute % 200 >= 140
            echo.read(minute, on, on, other)
        assert echo.found is found, (runs, other)


def test_an_echo_that_sees_somebody_else_is_none_any_more():
    """Presence while the appliance rests takes it back when the next run ends."""
    echo = Echo()
    for minute in range(1601):
        on = minute % 200 >= 140
        echo.read(minute, on or minute > 1200, on, False)
        if minute == 1000:
            assert echo.found
    assert not echo.found


def test_a_door_that_never_moves_while_people_come_is_still():
    """Seven days and five visits; a magnet that fell off."""

    def shut(minute, inputs):
        inputs.pop("door_changed", None)
        return inputs | {"door_open": 0.0}

    assert (STILL, "door_open") in kinds(checked(a_week(shut, 8)))
    assert (STILL, "door_open") not in kinds(checked(a_week(shut, 6)))


def test_a_baseline_under_outdoor_air_is_low():
    """A CO2 sensor that says 300 ppm at night needs calibration."""
    quiet = [{"co2_ppm": 300.0 + minute % 3} for minute in range(300)]
    assert (BASELINE_LOW, "co2_ppm") in kinds(checked(quiet))
    assert (BASELINE_LOW, "co2_ppm") not in kinds(checked([{"co2_ppm": 400.0 + m % 3} for m in range(300)]))


def test_a_baseline_that_creeps_up_by_weeks_is_found():
    """5 ppm a day over five weeks are; a seasonal 1 ppm a day is not."""
    for daily, found in ((5.0, True), (1.0, False)):
        drifting = [{"co2_ppm": 420 + daily * number / 288 + number % 3} for number in range(36 * 288)]
        checks, presence = SensorChecks(), Presence()
        for number, inputs in enumerate(drifting):
            minute_ms = (START + 5 * number) * MINUTE_MS
            checks.step(presence.step(minute_ms, inputs), inputs, presence.air)
        assert ((BASELINE_CREEPS, "co2_ppm") in kinds(checks)) is found, daily


def test_the_checks_restart_exactly_and_stay_small():
    """Stored as JSON text in the middle of a week with faults; under 3 KB."""

    def faults(minute, inputs):
        return inputs | {"motion": 0.0, "sound_level_dba": 40.0}

    room = a_week(faults, 4)
    whole = checked(room)
    presence = Presence()
    half = checked(room[:3000], presence=presence)
    restored = SensorChecks(DEFAULT, json.loads(json.dumps(half.state())))
    checked(room[3000:], restored, presence, START + 3000)
    assert restored.findings() == whole.findings() != []
    assert restored.state() == whole.state()
    assert len(json.dumps(whole.state())) < 3000

"""`campus bench presence`: CPU of presence inference per room and minute, from readings to the step."""

import json
import random
import time
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from campus.inference.fuse import HOLD_MIN, fuse
from campus.inference.parameters import parameters
from campus.inference.people import PeopleCount
from campus.inference.presence import MINUTE_MS, Presence
from campus.inference.sensor_checks import SensorChecks
from campus.telemetry import GOOD, Sample, SeriesKey

DAY_MIN = 1440
START_MS = 1_795_305_600_000
LIMIT_US = 40.0
ROOM_TYPE, VOLUME_M3, CAPACITY = "phong-hoc", 180.0, 45
LIVE_MIN = 240  # of each day, fused one minute at a time as the live view does

Samples = dict[SeriesKey, list[Sample]]


def presence(
    days: Annotated[int, typer.Option(help="Days of one room with all sensors", min=1, max=400)] = 14,
    rounds: Annotated[int, typer.Option(help="Rounds, of which the median counts", min=1, max=50)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Measure CPU of presence inference, learning included. 40 µs per room and minute are aimed at."""
    school = [made_up(day) for day in range(days)]
    told = [_round(school) for _ in range(rounds)]
    figures: dict[str, float] = {"days": days, "rounds": rounds, "sensors": len(school[0]) + 2}
    figures |= {name: round(median(one[name] for one in told), 2) for name in told[0]}
    figures["us_per_room_minute"] = round(median(one["fuse_us"] + one["presence_us"] for one in told), 2)
    figures["us_per_room_minute_limit"] = LIMIT_US
    figures["fuse_share"] = round(figures["fuse_us"] / figures["us_per_room_minute"], 3)
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    Console().print(
        f"{figures['us_per_room_minute']} µs of CPU per room and minute with all sensors, learning included "
        f"({LIMIT_US:.0f} is aimed at); {100 * figures['fuse_share']:.0f} % of it is fusing the readings, "
        f"which is {figures['fuse_live_us']} µs for a single live minute. People {figures['people_us']} µs and "
        f"sensor checks {figures['checks_us']} µs more; {figures['calibrations_per_day']} calibrations a day.",
        highlight=False,
    )


def _round(school: list[Samples]) -> dict[str, float]:
    """Microseconds per minute of each part."""
    p = parameters(ROOM_TYPE)
    estimator, people = Presence(p), PeopleCount(VOLUME_M3, CAPACITY, p)
    checks = SensorChecks(p)
    clock = time.process_time
    fused = stepped = counted = looked = live = 0.0
    issued = 0
    for day, samples in enumerate(school):
        start = START_MS + day * DAY_MIN * MINUTE_MS
        begun = clock()
        minutes = list(fuse(samples, start, start + DAY_MIN * MINUTE_MS))
        fused += clock() - begun
        for number, (_, inputs) in enumerate(minutes):  # what a caller tells beside the readings
            inputs["lighting_on"] = inputs["equipment_in_use"] = float(420 <= number % DAY_MIN < 680)

        airs, steps, known = [], [], estimator.calibration
        begun = clock()
        for minute, inputs in minutes:
            steps.append(estimator.step(minute, inputs))
            airs.append(estimator.air)
            if estimator.calibration is not known:
                known = estimator.calibration
                issued += 1
        stepped += clock() - begun

        begun = clock()
        for step, air in zip(steps, airs, strict=True):
            people.step(step, air)
        counted += clock() - begun

        begun = clock()
        for step, air, (_, inputs) in zip(steps, airs, minutes, strict=True):
            checks.step(step, inputs, air)
        looked += clock() - begun

        held = [_held(samples, minute) for minute in range(HOLD_MIN, HOLD_MIN + LIVE_MIN)]
        begun = clock()
        for minute, few in enumerate(held, HOLD_MIN):
            at = start + minute * MINUTE_MS
            for _ in fuse(few, at, at + MINUTE_MS):
                pass
        live += clock() - begun
    minutes_in_all = len(school) * DAY_MIN
    return {
        "fuse_us": 1e6 * fused / minutes_in_all,
        "presence_us": 1e6 * stepped / minutes_in_all,
        "people_us": 1e6 * counted / minutes_in_all,
        "checks_us": 1e6 * looked / minutes_in_all,
        "fuse_live_us": 1e6 * live / (len(school) * LIVE_MIN),
        "calibrations_per_day": issued / len(school),
    }


def _held(samples: Samples, minute: int) -> Samples:
    return {key: series[minute - HOLD_MIN : minute + 1] for key, series in samples.items()}


def made_up(day: int) -> Samples:
    """A day's readings of a room with two lessons' worth of people, every sensor once a minute."""
    rng = random.Random(day)  # noqa: S311 - made-up readings, no secret
    rows: dict[str, list[Sample]] = {}
    co2 = 420.0
    for minute in range(DAY_MIN):
        at = START_MS + (day * DAY_MIN + minute) * MINUTE_MS + 7_000
        there = minute in range(420, 680) or minute in range(800, 960)
        co2 += (25 if there else 0) - (co2 - 420) * 0.02
        for point, value in (
            ("motion", float(there and rng.random() < 0.5)),
            ("radar_presence", float(there and rng.random() < 0.9)),
            ("co2_ppm", float(round(co2 + rng.gauss(0, 3)))),
            ("sound_level_dba", round(rng.gauss(58 if there else 38, 4), 1)),
            ("illuminance_lx", round((460.0 if there else 20.0) * (1 + rng.random() / 5), 1)),
            ("access_point_clients", float(rng.randrange(3) + (30 if there else 0))),
            ("door_open", float(there and rng.random() < 0.1)),
        ):
            rows.setdefault(point, []).append((at, value, GOOD))
    return {SeriesKey("school", "board", point): series for point, series in rows.items()}

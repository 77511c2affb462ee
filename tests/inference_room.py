"""A made-up room for tests of inference: all its sensors, minute by minute."""

import math
import random

from campus.inference.presence import MINUTE_MS, Presence

START = 1_795_326_720_000 // MINUTE_MS


def a_room(minutes, seed=7):
    """Two visits a day, 5 % of readings lost and one bad number in a hundred."""
    rng = random.Random(seed)
    co2 = 420.0
    for minute in range(minutes):
        there = minute % 720 in range(60, 240)
        co2 += (25 if there else 0) - (co2 - 420) * 0.02
        inputs = {
            "motion": float(there and rng.random() < 0.5),
            "co2_ppm": round(co2 + rng.gauss(0, 3)),
            "illuminance_lx": (260.0 if there else 20.0) * (1 + rng.random() / 5),
            "radar_presence": float(there and rng.random() < 0.9),
            "sound_level_dba": round(rng.gauss(58 if there else 38, 4), 1),
            "access_point_clients": rng.randrange(3) + (rng.randrange(20, 40) if there else 0),
            "door_open": float(minute % 720 in (59, 240) or (there and rng.random() < 0.1)),
            "door_changed": float(rng.random() < 0.02),
            "equipment_in_use": float(minute % 720 in range(70, 200)),
            "lighting_on": float(minute % 720 in range(58, 260)),
        }
        inputs = {key: value for key, value in inputs.items() if rng.random() > 0.05}
        yield {key: math.nan if rng.random() < 0.01 else value for key, value in inputs.items()}


def stream(*inputs, presence=None, at=START):
    """The steps of minutes from `at` on."""
    presence = presence or Presence()
    return [presence.step((at + i) * MINUTE_MS, given) for i, given in enumerate(inputs)]

"""`campus bench equipment`: CPU of equipment state from power, learning included, per minute and piece."""

import json
import random
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from campus.inference.equipment import MINUTE_MS, EquipmentPower, stretches
from campus.inference.equipment_learning import EquipmentLearning

DAY_MIN = 1440
START_MS = 1_795_305_600_000
LIMIT_US = 10.0


def equipment(
    pieces: Annotated[int, typer.Option(help="Pieces of equipment", min=1)] = 20,
    days: Annotated[int, typer.Option(help="Days of each, minute by minute", min=1, max=400)] = 14,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Measure CPU of equipment inference, learning and stretches included. 10 µs per minute is aimed at."""
    minutes = pieces * days * DAY_MIN
    step_s = stretch_s = 0.0
    count = rows = 0
    for number in range(pieces):
        watts = list(made_up(days * DAY_MIN, number))
        power, learning = EquipmentPower("projector"), EquipmentLearning("projector")
        begun = time.process_time()
        steps = []
        for minute, value in enumerate(watts):
            at = START_MS + minute * MINUTE_MS
            steps.append(power.step(at, value))
            new = learning.read(at, value)
            if new is not None:
                power.use(new)
                count += 1
        stepped = time.process_time()
        rows += len(stretches(steps, START_MS, START_MS + len(watts) * MINUTE_MS))
        step_s += stepped - begun
        stretch_s += time.process_time() - stepped
    figures = {
        "pieces": pieces,
        "days": days,
        "us_per_minute": round(1e6 * step_s / minutes, 2),
        "us_per_minute_limit": LIMIT_US,
        "stretches_us_per_minute": round(1e6 * stretch_s / minutes, 2),
        "stretches_per_day": round(rows / (pieces * days), 1),
        "calibrations_per_piece": round(count / pieces, 2),
    }
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    console = Console()
    console.print(
        f"{figures['us_per_minute']} µs of CPU per minute and piece, state and learning "
        f"({LIMIT_US:.0f} is aimed at); stretches {figures['stretches_us_per_minute']} µs more, "
        f"{figures['stretches_per_day']} of them a day; {figures['calibrations_per_piece']} calibrations a piece "
        f"in {days} days.",
        highlight=False,
    )


def made_up(minutes: int, seed: int) -> Iterator[float | None]:
    """Power of a projector that is used some hours a day, with noise, and 2 % of the minutes missing."""
    rng = random.Random(seed)  # noqa: S311 - made-up watts, no secret
    for minute in range(minutes):
        on = minute % DAY_MIN in range(420, 700) and minute // 45 % 3 != 2
        value = rng.gauss(230, 6) if on else rng.gauss(3.2, 0.2)
        yield None if rng.random() < 0.02 else max(0.0, round(value, 1))

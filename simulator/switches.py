"""What people switch on, open and forget, in one room on one local day. Nothing stays on over midnight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.people import MINUTES, USES

Mask = NDArray[np.bool_]
Counts = NDArray[np.integer[Any]]
Array = NDArray[np.float64]

HOT_C = 27.0  # outside: above it, people in a cooled room switch the air conditioner on
_PASSING = [USES.index(use) for use in ("before", "break", "cleaning", "rounds")]


def switch_plug(on: Mask, people: Counts, use: Counts, kind: str, rng: np.random.Generator) -> None:
    """Projector, display, computers: often used in a lesson, now and then left on after it."""
    wanted = {"display": 0.6, "computers": 0.97, "projector": 0.7, "audio": 0.5}[kind]
    working = (people > 0) & ~np.isin(use, _PASSING)
    runs = _runs(working)
    for i, (start, end) in enumerate(runs):
        if rng.random() > wanted or end - start < 15:
            continue
        begin, finish = start + int(rng.integers(1, 8)), end - int(rng.integers(0, 5))
        chance = rng.random()
        if chance < 0.10:  # left on, until the next class or someone on the way home
            finish = runs[i + 1][0] if i + 1 < len(runs) else end + int(rng.integers(40, 300))
        elif chance < 0.5:
            finish = end + int(rng.integers(0, 9))
        on[begin : min(finish, MINUTES - 5)] = True


def switch_cooling(on: Mask, people: Counts, outside_c: Array, rng: np.random.Generator) -> None:
    """The air conditioner, while there are people and it is hot; sometimes until long after."""
    for start, end in _sessions(people, at_least=3):
        if outside_c[start:end].max() < HOT_C:
            continue
        extra = int(rng.integers(40, 240)) if rng.random() < 0.14 else int(rng.integers(-6, 4))
        on[start + int(rng.integers(0, 6)) : min(end + extra, MINUTES - 5)] = True


def open_windows(windows: Mask, people: Counts, rng: np.random.Generator) -> None:
    """Windows are opened for a session and closed some time after it."""
    for start, end in _sessions(people, at_least=2):
        if rng.random() < 0.9:
            windows[start : min(end + int(rng.integers(3, 35)), MINUTES - 5)] = True


def switch_lamps(on: Mask, people: Counts, inside_lx: Array, rng: np.random.Generator) -> None:
    """Lamps: when it is dark, or out of habit."""
    habit = rng.random() < 0.6
    for start, end in _runs(people > 0):
        if end - start < 4 and inside_lx[start] > 100:
            continue
        if habit or inside_lx[start:end].min() < 280:
            left = int(rng.integers(10, 180)) if rng.random() < 0.15 else int(rng.integers(0, 2))
            on[start : min(end + left, MINUTES - 5)] = True


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """[start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _sessions(people: Counts, at_least: int, gap: int = 40) -> list[tuple[int, int]]:
    """Runs with people, joined over gaps shorter than `gap` minutes."""
    joined: list[tuple[int, int]] = []
    for start, end in _runs(people >= at_least):
        if joined and start - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined

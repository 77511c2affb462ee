"""The chaos suite: what the collector promises, held against kills, full disks, lost stores and hostile boards.

    python tests/chaos.py [--list] [--size full|tenth|short] [SCENARIO ...]

One JSON line for each scenario, with the control run in which a defect is put back and the same check has to fail; exit
code 1 if any check, or any control, came out wrong. `make test` runs the same with the size `short`.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

NAMES = ("kills", "store_away", "disk_full", "paused", "flood", "reconnect", "fuzz", "silence")
SIZES = ("full", "tenth", "short")


@dataclass(frozen=True)
class Scenario:
    """`run(size, folder, *faults)` gives figures, `faults_of(figures, size)` what in them breaks the promise,
    as sentences that begin with the figure's name; [] if it is kept.

    `sizes`: one for each of SIZES. `controls`: name -> (the faults of its run, of the size `control`; the figure
    that has to be wrong then). `needs`: a sentence where this machine cannot run it, else None.
    """

    title: str
    run: Callable[..., dict[str, Any]]
    faults_of: Callable[[dict[str, Any], Any], list[str]]
    sizes: dict[str, Any]
    controls: dict[str, tuple[tuple[str, ...], str]]
    control: Any = None
    needs: Callable[[], str | None] = field(default=lambda: None)


def scenario(name: str) -> Scenario:
    return import_module(f"chaos_{name}").SCENARIO


def held(name: str, folder: Path, size: str = "short") -> tuple[dict[str, Any], list[str]]:
    """(figures, what is wrong with them) of a run without a fault."""
    it = scenario(name)
    figures = it.run(it.sizes[size], folder)
    return figures, it.faults_of(figures, it.sizes[size])


def control(name: str, which: str, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """(figures, what is wrong with the figure that has to be wrong) of a run with a defect put back."""
    it = scenario(name)
    size = it.control or it.sizes["short"]
    faults, broken = it.controls[which]
    figures = it.run(size, folder, *faults)
    return figures, [wrong for wrong in it.faults_of(figures, size) if wrong.startswith(broken)]


def prove(name: str, folder: Path) -> None:
    """For a test: the short run keeps the promise."""
    _skip_where_needed(name)
    figures, wrong = held(name, folder)
    assert not wrong, f"{wrong}: {figures}"


def refute(name: str, which: str, folder: Path) -> None:
    """For a test: with the defect put back the same check finds it."""
    _skip_where_needed(name)
    figures, wrong = control(name, which, folder)
    assert wrong, f"{which} was not found out: {figures}"


def _skip_where_needed(name: str) -> None:
    if why := scenario(name).needs():
        if os.environ.get("CAMPUS_TEST_NO_SKIP") == "1":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def line(name: str, size: str, folder: Path) -> dict[str, Any]:
    """The JSON line of one scenario, its controls included."""
    it = scenario(name)
    if why := it.needs():
        return {"scenario": name, "ok": os.environ.get("CAMPUS_TEST_NO_SKIP") != "1", "skipped": why}
    say(f"{name}: {it.title}")
    began = time.monotonic()
    told: dict[str, Any] = {"scenario": name, "ok": False, "size": {"is": size, **asdict(it.sizes[size])}}
    try:
        figures, wrong = held(name, folder / name, size)
        told |= figures
    except Exception as error:
        wrong = [f"{type(error).__name__}: {error}"[:400]]
    told["seconds"] = round(time.monotonic() - began, 1)
    caught = {}
    for which in it.controls:
        say(f"{name}: control, {which}")
        try:
            figures, found = control(name, which, folder / f"{name}-{which}")
            caught[which] = {"found_out": bool(found), "by": found, **figures}
        except Exception as error:
            caught[which] = {"found_out": False, "error": f"{type(error).__name__}: {error}"[:400]}
    missed = [f"the control {which} was not found out" for which in caught if not caught[which]["found_out"]]
    told |= {"control": caught, "wrong": [*wrong, *missed], "ok": not wrong and not missed}
    return told


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def kept_if(keep: Path | None):
    """A folder for the run: a given one stays."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="campus-chaos-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the chaos suite.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(NAMES))
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="run there and leave everything")
    given = parser.parse_args()
    unknown = [name for name in given.scenarios if name not in NAMES]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}: --list names them")
    if given.keep and given.keep.exists() and any(given.keep.iterdir()):
        parser.error(f"{given.keep} is not empty: name a new folder for --keep")
    if given.list:
        for name in NAMES:
            print(f"{name:12}{scenario(name).title}")
        return 0
    good = True
    with kept_if(given.keep) as folder:
        for name in given.scenarios or NAMES:
            told = line(name, given.size, folder)
            good = good and told["ok"]
            print(json.dumps(told), flush=True)
    return not good


if __name__ == "__main__":
    sys.exit(main())

"""docs/scale.md calculates right: each figure again from the inputs and the formula that the page states."""

import math
import re
from pathlib import Path

import pytest

from collector.journal import KEEP_BYTES, MAX_BYTES

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
SCHOOLS = (1, 580, 26_000)
UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
ROUNDED = 0.06  # two digits are shown


def rows(heading):
    """The cells of the table below a heading, without its head."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def number(cell):
    """12.5 of '12.5', 34,700 of '34,700', 3.5e12 of '3.5 T'."""
    found = re.fullmatch(r"([\d,]+(?:\.\d+)?)(?: ([kMGT]))?", cell)
    assert found, f"no number: {cell}"
    return float(found[1].replace(",", "")) * UNITS[found[2] or ""]


def inputs():
    return {row[0].strip("`"): number(row[1]) for row in rows("Inputs")}


def plan(schools, changed=()):
    """name -> figure, each from those before it."""
    known = {**inputs(), **dict(changed), "schools": schools, "ceil": math.ceil}
    for _, name, formula, *_ in rows("What follows"):
        known[name.strip("`")] = eval(formula.strip("`"), {"__builtins__": {}}, known)
    return known


@pytest.mark.parametrize("column", range(len(SCHOOLS)))
def test_every_figure_follows_from_the_inputs(column):
    """Within the rounding of what is shown."""
    known = plan(SCHOOLS[column])
    shown = {name.strip("`"): cells[column] for _, name, _, *cells in rows("What follows")}
    assert len(shown) >= 12
    for name, cell in shown.items():
        assert number(cell) == pytest.approx(known[name], rel=ROUNDED), name


def test_another_input_gives_other_figures():
    """The control: with twice the cost of a room the page would be wrong."""
    twice = plan(580, {"room_ms": 2 * inputs()["room_ms"]})
    shown = {name.strip("`"): number(cells[1]) for _, name, _, *cells in rows("What follows")}
    assert twice["room_cores"] > shown["room_cores"] * (1 + ROUNDED)
    assert twice["workers"] > shown["workers"]


def test_limits_of_the_journal_are_those_of_the_program():
    """What the page calculates with is what the collector keeps to."""
    assert inputs()["journal_limit_b"] == pytest.approx(MAX_BYTES, rel=ROUNDED)
    assert inputs()["journal_keep_b"] == pytest.approx(KEEP_BYTES, rel=ROUNDED)

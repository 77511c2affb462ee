"""The chaos suite as a whole: what it holds, what its page says, and that nothing in it has only a name."""

import subprocess
import sys
from pathlib import Path

import chaos
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"


def test_the_list_names_every_scenario():
    """`make chaos CHAOS_ARGS=--list` names each scenario, and the page has a row for it in both tables."""
    told = subprocess.run(
        [sys.executable, chaos.__file__, "--list"], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in told.stdout.splitlines()] == list(chaos.NAMES)
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [*chaos.NAMES, *chaos.NAMES]


@pytest.mark.parametrize("name", chaos.NAMES)
def test_every_scenario_has_its_sizes_a_control_and_a_test(name):
    """Each can be run in full and short, has a defect to put back, and runs in `make test`."""
    it = chaos.scenario(name)
    assert set(it.sizes) == set(chaos.SIZES)
    assert it.controls
    test = Path(__file__).with_name(f"test_chaos_{name}.py").read_text()
    assert all(f'"{which}"' in test for which in it.controls)


def test_a_scenario_that_does_not_exist_is_refused():
    """A name that is none ends with a sentence, and nothing is run."""
    told = subprocess.run([sys.executable, chaos.__file__, "nope"], capture_output=True, text=True)
    assert told.returncode == 2
    assert "there is no scenario nope: --list names them" in told.stderr

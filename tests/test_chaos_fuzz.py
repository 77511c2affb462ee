"""The scenario `fuzz` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_fuzz(tmp_path):
    """Hostile payloads stop nothing: what is valid among them is stored, the rest is counted by its cause."""
    chaos.prove("fuzz", tmp_path)


@pytest.mark.parametrize("defect", ["brittle"])
def test_fuzz_with_a_defect_put_back(tmp_path, defect):
    """A collector that raises on what it cannot read comes to a standstill."""
    chaos.refute("fuzz", defect, tmp_path)

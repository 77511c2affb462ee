"""The scenario `paused` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_paused(tmp_path):
    """A collector that was stopped for a while catches up, with every record once."""
    chaos.prove("paused", tmp_path)


@pytest.mark.parametrize("defect", ["repeating", "puback"])
def test_paused_with_a_defect_put_back(tmp_path, defect):
    """No ledger stores twice what boards sent again; boards that trust the broker lose what it drops."""
    chaos.refute("paused", defect, tmp_path)

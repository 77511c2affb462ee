"""The scenario `kills` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_kills(tmp_path):
    """kill -9 of the collector and the broker, at random moments: every record is stored, once."""
    chaos.prove("kills", tmp_path)


@pytest.mark.parametrize("defect", ["automatic", "repeating"])
def test_kills_with_a_defect_put_back(tmp_path, defect):
    """Acknowledging on arrival loses records; not knowing what was received stores them twice."""
    chaos.refute("kills", defect, tmp_path)

"""The scenario `flood` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_flood(tmp_path):
    """A board that floods is limited and counted, and costs the others neither records nor time."""
    chaos.prove("flood", tmp_path)


@pytest.mark.parametrize("defect", ["unlimited"])
def test_flood_with_a_defect_put_back(tmp_path, defect):
    """Without the limit nothing stops it."""
    chaos.refute("flood", defect, tmp_path)

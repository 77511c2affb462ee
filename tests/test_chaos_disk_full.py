"""The scenario `disk_full` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_disk_full(tmp_path):
    """A disk filled to the last byte loses no record, makes the collector not ready, and it goes on by itself."""
    chaos.prove("disk_full", tmp_path)


@pytest.mark.parametrize("defect", ["hasty"])
def test_disk_full_with_a_defect_put_back(tmp_path, defect):
    """A batch that is called kept before it is kept is lost."""
    chaos.refute("disk_full", defect, tmp_path)

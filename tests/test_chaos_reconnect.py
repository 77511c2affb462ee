"""The scenario `reconnect` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_reconnect(tmp_path):
    """The broker restarts: all boards come back, nothing is lost, and each is known as online, lost or offline."""
    chaos.prove("reconnect", tmp_path)


@pytest.mark.parametrize("defect", ["subscribes_once"])
def test_reconnect_with_a_defect_put_back(tmp_path, defect):
    """Where the broker lost its sessions, a collector that subscribes only once hears nothing more."""
    chaos.refute("reconnect", defect, tmp_path)

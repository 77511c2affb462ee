"""The scenario `silence` of the chaos suite, short, and its control."""

import chaos
import pytest

pytestmark = pytest.mark.mosquitto


def test_silence(tmp_path):
    """A connection that lives and delivers nothing is noticed, made anew, and heals without a loss."""
    chaos.prove("silence", tmp_path)


@pytest.mark.parametrize("defect", ["deaf"])
def test_silence_with_a_defect_put_back(tmp_path, defect):
    """Without the message to itself the collector calls the silence a quiet school."""
    chaos.refute("silence", defect, tmp_path)

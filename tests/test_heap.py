"""Full collections of a long-running process leave out what was there when it began."""

import gc

from campus.cli.system import System
from campus.heap import settled
from campus.settings import Settings


def collected() -> int:
    """How many objects a full collection goes through."""
    return len(gc.get_objects())


def test_what_is_there_is_left_out_until_the_end():
    thresholds, before = gc.get_threshold(), collected()
    with settled():
        assert collected() < before / 10
        assert gc.get_threshold()[0] > thresholds[0]
    assert collected() > before / 2 and gc.get_threshold() == thresholds


def test_what_comes_later_is_still_collected():
    class Ring:
        pass

    with settled():
        ring = Ring()
        ring.own = ring
        del ring
        assert any(isinstance(one, Ring) for one in gc.get_objects())
        gc.collect()
        assert not any(isinstance(one, Ring) for one in gc.get_objects())


def test_the_running_system_is_settled_and_lets_go(tmp_path):
    assert gc.get_freeze_count() == 0
    with System(Settings(data=tmp_path, http="127.0.0.1:0"), collector=False):
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0

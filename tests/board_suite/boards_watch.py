"""The watchdog and those it watches."""

from boards_nvs import Chip

from firmware.board import watch as module
from firmware.board.nvs import Nvs
from firmware.board.watch import Watch


class Dog:
    """A watchdog that counts how often it was fed."""

    fed = 0

    def feed(self):
        self.fed += 1


class Bench:
    def __init__(self):
        self.now = 1000
        self.dog, self.chip, self.lines = Dog(), Chip(), []
        self.nvs = Nvs(self.chip)
        module.print = self.lines.append
        self.watch = Watch(self.dog, lambda: self.now, self.nvs)

    def fed_after(self, ms):
        """Whether the watchdog is fed so much later."""
        self.now += ms
        before = self.dog.fed
        self.watch.look()
        return self.dog.fed > before


def test_it_is_fed_while_every_task_is_alive_within_its_limit():
    bench = Bench()
    assert bench.fed_after(100000)  # nobody is watched yet
    bench.watch.expect("measure", 5000)
    bench.watch.expect("link", 60000)
    for n in range(30):
        assert bench.fed_after(5000)
        bench.watch.alive("measure")
        if n % 12 == 11:
            bench.watch.alive("link")
    assert bench.lines == [] and bench.nvs.text("stalled") is None
    assert bench.watch.healthy_ms() == bench.now - 1000


def test_one_task_that_stands_still_is_named_and_ends_the_feeding():
    """Although the others go on. The name is there at the next start; it costs one write, however long it takes."""
    bench = Bench()
    bench.watch.expect("measure", 5000)
    bench.watch.expect("link", 60000)
    assert not bench.fed_after(5001)
    for _ in range(10):
        bench.watch.alive("link")
        assert not bench.fed_after(1000)
    assert set(bench.lines) == {"stalled: measure"} and bench.nvs.text("stalled") == "measure"
    assert bench.chip.commits == 1
    assert bench.watch.healthy_ms() == 0


def test_a_task_that_comes_back_in_time_is_fed_for_and_its_health_begins_anew():
    bench = Bench()
    bench.watch.expect("measure", 5000)
    assert not bench.fed_after(6000)
    bench.watch.alive("measure")
    assert bench.fed_after(3000) and bench.watch.healthy_ms() == 3000
    assert not bench.fed_after(6000)
    assert bench.lines == ["stalled: measure"] * 2


def test_a_task_that_nobody_announced_is_a_mistake():
    bench = Bench()
    try:
        bench.watch.alive("measure")
    except KeyError:
        return
    raise AssertionError("it was taken")


def test_control_a_watchdog_fed_by_a_timer_does_not_notice():
    """With nobody watched it is fed although nothing goes on."""
    bench = Bench()
    assert all([bench.fed_after(60000) for _ in range(10)])

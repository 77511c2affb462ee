"""Time and boot ids on a board."""

import os

from firmware.board.boot import next_boot
from firmware.board.clock import HOLD_AFTER_MS, Clock, Uptime

PERIOD = 1024  # of a tick counter that wraps soon
NOW_MS = 1795326683120


class Ticks:
    """time.ticks_ms and time.ticks_diff with a small period, as the real one has with 2^30."""

    def __init__(self, at=1000):
        self.at = at

    def __call__(self):
        return self.at % PERIOD

    def difference(self, later, earlier):
        return (later - earlier + PERIOD // 2) % PERIOD - PERIOD // 2


def test_uptime_never_wraps():
    ticks = Ticks()
    uptime = Uptime(ticks, ticks.difference)
    seen = []
    for _ in range(50):
        ticks.at += 300
        seen.append(uptime())
    assert seen == [300 * n for n in range(1, 51)]


def test_unsynced_clock_counts_from_boot():
    ticks = Ticks()
    clock = Clock(
        Uptime(ticks, ticks.difference), rtc=lambda: 946684800000 + 5
    )  # the year 2000: nobody set it
    assert not clock.adopt()
    ticks.at += 70
    assert (clock.now_ms(), clock.quality(), clock.up_offset_ms) == (70, "up", None)


def test_a_late_sync_tells_the_offset_of_times_since_boot():
    ticks = Ticks()
    clock = Clock(Uptime(ticks, ticks.difference))
    ticks.at += 400
    since_boot = clock.now_ms()
    ticks.at += 100
    synced = clock.ticks_ms()
    ticks.at += 30  # it takes a moment until the clock is told
    clock.set(NOW_MS, synced)
    assert (clock.now_ms(), clock.quality()) == (NOW_MS + 30, "ntp")
    assert since_boot + clock.up_offset_ms == NOW_MS - 100


def test_a_later_sync_moves_the_clock_either_way():
    uptime = [5000]
    clock = Clock(lambda: uptime[0])
    for off in (0, 3600000, -3600000, 1):
        clock.set(NOW_MS + off, 4000)
        assert clock.now_ms() == NOW_MS + off + 1000


def test_a_step_of_the_system_clock_is_not_taken_unasked():
    rtc = [NOW_MS]
    clock = Clock(lambda: 0, rtc=lambda: rtc[0])
    clock.adopt()
    rtc[0] += 3600000
    assert clock.now_ms() == NOW_MS


def test_quality_falls_to_hold_a_day_after_the_sync():
    uptime = [0]
    clock = Clock(lambda: uptime[0], rtc=lambda: NOW_MS)
    assert clock.adopt() and clock.quality() == "hold"
    clock.set(NOW_MS, 0)
    uptime[0] += HOLD_AFTER_MS
    assert clock.quality() == "ntp"
    uptime[0] += 1
    assert clock.quality() == "hold"


def test_the_systems_clock_is_read_as_integer_unix_time():
    clock = Clock()
    assert clock.adopt()
    assert type(clock.now_ms()) is int
    assert NOW_MS - 315360000000 < clock.now_ms() < NOW_MS + 3153600000000


def test_boots_rise_and_never_repeat():
    boots = [next_boot() for _ in range(12)]
    assert len(set(boots)) == 12
    assert boots == sorted(boots)
    assert {boot[:8] for boot in boots} == {boots[0][:8]}
    assert all(len(boot) == 16 and not boot.strip("0123456789abcdef") for boot in boots)
    os.remove("boot.txt")
    assert next_boot()[:8] != boots[0][:8]  # an erased flash draws anew


def test_a_damaged_counter_file_is_drawn_anew():
    for damage in (
        "",
        "9f3a61c2",
        "+f3a61c2 4",
        "9F3A61C2 4",
        "9f_a61c2 4",
        "9f3a61c2 x",
        "zzzzzzzz 4",
        "9f3a61c2 -7",
        "9f3a61c20000002",
        "+f3a61c20000002a",
        "9F3A61C20000002A",
        "9f_a61c20000002a",
        "9f3a61c2ffffffff",
        "\x00" * 40,
    ):
        with open("boot.txt", "w") as file:
            file.write(damage)
        first, second = next_boot(), next_boot()
        assert first[8:] == "00000000" and second == first[:8] + "00000001"


def test_a_flash_that_cannot_be_written_still_gives_a_boot():
    boots = {next_boot("no/such/folder") for _ in range(5)}
    assert len(boots) == 5 and {len(boot) for boot in boots} == {16}

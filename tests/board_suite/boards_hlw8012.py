"""HLW8012 and BL0937: pulses to power and energy."""

import asyncio
import random

from boards_nvs import Chip

from firmware.board.clock import Uptime
from firmware.board.nvs import Nvs
from firmware.board.sensors import create, hlw8012

MW = 12000  # for a pulse a second: an HLW8012 with the resistors of its datasheet


class Pins:
    """A `machine` that has interrupts only. `rise(pin)` is what the chip calls."""

    def __init__(self):
        self.handlers = handlers = {}

        class Pin:
            IN, IRQ_RISING = 1, 1

            def __init__(self, number, mode):
                self.number = number

            def irq(self, handler, trigger):
                assert trigger == Pin.IRQ_RISING
                handlers[self.number] = handler

        self.Pin = Pin

    def rise(self, pin, times=1):
        for _ in range(times):
            self.handlers[pin](pin)


class CountingPins(Pins):
    """A `machine` whose chip counts: MicroPython 1.26 on an ESP32."""

    def __init__(self):
        Pins.__init__(self)
        self.counts = counts = {}
        self.units = units = []

        class Counter:
            def __init__(self, unit, pin):
                assert unit not in units
                units.append(unit)
                self.number = pin.number
                counts[self.number] = 0

            def value(self):
                return counts[self.number]

        self.Counter = Counter

    def rise(self, pin, times=1):
        self.counts[pin] += times


class Board:
    """A sensor with its pins, its flash and its time."""

    def __init__(self, pins=None, chip=None, channels=None, **options):
        self.pins, self.chip, self.now = pins or Pins(), chip or Chip(), 0
        options["channels"] = channels or [{"cf": 18, "mw_per_hz": MW}]
        self.sensor = hlw8012.Sensor(options, self.pins, Nvs(self.chip), lambda: self.now)

    def read(self, ms=1000):
        self.now += ms
        return asyncio.run(self.sensor.read())

    def feed(self, watts, seconds, pin=18):
        """The readings of a constant load, read each second."""
        readings = []
        for second in range(seconds):
            due = int(watts * 1000 * (second + 1)) // MW - int(watts * 1000 * second) // MW
            self.pins.rise(pin, due)
            readings.append(self.read())
        return readings


def powers(readings):
    return [values["power_w.1"] for values in readings if "power_w.1" in values]


def test_power_is_the_frequency_to_two_percent_or_a_pulse_in_10_s():
    for watts in (5, 12, 60, 230, 1000, 2300):
        found = powers(Board().feed(watts, 40))
        allowed = max(watts * 0.02, MW / 10000)
        assert found and all([abs(power - watts) <= allowed for power in found]), (watts, found)


def test_more_pulses_make_a_shorter_window():
    assert len(powers(Board().feed(2300, 40))) == 40
    assert len(powers(Board().feed(12, 40))) == 4


def test_zero_is_said_only_after_10_s_without_a_pulse():
    board = Board()
    assert powers([board.read() for _ in range(9)]) == []
    assert board.read()["power_w.1"] == 0.0


def test_the_least_power_it_tells_is_a_pulse_in_10_s():
    board = Board()
    board.pins.rise(18)
    assert board.read(10000)["power_w.1"] == 1.2


def test_a_load_switched_off_is_zero_within_20_s():
    board = Board()
    board.feed(300, 13)
    assert powers(board.feed(0, 20))[-1] == 0.0


def test_the_energy_is_counted_by_pulses_to_a_mwh():
    random.seed(3)
    board, pulses = Board(), 0
    for _ in range(500):
        some = random.randrange(90)
        pulses += some
        board.pins.rise(18, some)
        values = board.read(random.randrange(100, 3000))
    values = board.read(70000)
    assert values["energy_mwh.1"] == pulses * MW // 3600 and type(values["energy_mwh.1"]) is int


def test_a_factor_that_is_no_whole_number_leaves_the_counter_whole():
    board = Board(channels=[{"cf": 18, "mw_per_hz": 1724.5}])
    board.pins.rise(18, 100000)
    assert board.read(70000)["energy_mwh.1"] == 172450000 // 3600
    assert Board(chip=board.chip).read()["energy_mwh.1"] == 172450000 // 3600


def test_a_restart_shows_no_less():
    chip, shown = Chip(), 0
    for life in range(20):
        board = Board(chip=chip)
        for values in board.feed(700, 30 + 17 * life):
            assert values["energy_mwh.1"] >= shown
            shown = values["energy_mwh.1"]
    assert shown > 0


def test_a_counter_that_cannot_be_saved_is_an_error():
    class Full(Chip):
        def set_blob(self, key, value):
            raise OSError(-4357)

    board = Board(chip=Full())
    board.pins.rise(18, 100)
    try:
        board.read(70000)
        raise AssertionError("shown")
    except OSError:
        pass


def test_the_counts_wrap_is_not_seen():
    for pins in (Pins(), CountingPins()):
        board = Board(pins)
        pulses = board.sensor._outputs[0][3]
        pulses._from = pulses._count = 0xFFFFFF - 20
        if pins.handlers:
            pins.rise(18, 60)
            assert pulses._count == 39
        else:
            pins.counts[18] = 0xFFFFFF + 40
        assert board.read(1000)["power_w.1"] == 60 * MW / 1000


def test_the_clocks_wrap_is_not_seen():
    ticks, period = [0], 1 << 14

    def difference(later, earlier):
        return ((later - earlier + period // 2) % period) - period // 2

    uptime = Uptime(lambda: ticks[0] % period, difference)
    pins = Pins()
    sensor = hlw8012.Sensor({"channels": [{"cf": 18, "mw_per_hz": MW}]}, pins, Nvs(Chip()), uptime)
    for _ in range(60):
        ticks[0] += 1000
        pins.rise(18, 50)
        assert asyncio.run(sensor.read())["power_w.1"] == 600.0


def test_an_interrupt_allocates_nothing():
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return
    board = Board()
    handler = board.pins.handlers[18]
    board.sensor._outputs[0][3]._count = 0xFFFFF0
    heap_lock()
    try:
        for _ in range(100):
            handler(18)
    finally:
        heap_unlock()
    assert board.read(10000)["power_w.1"] == round(84 * MW / 10000, 2)


def test_the_chip_counts_where_it_can():
    pins = CountingPins()
    channels = [{"cf": 18, "mw_per_hz": MW}, {"cf": 19, "mw_per_hz": MW}]
    board = Board(pins, channels=channels)
    assert not pins.handlers and len(pins.units) == 2
    pins.rise(19, 1000)
    values = board.read(1000)
    assert values["power_w.2"] == 12000.0 and "power_w.1" not in values


def test_cf1_tells_voltage_or_current():
    channels = [
        {"cf": 18, "mw_per_hz": MW, "cf1": 22, "mv_per_hz": 500},
        {"cf": 19, "mw_per_hz": MW, "cf1": 23, "ma_per_hz": 15},
    ]
    board = Board(channels=channels, first=3)
    assert set(board.sensor.points) == {
        "energy_mwh.3",
        "power_w.3",
        "voltage_v.3",
        "energy_mwh.4",
        "power_w.4",
        "current_a.4",
    }
    board.pins.rise(22, 460)
    board.pins.rise(23, 100)
    values = board.read(1000)
    assert (values["voltage_v.3"], values["current_a.4"]) == (230.0, 1.5)
    assert values["energy_mwh.3"] == values["energy_mwh.4"] == 0


def test_channels_count_apart_and_keep_their_counters():
    chip = Chip()
    channels = [{"cf": 18, "mw_per_hz": 12000}, {"cf": 19, "mw_per_hz": 1724}]
    board = Board(chip=chip, channels=channels)
    board.pins.rise(18, 300)
    board.pins.rise(19, 5000)
    values = board.read(70000)
    assert (values["energy_mwh.1"], values["energy_mwh.2"]) == (1000, 5000 * 1724 // 3600)
    values = Board(chip=chip, channels=channels).read()
    assert (values["energy_mwh.1"], values["energy_mwh.2"]) == (1000, 5000 * 1724 // 3600)


def test_two_of_them_keep_their_counters_apart():
    chip = Chip()
    for first, pulses in ((1, 300), (5, 600)):
        board = Board(chip=chip, first=first)
        board.pins.rise(18, pulses)
        board.read(70000)
    assert Board(chip=chip).read()["energy_mwh.1"] == 1000
    assert Board(chip=chip, first=5).read()["energy_mwh.5"] == 2000


def test_the_registry_gives_it_the_flash_and_wants_its_factor():
    chip = Chip()
    Board(chip=chip).feed(700, 130)
    sensor = create("hlw8012", {"channels": [{"cf": 18, "mw_per_hz": MW}]}, Pins(), Nvs(chip))
    assert asyncio.run(sensor.read())["energy_mwh.1"] > 10000
    for options, named in (({}, "channels"), ({"channels": [{"cf": 18}]}, "mw_per_hz")):
        try:
            create("hlw8012", options, Pins(), Nvs(chip))
            raise AssertionError("accepted")
        except ValueError as error:
            assert named in str(error)

"""Sound: bytes of a microphone, or a module's voltage, to dB(A)."""

import asyncio
import math
import random
from array import array
from struct import pack, unpack

from firmware.board.port import sleep_ms
from firmware.board.sensors import create, sound

RATE = 16000
PEAK_94_DB = 32768 * 10 ** (-26 / 20)  # the datasheets' sensitivity: the peak of 94 dB at 1 kHz


class Microphone:
    """An I2S bus with a microphone that hears `heard(n)`, a sample from -32768 to 32767, and a `machine` around it."""

    def __init__(self, heard):
        self.heard = heard
        self.plugged = True
        self.n = 0
        self.opened = []
        self.asleep_ms = 0
        self.filling = None
        microphone = self

        class I2S:
            RX, MONO = 2, 1

            def __init__(self, number, **options):
                microphone.opened.append((number, options))

            def irq(self, handler):
                microphone.handler = handler

            def readinto(self, buffer):
                microphone.filling = buffer

        self.I2S = I2S

    def sleep_ms(self, ms):
        self.asleep_ms += ms
        if self.filling is not None and self.plugged:
            for place in range(len(self.filling)):
                on_the_wire = pack("<h", self.heard(self.n + place))
                (self.filling[place],) = unpack("<h", on_the_wire)
            self.n += len(self.filling)
            self.filling = None
            self.handler(self)
        return sleep_ms(0)


def tone(hz, peak=PEAK_94_DB, mean=0):
    return lambda n: math.floor(mean + peak * math.sin(2 * math.pi * (n * hz % RATE) / RATE))


def a_weight(hz):
    """IEC 61672-1, annex E: the weight of a frequency in dB."""
    hz = float(hz) ** 2
    gain = hz * 12194.2**2 / ((hz + 20.6**2) * (hz + 12194.2**2))
    gain *= hz / (math.sqrt(hz + 107.7**2) * math.sqrt(hz + 737.9**2))
    return 8.685890 * math.log(gain) + 2.0


def made(microphone, **options):
    sound.sleep_ms = microphone.sleep_ms
    return create("sound", dict({"type": "i2s", "sck": 26, "ws": 25, "sd": 33}, **options), microphone)


def read(sensor):
    return asyncio.run(sensor.read())["sound_level_dba"]


def level(heard, **options):
    sensor = made(Microphone(heard), **options)
    assert read(sensor) is None and read(sensor) is None and sensor.why == {"sound_level_dba": "warmup"}
    return read(sensor)


def near(found, wanted, allowed):
    return abs(found - wanted) <= allowed


def test_94_db_at_1_khz_is_26_db_below_full_scale():
    assert near(level(tone(1000)), 94, 0.1)


def test_levels_from_quiet_to_loud():
    for db, allowed in ((40, 1), (50, 0.4), (60, 0.2), (80, 0.2), (100, 0.2), (115, 0.2)):
        assert near(level(tone(1000, PEAK_94_DB * 10 ** ((db - 94) / 20))), db, allowed), db


def test_tones_are_weighed_by_the_a_curve():
    for hz in (63, 125, 250, 500, 1000, 2000, 4000, 6300):
        assert near(level(tone(hz)), 94 + a_weight(hz), 0.5), (hz, level(tone(hz)))


def test_white_noise_is_weighed_too():
    """Its power is the same at every frequency up to half the rate, so its level is known."""
    random.seed(2)
    noise = array("h", bytes(8192))
    for place in range(4096):
        noise[place] = random.randrange(-3000, 3001)
    weight = sum([10 ** (a_weight(hz) / 10) for hz in range(10, 8000, 20)]) / 400
    wanted = 94 + 10 * math.log(3000**2 / 3 * 2 / PEAK_94_DB**2 * weight) / math.log(10)
    assert near(level(lambda n: noise[n % 4096]), wanted, 1)


def test_a_constant_beside_the_sound_is_not_heard():
    assert near(level(tone(1000, PEAK_94_DB / 100, mean=3000)), 54, 0.2)


def test_the_offset_is_added():
    assert near(level(tone(1000), offset_db=-2.5), 91.5, 0.1)


def test_too_loud_has_no_value():
    microphone = Microphone(lambda n: max(-32768, min(32767, tone(1000, 60000)(n))))
    sensor = made(microphone)
    for _ in range(3):
        assert read(sensor) is None
    assert sensor.why == {"sound_level_dba": "range"}
    microphone.heard = tone(1000)
    assert near(read(sensor), 94, 0.1)


def test_a_microphone_that_is_not_there_has_no_value():
    for constant in (0, -1, 32767, -32768):
        sensor = made(Microphone(lambda n, constant=constant: constant))
        for _ in range(3):
            assert read(sensor) is None
        assert sensor.why == {"sound_level_dba": "failed"}, constant


def test_a_bus_that_stands_still_and_goes_on():
    microphone = Microphone(tone(1000))
    sensor = made(microphone)
    for _ in range(2):
        read(sensor)
    microphone.plugged = False
    for _ in range(2):
        assert read(sensor) is None and sensor.why == {"sound_level_dba": "timeout"}
    microphone.plugged = True
    assert near(read(sensor), 94, 0.1)


def test_the_first_readings_are_warmup_for_longer_than_it_starts():
    microphone = Microphone(lambda n: 0)
    sensor = made(microphone)
    for _ in range(2):
        assert read(sensor) is None and sensor.why == {"sound_level_dba": "warmup"}
    assert microphone.asleep_ms >= 300


def test_the_bus_is_opened_as_the_microphones_want_it():
    microphone = Microphone(tone(1000))
    made(microphone)
    ((number, options),) = microphone.opened
    assert number == 0 and (options["sck"], options["ws"], options["sd"]) == (26, 25, 33)
    assert (options["rate"], options["bits"], options["format"]) == (RATE, 16, microphone.I2S.MONO)


def test_no_sound_is_kept():
    """One buffer, overwritten at each reading, and nothing else that holds samples."""
    microphone = Microphone(tone(1000, 20000))
    sensor = made(microphone)
    for _ in range(3):
        read(sensor)
    buffer = sensor._samples
    microphone.heard = lambda n: 5
    read(sensor)
    assert sensor._samples is buffer and set(buffer) == {5}


class Voltage:
    """A `machine` with a sound level module at an ADC pin."""

    def __init__(self, mv):
        voltage = self
        self.mv = mv

        class ADC:
            ATTN_11DB = 3

            def __init__(self, number, atten):
                assert (number, atten) == (35, 3)

            def read_uv(self):
                return voltage.mv * 1000

        self.ADC = ADC


def test_a_modules_voltage_is_its_level():
    voltage = Voltage(600)
    sensor = create("sound", {"type": "adc", "pin": 35}, voltage)
    assert read(sensor) == 30.0 and sensor.why == {}
    for mv, wanted in ((1000, 50.0), (1337, 66.8), (2600, 130.0)):
        voltage.mv = mv
        assert read(sensor) == wanted
    for mv in (0, 142, 599, 2601, 3300):
        voltage.mv = mv
        assert read(sensor) is None and sensor.why == {"sound_level_dba": "range"}
    voltage.mv = 1000
    assert read(sensor) == 50.0


def test_what_it_needs_is_said():
    for options, named in (({}, "type"), ({"type": "i2s"}, "sck"), ({"type": "adc"}, "pin")):
        try:
            create("sound", options, Voltage(0) if options.get("type") == "adc" else Microphone(None))
            raise AssertionError("accepted")
        except ValueError as error:
            assert repr(named) in str(error)

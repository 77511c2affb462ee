"""The board's program: config.json says what it measures and whom it tells; it runs until the power goes.

It starts by itself on an ESP32 (as /main.py, beside board/ and campus/wire), and on MicroPython's unix port with a
`machine` and a `network` module for the pins and the radio that a computer lacks (docs/board.md).
"""

import asyncio
import gc
import sys

import machine
from board import VERSION
from board.boot import next_boot
from board.clock import Clock
from board.config import ConfigError, load
from board.link import Link
from board.outbox import Outbox
from board.port import sleep_ms, wait_for_ms
from board.sampling import Sampler, phase_ms
from board.sensors import create

from campus.wire.lifecycle import encode_birth

EDGE_MS = 50  # how soon a sensor's edge is noticed
READ_MS = 2000  # how long one sensor may keep the others waiting
RESETS = {"PWRON_RESET": "power", "HARD_RESET": "reset", "WDT_RESET": "watchdog", "SOFT_RESET": "soft"}


def chip_id():
    """The board's id from its chip, unique in the world."""
    return "esp32-" + "".join(["%02x" % byte for byte in machine.unique_id()])


def reset_cause():
    for name in RESETS:
        if machine.reset_cause() == getattr(machine, name, None):
            return RESETS[name]
    return "unknown"


def sensors(config):
    """The configured sensors that could be set up. One that cannot is told and left out; the others measure."""
    made = []
    taken = set()
    for kind, options in config.sensors:
        try:
            sensor = create(kind, options, machine)
            for point in sensor.points:
                if point in taken:
                    raise ValueError("another sensor measures %s already" % point)
            taken.update(sensor.points)
            made.append(sensor)
        except Exception as error:
            print("sensor %s: %r" % (kind, error))
    return made


def bounded(reading):
    return wait_for_ms(reading, READ_MS)


async def measure(sampler, outbox, link, pause_ms):
    """Sample for ever: every `pause_ms`, and at once when a sensor saw something that cannot wait."""
    while True:
        try:
            record = await sampler.sample()
            if record:
                outbox.add(record)
                link.wake()
        except (
            Exception
        ) as error:  # such as a MemoryError: the next sample may fare better, no sample surely not
            print("measure: %r" % (error,))
        for _ in range(max(1, pause_ms // EDGE_MS)):
            await sleep_ms(EDGE_MS)
            if sampler.urgent():
                break


def set_time(host):
    """Set the system's clock by `host`; whether it is right now. Blocks for a second at most, and a name's look-up."""
    try:
        import ntptime
    except ImportError:
        return True  # a computer keeps its own time
    ntptime.host = host
    ntptime.timeout = 1
    try:
        ntptime.settime()
        return True
    except Exception as error:
        print("time: %r" % (error,))
        return False


async def keep_time(clock, link, host):
    """Set the clock soon after the network is there, then every hour; until it worked, ever less often."""
    pause_ms = 15000
    while True:
        if link.connected and set_time(host):
            clock.adopt()
            await sleep_ms(3600000)
        else:
            await sleep_ms(pause_ms if link.connected else 1000)
            if link.connected:
                pause_ms = min(pause_ms * 2, 900000)


def build(config):
    """(link, tasks): the parts of the board, put together; tasks are the coroutines that go on beside link.run()."""
    clock = Clock()
    clock.adopt("hold")  # a clock that kept its time through our restart
    sampler = Sampler(sensors(config), clock, phase_ms(config.board), print, bounded)
    radio = None
    if config.wifi:
        import network
        from board.wifi import Radio

        radio = Radio(network, config.wifi)
    gc.collect()  # the outbox takes its memory in one piece
    outbox = Outbox(next_boot(), config.outbox_records)
    hardware = getattr(sys.implementation, "_machine", sys.platform)
    cause = reset_cause()

    def birth():
        quality = clock.quality()
        return encode_birth(
            outbox.boot, VERSION, hardware, cause, quality, sampler.points(), clock.up_offset_ms
        )

    link = Link(config, outbox, clock, birth, radio)
    print("board %s, boot %s" % (config.board, outbox.boot))
    return link, (measure(sampler, outbox, link, config.sample_ms), keep_time(clock, link, config.ntp))


async def live(link, tasks):
    running = [asyncio.create_task(task) for task in tasks]
    await link.run()
    for task in running:
        task.cancel()


def run():
    try:
        link, tasks = build(load(chip_id=chip_id()))
    except ConfigError as error:
        print(error)
        return
    try:
        asyncio.run(live(link, tasks))
    except KeyboardInterrupt:
        asyncio.run(link.stop())
        print("stopped: %d records kept, %d dropped" % (link.outbox.depth, link.outbox.dropped))


if __name__ == "__main__":
    run()

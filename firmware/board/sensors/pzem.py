"""Peacefair PZEM-004T v3 power meters over UART (Modbus RTU). Frames and registers: its user manual, 2.1 to 2.8.

A meter counts its energy itself, and keeps the count without power.
"""

from struct import unpack

from ..port import sleep_ms
from .parts import Driver, point

POINTS = (("voltage_v", "V", 2), ("current_a", "A", 0.05), ("power_w", "W", 5), ("energy_mwh", "mWh", 1))


def crc16(data):
    """Modbus' checksum: polynomial 0xA001, starts at 0xFFFF. Over a whole frame it is 0."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (crc & 1) * 0xA001
    return crc


def framed(data):
    """A frame to send. data: address, function and what belongs to it."""
    return data + crc16(data).to_bytes(2, "little")


def measured(data, address):
    """(V, A, W, mWh) that the meter at `address` said at the end of `data`.

    Raises ValueError: "timeout" if there is nothing, "failed" if it refused, "crc" if that is no reply of this meter.
    Registers: 0.1 V; mA, 0.1 W and Wh in two each, the low half first; then 0.1 Hz, power factor and alarm.
    """
    for length in (25, 5):
        reply = data[-length:]
        if len(reply) == length and reply[0] == address and not crc16(reply):
            if length == 5:
                raise ValueError("failed")
            volts, amps, a, watts, w, wh, e = unpack(">7H", reply[3:17])
            return volts / 10, (a << 16 | amps) / 1000, (w << 16 | watts) / 10, (e << 16 | wh) * 1000
    raise ValueError("crc" if data else "timeout")


class Sensor(Driver):
    """options: tx, rx, uart; addresses, a list: each is a channel; first, number of the first channel (1 if left out).
    Each read asks one meter, in turn."""

    baudrate = 9600

    def __init__(self, options, pins):
        super().__init__(options, pins)
        self.points = {}
        self._meters = []
        number = options.get("first", 1)
        for address in options["addresses"]:
            names = []
            for name, unit, deadband in POINTS:
                name += ".%d" % number
                names.append(name)
                self.points[name] = point(unit, deadband)
            self._meters.append((address, names))
            number += 1

    async def read(self):
        """The four points of the next meter, all None if it gives no good answer within 200 ms."""
        address, names = meter = self._meters.pop(0)
        self._meters.append(meter)
        self._uart.read()  # what came too late for another question
        self._uart.write(framed(bytes((address, 4, 0, 0, 0, 10))))
        heard = reason = b""
        for _ in range(40):
            await sleep_ms(5)
            heard += self._uart.read() or b""
            try:
                return dict(zip(names, measured(heard, address)))
            except ValueError as error:
                reason = error.args[0]
        return self._invalid(reason, names)

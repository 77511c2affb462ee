"""Lines to sensors at the level of bytes, for the suites of drivers: what `machine` gives a driver to speak through."""


class Uart:
    """`waiting`: bytes the sensor sent and nobody read yet. `written`: what the driver sent, write by write."""

    def __init__(self):
        self.waiting, self.written, self.opened = b"", [], None

    def UART(self, number, baudrate, tx, rx, rxbuf):
        self.opened = (number, baudrate, tx, rx)
        return self

    def any(self):
        return len(self.waiting)

    def read(self, length):
        taken, self.waiting = self.waiting[:length], self.waiting[length:]
        return taken or None

    def write(self, data):
        self.written.append(data)
        return len(data)


class I2c:
    """A bus with one sensor at `address`, which a subclass lets answer; `there` False: it is unplugged."""

    address = None

    def __init__(self):
        self.there, self.written = True, []

    def Pin(self, number):
        return number

    def I2C(self, number, sda, scl, freq):
        self.opened = (number, sda, scl)
        return self

    def _reach(self, address):
        if not self.there or address != self.address:
            raise OSError(19)

    def writeto(self, address, data):
        self._reach(address)
        self.written.append(data)
        self.on_write(data)

    def readfrom(self, address, length):
        self._reach(address)
        reply = self.on_read()
        if reply is None:  # busy: it does not acknowledge
            raise OSError(19)
        assert len(reply) == length
        return reply

    def readfrom_mem(self, address, register, length):
        self._reach(address)
        return bytes([self.registers.get(register + at, 0) for at in range(length)])


def invalid(sensor, values):
    """The one reason why all points of a sensor have no value."""
    assert set(values) == set(sensor.points) and set(values.values()) == {None}
    (reason,) = set(sensor.why.values())
    return reason

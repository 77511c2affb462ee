"""What drivers inherit: the line to the sensor, and what to say when there is no value."""

from ..clock import Uptime


def point(unit, deadband):
    """The description of a point that is reported once in 5 s at most and once a minute at least."""
    return {"unit": unit, "deadband": deadband, "min_interval_ms": 5000, "max_interval_ms": 60000}


AIR = {"temperature_c": point("°C", 0.3), "relative_humidity_pct": point("%", 2)}


def air(temperature, humidity):
    """The values of AIR. Humidity is cut to 0..100 %, as the datasheets have it: sensors count a little beyond."""
    return {
        "temperature_c": round(temperature, 2),
        "relative_humidity_pct": round(min(max(humidity, 0), 100), 1),
    }


class Driver:
    """A sensor on UART if its class gives a `baudrate`, or else on I2C at its class's `address`.

    options on UART: tx, rx (pins of the board), and uart (1 if left out). The line is not shared.
    options on I2C: sda, scl, and address (the class's if left out) and bus (0). Sensors on the same bus share it.
    """

    points = why = {}
    address = baudrate = None

    def __init__(self, options, pins, uptime=None):
        self.uptime = uptime or Uptime()
        if self.baudrate:
            tx, rx = options["tx"], options["rx"]
            self._uart = pins.UART(options.get("uart", 1), baudrate=self.baudrate, tx=tx, rx=rx, rxbuf=512)
        else:
            self.address = options.get("address", self.address)
            sda, scl = pins.Pin(options["sda"]), pins.Pin(options["scl"])
            self._i2c = pins.I2C(options.get("bus", 0), sda=sda, scl=scl, freq=100000)

    def _invalid(self, reason, points=None):
        """What read() gives when none of the points (of all of them) has a value, for this reason."""
        self.why = dict.fromkeys(points or self.points, reason)
        return dict.fromkeys(self.why)

"""Passive infrared motion sensor (HC-SR501, AM312): its output is high while it sees movement."""


class Sensor:
    """options: pin. An interrupt notes each rising edge: no pulse is missed, however busy the board is."""

    points = {"motion": {"unit": "", "max_interval_ms": 60000}}

    def __init__(self, options, pins):
        self.why = {}
        self.edge = False
        self._pin = pins.Pin(options["pin"], pins.Pin.IN)
        self._pin.irq(self._rise, pins.Pin.IRQ_RISING)

    def _rise(self, pin):
        self.edge = True

    async def read(self):
        """motion: 1 if there was movement since the last read."""
        edge = self.edge
        self.edge = False
        return {"motion": 1 if edge or self._pin.value() else 0}

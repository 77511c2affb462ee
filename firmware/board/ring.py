"""Records in one piece of memory that is taken once: a board's heap must not be riddled by hours of small objects.

Measured on MicroPython with a 96 KiB heap: 128 records kept as objects left no 1 KiB in one piece for a message.
"""

import json
from array import array

from campus.wire.parsing import CLOCKS, write

from .sampling import Record


class Ring:
    """`slots` places for records of `size` bytes together. Which slot comes when is the caller's business."""

    def __init__(self, slots, size):
        self._memory = bytearray(size)
        self._start = array("I", bytes(4 * slots))
        self._length = array("I", bytes(4 * slots))
        self._end = 0
        self._points = []  # a record holds numbers for its points' names
        self._numbers = {}

    def freeze(self, record):
        """The bytes of a record: JSON [ms, clock, point, value, point, value, ...]; text for a value is the reason
        why there is none."""
        frozen = [record.observed_at_ms, CLOCKS.index(record.clock)]
        values = record.values
        for point in values:
            number = self._numbers.get(point)
            if number is None:
                number = self._numbers[point] = len(self._points)
                self._points.append(point)
            frozen.append(number)
            value = values[point]
            if value is None:
                value = record.why.get(point, "") if record.why else ""
            frozen.append(value)
        return write(frozen)

    def put(self, slot, frozen, oldest):
        """Write into `slot`; False if there is no room while the record in slot `oldest` (or None) stays."""
        length = len(frozen)
        if oldest is None:
            start = 0
            room = length <= len(self._memory)
        else:
            start, tail = self._end, self._start[oldest]
            if start <= tail:
                room = length < tail - start
            elif length <= len(self._memory) - start:
                room = True
            else:
                start, room = 0, length < tail
        if room:
            self._memory[start : start + length] = frozen
            self._start[slot] = start
            self._length[slot] = length
            self._end = start + length
        return room

    def get(self, slot):
        """The Record in `slot`."""
        start = self._start[slot]
        frozen = json.loads(str(self._memory[start : start + self._length[slot]], "utf-8"))
        values = {}
        why = None
        for place in range(2, len(frozen), 2):
            point = self._points[frozen[place]]
            value = frozen[place + 1]
            if type(value) is str:
                if value:
                    why = why or {}
                    why[point] = value
                value = None
            values[point] = value
        return Record(frozen[0], CLOCKS[frozen[1]], values, why)

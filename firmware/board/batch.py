"""Records that become one message: one clock, rising times, one reason for each invalid point, so many bytes."""

from campus.wire.telemetry import ABSENT, MAX_ROWS, Telemetry


class Batch:
    """Records that become one Telemetry of at most `limit_bytes`; the first one is taken however large it is. Counts
    the bytes as it grows, so nothing is encoded twice."""

    def __init__(self, boot, low, limit_bytes):
        self.boot = boot
        self.low = low
        self.limit_bytes = limit_bytes
        self._taken = []
        self._columns = []
        self._why = {}

    def take(self, seq, record):
        """Append a record if it belongs in this message and fits; whether it did."""
        at = record.observed_at_ms
        values = record.values
        columns = self._columns
        why = self._why
        taken = self._taken
        if not taken:
            self._seq, self._start_ms, self._clock = seq, at, record.clock
            head = '{"v":1,"boot":"%s","seq":%d,"low":%d,"ts":%d,"q":"%s","c":[],"rows":[],"why":{}}'
            size = len(head % (self.boot, seq, self.low, at, record.clock))
        elif at <= self._latest_ms or record.clock != self._clock or len(taken) == MAX_ROWS:
            return False
        else:
            size = self._bytes
        fresh = [point for point in values if point not in columns]
        for point in fresh:
            size += len(point) + 3 + 4 * len(taken)  # its name, and "-" in each row so far
        # The row: all absent, which is ,"-" for each column, and then what is there instead.
        size += len("[%d,%d]," % (seq - self._seq, at - self._start_ms)) + 4 * (len(columns) + len(fresh))
        for point in values:
            value = values[point]
            size += 1 if value is None else len(str(value)) - 3
        if record.why:
            why = dict(why)
            for point in record.why:
                reason = record.why[point]
                if point not in why:
                    why[point] = reason
                    size += len(point) + len(reason) + 6
                elif why[point] != reason:
                    return False
        if taken and size > self.limit_bytes:
            return False
        columns += fresh
        taken.append((seq - self._seq, record))
        self._why = why
        self._bytes = size
        self._latest_ms = at
        return True

    def telemetry(self):
        """The Telemetry; None if there are no records."""
        if not self._taken:
            return None
        rows = []
        for offset, record in self._taken:
            row = [offset, record.observed_at_ms - self._start_ms]
            for point in self._columns:
                row.append(record.values.get(point, ABSENT))
            rows.append(row)
        columns = tuple(self._columns)
        return Telemetry(
            self.boot, self._seq, self.low, self._start_ms, self._clock, columns, rows, self._why
        )

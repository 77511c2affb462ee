"""Keeps each record until the collector says that it is committed. Pure: no clock, no network, no asyncio.

The broker's word (PUBACK) frees nothing: brokers were seen to lose, when killed, what they had acknowledged.
"""

from campus.wire.telemetry import ABSENT, BOARD_BYTES, MAX_ROWS, Telemetry

from .ring import Ring

# nothing here; never sent; to be sent again; in flight; in flight, and others were settled meanwhile
FREE, NEW, AGAIN, FLYING, PASSED = 0, 1, 2, 3, 4
RECORD_BYTES = 64  # of memory per record of the capacity: room for six points, or for more of fewer records
MAX_STRIKES = 20  # unanswered sends, while others advance, after which a record is given up
ALONE_AFTER = 4  # strikes after which a record is sent alone, so that it holds back no neighbour
HEAD_BYTES = len('{"v":1,"boot":"","seq":,"low":,"ts":,"q":"","c":[],"rows":[],"why":{}}')


class Outbox:
    """The newest records, at most `capacity` of them. They are numbered from 0 in order of `add`; when there is no
    room in the ring the oldest is dropped and counted.

    boot: this boot's id. `low`: lowest number still kept (the next number if none is). `depth`: records kept.
    `pending`: records kept and not in flight. `dropped`: records given up in all. `freed`: records settled in all.
    `answers`: how often that raised `low`; what is dropped raises it too, and is no answer.
    """

    def __init__(self, boot, capacity=256, ring=None):
        self.boot = boot
        self.capacity = capacity
        self.next_seq = 0
        self.low = 0
        self.depth = 0
        self.pending = 0
        self.dropped = 0
        self.freed = 0
        self.answers = 0
        self._ring = ring or Ring(capacity, capacity * RECORD_BYTES)
        self._state = bytearray(capacity)  # the record with number n is in slot n % capacity
        self._strikes = bytearray(capacity)
        self._unsent = 0  # no record below this number waits to be sent

    def add(self, record):
        """Keep a record; its number. Drops the oldest one if the ring is full."""
        seq = self.next_seq
        capacity = self.capacity
        if seq - self.low == capacity:
            self._drop(self.low)
        slot = seq % capacity
        frozen = self._ring.freeze(record)
        while not self._ring.put(slot, frozen, self.low % capacity if self.low < seq else None):
            if self.low == seq:  # larger than all the memory there is
                self.next_seq = seq + 1
                self.dropped += 1
                self._advance()
                return seq
            self._drop(self.low)
        self.next_seq = seq + 1
        self._state[slot] = NEW
        self._strikes[slot] = 0
        self.depth += 1
        self.pending += 1
        return seq

    def message(self, limit_bytes=BOARD_BYTES):
        """The next Telemetry to send: the oldest waiting records that fit in `limit_bytes` of JSON, or None.

        One message has one clock, rising times and one reason for each invalid point; a record that breaks
        this begins the next. A record too large for the limit goes alone. Call `sent` once it is on its way.
        """
        if not self.pending:
            return None
        first = self._next_waiting(self._unsent)
        self._unsent = first
        batch = _Batch(self.boot, first, self.low, self._record(first))
        if self._strikes[first % self.capacity] < ALONE_AFTER:
            seq = self._next_waiting(first + 1)
            while seq is not None and self._strikes[seq % self.capacity] < ALONE_AFTER:
                if not batch.take(seq, self._record(seq), limit_bytes):
                    break
                seq = self._next_waiting(seq + 1)
        return batch.telemetry()

    def sent(self, telemetry):
        """The records of `telemetry` are in flight: `message` passes over them until `resend`."""
        first = telemetry.seq
        low = self.low
        capacity = self.capacity
        for row in telemetry.rows:
            seq = first + row[0]
            if seq >= low:
                slot = seq % capacity
                if self._waits(slot):
                    self._state[slot] = FLYING
                    self.pending -= 1

    def committed(self, boot, seq, also=()):
        """The collector settled all up to `seq` and the (first, last) ranges of `also`: free exactly these.

        Ignored if it speaks of another boot; a record that was never sent stays. How many records it freed.
        """
        if boot != self.boot:
            return 0
        freed = self._free(self.low, seq)
        for first, last in also:
            freed += self._free(first, last)
        if freed:
            self.freed += freed
            low = self.low
            self._advance()
            if self.low != low:
                self.answers += 1
            state = self._state
            for kept in range(self.low, self.next_seq):
                slot = kept % self.capacity
                if state[slot] == FLYING:
                    state[slot] = PASSED
        return freed

    def refuse(self, telemetry):
        """The contract does not allow `telemetry`, made by `message`: its records go alone from now on, and one that
        is alone is dropped and counted, so that it holds back no other."""
        rows = telemetry.rows
        if len(rows) == 1:
            self._drop(telemetry.seq)
            return
        for row in rows:
            self._strikes[(telemetry.seq + row[0]) % self.capacity] = ALONE_AFTER

    def resend(self, limit=None):
        """Records in flight (the oldest `limit` of them) were not answered: they wait again. How many.

        One that stayed unanswered 20 times while others were settled is given up and counted as dropped.
        """
        capacity = self.capacity
        count = 0
        for seq in range(self.low, self.next_seq):
            slot = seq % capacity
            if self._state[slot] < FLYING:
                continue
            if count == limit:
                break
            count += 1
            if self._state[slot] == PASSED:
                self._strikes[slot] += 1
            self._state[slot] = AGAIN
            self.pending += 1
            if seq < self._unsent:
                self._unsent = seq
            if self._strikes[slot] >= MAX_STRIKES:
                self._drop(seq)
        self._advance()
        return count

    @property
    def in_flight(self):
        """How many records were sent and not answered yet."""
        return self.depth - self.pending

    def _record(self, seq):
        return self._ring.get(seq % self.capacity)

    def _waits(self, slot):
        return FREE < self._state[slot] < FLYING

    def _next_waiting(self, seq):
        """The lowest number from `seq` on that waits to be sent, or None."""
        if seq < self.low:
            seq = self.low
        while seq < self.next_seq:
            slot = seq % self.capacity
            if self._waits(slot):
                return seq
            seq += 1
        return None

    def _free(self, first, last):
        """Forget the records first..last that were sent at least once. How many there were."""
        freed = 0
        for seq in range(max(first, self.low), min(last + 1, self.next_seq)):
            slot = seq % self.capacity
            if self._state[slot] > NEW:
                self._forget(slot)
                freed += 1
        return freed

    def _drop(self, seq):
        self._forget(seq % self.capacity)
        self.dropped += 1
        self._advance()

    def _forget(self, slot):
        self.depth -= 1
        if self._waits(slot):
            self.pending -= 1
        self._state[slot] = FREE

    def _advance(self):
        """Raise `low` over what is no longer kept."""
        low = self.low
        while low < self.next_seq and self._state[low % self.capacity] == FREE:
            low += 1
        self.low = low
        if self._unsent < low:
            self._unsent = low


class _Batch:
    """Records that become one Telemetry. Counts the bytes as it grows, so nothing is encoded twice."""

    def __init__(self, boot, seq, low, record):
        self._boot = boot
        self._seq = seq
        self._low = low
        self._first = record
        self._latest_ms = record.observed_at_ms
        self._columns = {point: place for place, point in enumerate(record.values)}
        self._why = record.why
        self._taken = [(0, record)]
        self._bytes = HEAD_BYTES + len(boot) + len(str(seq)) + len(str(low)) + len(record.clock)
        self._bytes += len(str(record.observed_at_ms))
        for point in record.values:
            self._bytes += len(point) + 3
        if record.why:
            for point in record.why:
                self._bytes += len(point) + len(record.why[point]) + 6
        self._bytes += _row_bytes(0, 0, record.values, len(record.values))

    def take(self, seq, record, limit_bytes):
        """Append a record if it belongs in this message and fits; whether it did."""
        taken = self._taken
        at = record.observed_at_ms
        if at <= self._latest_ms or record.clock != self._first.clock or len(taken) == MAX_ROWS:
            return False
        columns = self._columns
        values = record.values
        fresh = None
        size = self._bytes
        if len(values) != len(columns) or any(point not in columns for point in values):
            fresh = [point for point in values if point not in columns]
            for point in fresh:
                size += len(point) + 3 + 4 * len(taken)  # its name, and "-" in each row so far
        width = len(columns) + (len(fresh) if fresh else 0)
        size += _row_bytes(seq - self._seq, at - self._first.observed_at_ms, values, width)
        why = self._why
        if record.why:
            why = dict(why) if why else {}
            for point in record.why:
                reason = record.why[point]
                if point not in why:
                    why[point] = reason
                    size += len(point) + len(reason) + 6
                elif why[point] != reason:
                    return False
        if size > limit_bytes:
            return False
        if fresh:
            for point in fresh:
                columns[point] = len(columns)
        self._bytes = size
        self._why = why
        self._latest_ms = at
        taken.append((seq - self._seq, record))
        return True

    def telemetry(self):
        start = self._first.observed_at_ms
        columns = self._columns
        names = [""] * len(columns)
        for point in columns:
            names[columns[point]] = point
        rows = []
        for offset, record in self._taken:
            row = [offset, record.observed_at_ms - start]
            values = record.values
            for point in names:
                row.append(values.get(point, ABSENT))
            rows.append(row)
        clock = self._first.clock
        return Telemetry(self._boot, self._seq, self._low, start, clock, tuple(names), rows, self._why or {})


def _row_bytes(offset, after_ms, values, width):
    """Bytes of a row as JSON, with the comma behind it."""
    size = len(str(offset)) + len(str(after_ms)) + 4 + width
    for point in values:
        value = values[point]
        size += 4 if value is None else len(str(value))
    return size + 3 * (width - len(values))

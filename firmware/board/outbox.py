"""Keeps each record until the collector says that it is committed. Pure: no clock, no network, no asyncio.

The broker's word (PUBACK) frees nothing: brokers were seen to lose, when killed, what they had acknowledged.
"""

from campus.wire.telemetry import BOARD_BYTES

from .batch import Batch
from .port import const
from .ring import Ring

# What there is in a slot, in this order: what waits is between what is not there and what is in flight.
_FREE = const(0)
_NEW = const(1)  # never sent
_AGAIN = const(2)
_FLYING = const(3)
_PASSED = const(4)  # in flight, and others were settled meanwhile
_RECORD_BYTES = const(64)  # of memory per record of the capacity: six points, or more of fewer records
_MAX_STRIKES = const(20)  # unanswered sends, while others advance, after which a record is given up
_ALONE_AFTER = const(4)  # strikes after which a record is sent alone, so that it holds back no neighbour


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
        self._ring = ring or Ring(capacity, capacity * _RECORD_BYTES)
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
        self.next_seq = seq + 1
        self._state[slot] = _NEW
        self._strikes[slot] = 0
        self.depth += 1
        self.pending += 1
        frozen = self._ring.freeze(record)
        while not self._ring.put(slot, frozen, self.low % capacity if self.low < seq else None):
            self._drop(self.low)
            if self.low > seq:  # it is larger than all the memory there is
                break
        return seq

    def message(self, limit_bytes=BOARD_BYTES):
        """The next Telemetry to send: the oldest waiting records that fit in `limit_bytes` of JSON, or None.

        One message has one clock, rising times and one reason for each invalid point; a record that breaks
        this begins the next. A record too large for the limit goes alone. Call `sent` once it is on its way.
        """
        batch = Batch(self.boot, self.low, limit_bytes)
        seq = self._unsent = self._next_waiting(self._unsent)
        while seq < self.next_seq:
            slot = seq % self.capacity
            alone = self._strikes[slot] >= _ALONE_AFTER
            if (alone and seq != self._unsent) or not batch.take(seq, self._ring.get(slot)) or alone:
                break
            seq = self._next_waiting(seq + 1)
        return batch.telemetry()

    def oldest(self, limit_bytes=BOARD_BYTES):
        """The oldest records kept, whatever their state, that fit in one Telemetry; None if there are none. Changes
        nothing: `moved` does."""
        batch = Batch(self.boot, self.low, limit_bytes)
        for seq in range(self.low, self.next_seq):
            slot = seq % self.capacity
            if self._state[slot] != _FREE and not batch.take(seq, self._ring.get(slot)):
                break
        return batch.telemetry()

    def moved(self, telemetry):
        """The records of this Telemetry are kept elsewhere now: let go of them."""
        for slot in self._slots(telemetry):
            if self._state[slot] != _FREE:
                self._forget(slot)
        self._advance()

    def sent(self, telemetry):
        """The records of `telemetry` are in flight: `message` passes over them until `resend`."""
        for slot in self._slots(telemetry):
            if self._waits(slot):
                self._state[slot] = _FLYING
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
                if state[slot] == _FLYING:
                    state[slot] = _PASSED
        return freed

    def refuse(self, telemetry):
        """The contract does not allow `telemetry`, made by `message`: its records go alone from now on, and one that
        is alone is dropped and counted, so that it holds back no other."""
        if len(telemetry.rows) == 1:
            self._drop(telemetry.seq)
        else:
            for slot in self._slots(telemetry):
                self._strikes[slot] = _ALONE_AFTER

    def resend(self, limit=None):
        """Records in flight (the oldest `limit` of them) were not answered: they wait again. How many.

        One that stayed unanswered 20 times while others were settled is given up and counted as dropped.
        """
        capacity = self.capacity
        count = 0
        for seq in range(self.low, self.next_seq):
            slot = seq % capacity
            if self._state[slot] < _FLYING:
                continue
            if count == limit:
                break
            count += 1
            if self._state[slot] == _PASSED:
                self._strikes[slot] += 1
            self._state[slot] = _AGAIN
            self.pending += 1
            if seq < self._unsent:
                self._unsent = seq
            if self._strikes[slot] >= _MAX_STRIKES:
                self._drop(seq)
        self._advance()
        return count

    @property
    def in_flight(self):
        """How many records were sent and not answered yet."""
        return self.depth - self.pending

    def _slots(self, telemetry):
        """Where the records of `telemetry` are that are kept still."""
        slots = []
        for row in telemetry.rows:
            seq = telemetry.seq + row[0]
            if seq >= self.low:
                slots.append(seq % self.capacity)
        return slots

    def _waits(self, slot):
        return _FREE < self._state[slot] < _FLYING

    def _next_waiting(self, seq):
        """The lowest number from `seq` on that waits to be sent; `next_seq` if none does."""
        seq = max(seq, self.low)
        while seq < self.next_seq and not self._waits(seq % self.capacity):
            seq += 1
        return seq

    def _free(self, first, last):
        """Forget the records first..last that were sent at least once. How many there were."""
        freed = 0
        for seq in range(max(first, self.low), min(last + 1, self.next_seq)):
            slot = seq % self.capacity
            if self._state[slot] > _NEW:
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
        self._state[slot] = _FREE

    def _advance(self):
        """Raise `low` over what is no longer kept."""
        low = self.low
        while low < self.next_seq and self._state[low % self.capacity] == _FREE:
            low += 1
        self.low = low
        if self._unsent < low:
            self._unsent = low

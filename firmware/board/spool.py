"""Records that nobody answered for in time, on the flash: telemetry messages of the contract, one a line, in files.

Written only while nobody answers, so a healthy board never wears its flash. A line is `runs message`, runs being the
record numbers in it, such as 17-40,42-42; a file holds lines of one boot, and is removed once all of them are settled.
"""

import os

from campus.wire.errors import WireError
from campus.wire.telemetry import BOARD_BYTES, Telemetry, decode, encode

from .port import const

FILE_BYTES = 16384
SPARE_BYTES = 131072  # of the flash that are left to updates and to the file system's own copies
_WINDOW = const(4)  # messages on their way at a time: it drains behind the live records
_WAITS = const(0)
_FLYING = const(1)
_PASSED = const(2)  # in flight, and others were settled meanwhile
_MAX_STRIKES = const(20)


class Spool:
    """`folder` is made if need be; at most `budget_bytes` are used: then the oldest file is dropped, and counted.

    `depth`: records kept. `dropped`: records given up. `freed`: records settled. `in_flight`: messages sent and not
    answered. `answers`: how often the oldest of them were settled.
    """

    def __init__(self, folder, budget_bytes):
        self.folder = folder
        self._budget = budget_bytes
        self._files = []  # oldest first; only of the first one lines are sent
        self._newest = None  # the file that takes more lines
        self._number = 0  # of the next file; they rise, so names tell the order
        self.depth = self.dropped = self.freed = self.answers = 0
        try:
            os.mkdir(folder)
        except OSError:  # it is there
            pass
        for name in sorted(os.listdir(folder)):
            try:
                self._number = int(name.partition("-")[0]) + 1
            except ValueError:  # not a file of ours
                continue
            file = _File(folder + "/" + name)
            file.read()
            self._files.append(file)
            self.depth += file.count

    def append(self, message):
        """Keep a Telemetry; durable when it returns. Raises OSError, and it is not kept."""
        line = _line(message)
        size = len(line)
        while self._files and self._full(size):
            self._drop()
        file = self._newest
        if not file or file.boot != message.boot or file.bytes + size > FILE_BYTES:
            file = _File("%s/%08d-%s" % (self.folder, self._number, message.boot))
            self._number += 1
        self._newest = None  # after a failure half a line may stand at the end: nothing is put behind it
        with open(file.path, "ab") as flash:
            flash.write(line)
        self._newest = file
        if not file.bytes:
            self._files.append(file)
        self.depth += file.add(line)

    def low(self, boot):
        """The lowest number of this boot that is kept here, or None."""
        for file in self._files:
            if file.boot == boot and file.count:
                return file.lines[0].runs[0][0] if file.lines else file.first
        return None

    def message(self):
        """The oldest Telemetry that waits to be sent, or None. Call `sent` once it is on its way."""
        while self._files and self.in_flight < _WINDOW:
            file = self._files[0]
            if file.lines is None:
                count = file.count
                file.read([])
                self._lose(count - file.count)
            waiting = [line for line in file.lines or () if line.state == _WAITS]
            if waiting:
                self._next = waiting[0]
                try:
                    message = file.message(waiting[0].at)
                    return Telemetry(message[0], message[1], self.low(file.boot), *message[3:])
                except (OSError, WireError):
                    self.refuse()
            elif file.lines:
                break
            else:
                self._drop()
        return None

    def sent(self, message=None):
        """What `message` gave last is in flight."""
        self._next.state = _FLYING

    def committed(self, boot, seq, also=()):
        """Free the messages of this boot whose records are all settled: up to `seq`, or within a range of `also`."""
        freed = 0
        lines = self._files[0].lines if self._files and self._files[0].boot == boot else None
        if lines:
            oldest = lines[0]
            for line in lines[:]:
                if _covered(line.runs, seq, also):
                    freed += self._settle(line)
            self.answers += oldest not in lines
        if freed:
            self.freed += freed
            for line in self._flying():
                line.state = _PASSED
            self._done()
        return freed

    def resend(self, limit=None):
        """Messages in flight (the oldest `limit` of them) were not answered: they wait again. How many."""
        flying = self._flying()[:limit]
        for line in flying:
            line.strikes += line.state == _PASSED
            line.state = _WAITS
            if line.strikes >= _MAX_STRIKES:
                self.dropped += self._settle(line)
        self._done()
        return len(flying)

    def refuse(self, message=None):
        """What `message` gave last can never be sent: it is dropped and counted."""
        self.dropped += self._settle(self._next)

    @property
    def in_flight(self):
        return len(self._flying())

    def _flying(self):
        lines = self._files[0].lines if self._files else None
        return [line for line in lines or () if line.state != _WAITS]

    def _settle(self, line):
        """Forget a line of the oldest file; how many records it has."""
        file = self._files[0]
        file.lines.remove(line)
        count = _count(line.runs)
        file.count -= count
        self.depth -= count
        return count

    def _done(self):
        """Remove the oldest file if all of it is settled."""
        if self._files and not self._files[0].count:
            self._drop()

    def _drop(self):
        file = self._files.pop(0)
        if file is self._newest:
            self._newest = None
        self._lose(file.count)
        try:
            os.remove(file.path)
        except OSError:  # what stays is sent again after the next boot, which does no harm
            pass

    def _lose(self, count):
        self.depth -= count
        self.dropped += count

    def _full(self, size):
        flash = os.statvfs(self.folder)
        used = sum([file.bytes for file in self._files])
        return used + size > self._budget or flash[0] * flash[3] < SPARE_BYTES + size


class _File:
    """bytes: its size. count: records in it that are not settled. first: their lowest number, until lines are read.
    lines: the _Lines that are not settled; None as long as none of them was needed."""

    def __init__(self, path):
        self.path = path
        self.boot = path.rpartition("-")[2]
        self.lines = None
        self.bytes = self.count = 0

    def read(self, lines=None):
        """Learn what there is, and put its lines in a list. What cannot be read is as if it were not there."""
        self.lines = lines
        self.bytes = self.count = 0
        try:
            with open(self.path, "rb") as flash:
                for line in flash:
                    self.add(line)
        except OSError:
            pass

    def add(self, line):
        """Count a line; how many records it has."""
        runs = _runs(line)
        count = _count(runs)
        if count:
            if not self.count:
                self.first = runs[0][0]
            if self.lines is not None:
                self.lines.append(_Line(self.bytes, runs))
        self.count += count
        self.bytes += len(line)
        return count

    def message(self, at):
        """The Telemetry of the line at a place. Raises OSError, WireError."""
        with open(self.path, "rb") as flash:
            flash.seek(at)
            return decode(flash.readline().partition(b" ")[2].strip(), 2 * BOARD_BYTES)


class _Line:
    strikes = 0
    state = _WAITS

    def __init__(self, at, runs):
        self.at = at  # its place in the file
        self.runs = runs


def _line(message):
    runs = []
    for row in message.rows:
        seq = message.seq + row[0]
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    text = ",".join(["%d-%d" % (first, last) for first, last in runs])
    return text.encode() + b" " + encode(message) + b"\n"


def _runs(line):
    """The runs at the start of a line; [] if it is half a line, or none."""
    runs = []
    try:
        if line[-1:] == b"\n":
            for run in str(line.partition(b" ")[0], "utf-8").split(","):
                first, last = run.split("-")
                runs.append((int(first), int(last)))
        return runs
    except ValueError:
        return []


def _count(runs):
    return sum([last - first + 1 for first, last in runs])


def _covered(runs, seq, also):
    for first, last in runs:
        if last > seq and not any([start <= first and last <= end for start, end in also]):
            return False
    return True

"""Random power cuts on a littlefs block device: `micropython power_cuts.py SEED ROUNDS [defect]`.

Each round is one board through several lives on one flash. In a life it makes records, some are committed, the rest
is moved to the flash; at a random write of the flash the power goes, in the middle of that write. What had been moved
before must be there in the next life, every file system must mount, and the files that are replaced must be whole:
the old one or the new one. One line of JSON at the end: {"cuts": ..., "lost": ..., ...}.

`defect` is how a control shows that lost records are noticed: "early" lets go of records before they are written.
"""

import json
import os
import random
import sys

import vfs
from nor_flash import FLASH, FOREVER, Device

from firmware.board import spool as spools
from firmware.board.boot import next_boot
from firmware.board.outbox import Outbox
from firmware.board.sampling import Record
from firmware.board.spill import BATCH, Spill
from firmware.board.spool import Spool

spools.SPARE_BYTES = 65536
BLOCKS = 96
LIVES = 12


class PowerCut(Exception):
    pass


class Board:
    """One flash through its lives. `kept`: (boot, seq) moved to the flash and not settled."""

    def __init__(self, device, defect):
        self.device = device
        self.defect = defect
        self.kept = set()
        self.boots = []
        self.cuts = self.lost = self.unflushed = self.torn = 0

    def life(self, cut_after=FOREVER):
        self.device.mount(cut_after)
        try:
            self._live(self.device)
        except (OSError, PowerCut):
            pass
        finally:
            vfs.umount(FLASH)
        self.cuts += self.device.dead

    def _live(self, device):
        self._whole("config.json")
        spool = Spool(FLASH + "/spool", 262144)
        if spool.dropped:
            self.lost += spool.dropped
        self._look(device)
        boot = next_boot(FLASH)
        self._alive(device)
        assert boot not in self.boots, "a boot came twice"
        self.boots.append(boot)
        outbox = Outbox(boot, 64)
        spill = Spill(outbox, spool, lambda text: None)
        for n in range(40):
            for _ in range(random.getrandbits(4)):
                outbox.add(Record(1795326683120 + 1000 * outbox.next_seq, "ntp", {"co2_ppm": 400}, None))
                self._move(device, outbox, spool, spill, outbox.depth >= BATCH)
            if random.getrandbits(1):
                self._commit(device, outbox, spool)
            if n % 20 == 0:
                self._replace(device, "config.json", json.dumps({"n": n, "pad": "x" * 300}))

    def _move(self, device, outbox, spool, spill, due):
        if not due:
            return
        before = spool.dropped
        first, waiting = outbox.low, outbox.depth
        if self.defect == "early":
            while outbox.depth:
                message = outbox.oldest()
                outbox.moved(message)
                self.kept.update([(outbox.boot, message.seq + row[0]) for row in message.rows])
                spool.append(message)
            return
        spill.move()
        self.kept.update([(outbox.boot, seq) for seq in range(first, outbox.low)])
        if outbox.depth:
            self.unflushed = max(self.unflushed, waiting)
            raise PowerCut()
        self.lost += spool.dropped - before
        self._alive(device)

    def _commit(self, device, outbox, spool):
        for source in (outbox, spool):
            message = source.message()
            if message is None:
                continue
            source.sent(message)
            numbers = [message.seq + row[0] for row in message.rows]
            # Settled before it is removed: a record that came back after the cut is sent twice, which does no harm.
            self.kept.difference_update([(message.boot, seq) for seq in numbers])
            source.committed(message.boot, -1, [(numbers[0], numbers[-1])])
            self._alive(device)

    def _replace(self, device, name, text):
        with open(FLASH + "/" + name + ".new", "w") as file:
            file.write(text)
        os.rename(FLASH + "/" + name + ".new", FLASH + "/" + name)
        self._alive(device)

    def _whole(self, name):
        try:
            with open(FLASH + "/" + name) as file:
                json.load(file)
        except ValueError:
            self.torn += 1
        except OSError:  # never written yet
            pass

    def _look(self, device):
        """What is on the flash now must hold all that was kept."""
        found = set()
        for name in os.listdir(FLASH + "/spool"):
            with open(FLASH + "/spool/" + name, "rb") as file:
                for line in file:
                    for run in str(line.split(b" ")[0], "utf-8").split(","):
                        first, last = run.split("-")
                        found.update([(name.split("-")[1], n) for n in range(int(first), int(last) + 1)])
        self.lost += len(self.kept - found)
        self.kept = found  # and what was settled, but not removed yet, is kept once more

    def _alive(self, device):
        if device.dead:
            raise PowerCut()


def main(seed, rounds, defect=None):
    random.seed(seed)
    total = {"cuts": 0, "lost": 0, "torn": 0, "unflushed": 0, "boots": 0}
    for _ in range(rounds):
        board = Board(Device(BLOCKS), defect)
        for _ in range(LIVES):
            board.life(random.getrandbits(5))
        board.life()
        total["cuts"] += board.cuts
        total["lost"] += board.lost
        total["torn"] += board.torn
        total["boots"] += len(board.boots)
        total["unflushed"] = max(total["unflushed"], board.unflushed)
    print(json.dumps(total))


main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])

"""The board's program with a day in little more than a minute: its clock starts 24 hours ago and runs 1,200 times as
fast until it has caught up. Timeouts of the network stay real. Each hour a line of heap.txt says how much is in use.
"""

import asyncio
import gc
import time

from board import app, clock

SPEED = 1200
BEHIND_MS = 86400000


class Uptime:
    def __init__(self):
        self._real = clock.Uptime()

    def __call__(self):
        real = self._real()
        return min(real * SPEED, real + BEHIND_MS)

    def rtc_ms(self):
        real = self._real()
        return time.time_ns() // 1000000 - real - BEHIND_MS + self()


class Board(app.Board):
    async def live(self):
        watching = asyncio.create_task(self._watch_heap())
        await super().live()
        watching.cancel()

    async def _watch_heap(self):
        while True:
            await asyncio.sleep_ms(3600000 // SPEED)
            gc.collect()
            with open("heap.txt", "a") as file:
                file.write("%d %d\n" % (self.clock.ticks_ms() // 3600000, gc.mem_alloc()))


uptime = Uptime()
app.Clock = lambda: clock.Clock(uptime, uptime.rtc_ms)
app.Board = Board
app.run()

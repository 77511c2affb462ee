"""The past of a virtual school on its way through MQTT: how it ends."""

import asyncio
import threading

import pytest

from campus.cli.backfill import Backfill, Sending
from simulator.school import School

BOARDS = 3


def test_all_connections_are_left_at_once():
    """A broker that does not answer costs seconds of each; one after the other would never end here."""
    filling = Backfill(School.make(rooms=BOARDS), "127.0.0.1", 1, lambda _: None, (), None, threading.Event())

    class Slow:
        """Lets go only when all the others are letting go too."""

        uncommitted = 0
        closing = 0
        together = asyncio.Event()

        async def close(self):
            Slow.closing += 1
            if Slow.closing == BOARDS:
                self.together.set()
            await asyncio.wait_for(self.together.wait(), 20)

    filling._open = {str(number): Slow() for number in range(BOARDS)}
    asyncio.run(filling.run(0, 0))
    assert Slow.closing == BOARDS


def test_who_waits_for_a_slow_broker_can_be_stopped():
    """Ctrl-C is heard also while nothing may be sent."""

    class Full:
        def ready(self):
            return False

        def check(self):
            pass

    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(asyncio.wait_for(Sending(Full()).send(b"", stopped), 20))

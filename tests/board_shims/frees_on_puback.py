"""The board's program with a defect: its outbox lets go of records that the broker, not the collector, has."""

from board import app, session

take = session.Session.publish


async def publish_and_forget(self, leaf, payload, retain=False):
    number = await take(self, leaf, payload, retain)
    if leaf == "telemetry":
        forget[0]()
    return number


class Board(app.Board):
    def __init__(self, *args):
        super().__init__(*args)
        outbox = self.outbox
        forget[0] = lambda: outbox.committed(outbox.boot, outbox.next_seq - 1)


forget = [None]
session.Session.publish = publish_and_forget
app.Board = Board
app.run()

"""The board's program with a defect: its outbox lets go of records that the broker, not the collector, has."""

import main
from board import session

take = session.Session.publish


async def publish_and_forget(self, leaf, payload, retain=False):
    await take(self, leaf, payload, retain)
    if leaf == "telemetry":
        forget[0]()


forget = [None]
session.Session.publish = publish_and_forget
build = main.build


def build_with_defect(config):
    link, tasks = build(config)
    outbox = link.outbox
    forget[0] = lambda: outbox.committed(outbox.boot, outbox.next_seq - 1)
    return link, tasks


main.build = build_with_defect
main.run()

"""The portal by itself on loopback, with a real MicroPython's heap: `portal_alone.py PORT DNS_PORT [defect]`.

NVS and config.json are in the folder that it runs in. Where a file `measure` appears, `heap.txt` tells the bytes that
are free after a collection, and `measure` goes. A defect puts back what the portal is protected from.
"""

import asyncio
import gc
import json
import os
import sys

from firmware.board import portal
from firmware.board.nvs import Nvs


class Loopback(portal.AccessPoint):
    address = "127.0.0.1"

    def __init__(self):
        pass

    def open(self, name, password):
        print("open", name, password)

    def close(self):
        print("closed")


class Patient(portal.Portal):
    """Waits for its clients for ever, and has no place for a new one before an old one goes."""

    async def _connected(self, reader, writer):
        if len(self._open) < portal.CONNECTIONS:
            await portal.Portal._connected(self, reader, writer)
        else:
            await writer.wait_closed()


def believe_all(served):
    """Take any form, wherever it comes from."""
    find, decode = portal.header, portal.form
    portal.header = lambda head, name: served._host if name == "host" else find(head, name)
    portal.form = lambda body: dict(decode(body), token=served._shown["token"])


def keeping(function):
    """`function`, which also keeps all that it was ever given."""
    kept = []

    def call(*given):
        kept.append(given)
        return function(*given)

    return call


def save(changes):
    """Merge the changes into config.json, as the board's own program does."""
    document = read()
    for key in changes:
        document[key] = dict(document.get(key, {}), **changes[key])
    with open("config.new", "w") as file:
        json.dump(document, file)
    os.rename("config.new", "config.json")


def read():
    with open("config.json") as file:
        return json.load(file)


async def measure():
    while True:
        await asyncio.sleep_ms(50)
        if "measure" in os.listdir():
            gc.collect()
            with open("heap.new", "w") as file:
                file.write(str(gc.mem_free()))
            os.rename("heap.new", "heap.txt")
            os.remove("measure")


async def main(port, dns_port, defect=""):
    kind = Patient if defect == "patient" else portal.Portal
    served = kind(Loopback(), Nvs(), "esp32-a0b1c2d3e4f5", read(), save, int(port), int(dns_port))
    if defect == "patient":
        portal.EXCHANGE_MS = 3600000
    elif defect == "credulous":
        believe_all(served)
    elif defect == "raw":
        portal.escape = str
    elif defect == "hoarding":
        portal.header = keeping(portal.header)
    measuring = asyncio.create_task(measure())
    print("saved" if await served.serve() else "ended")
    measuring.cancel()


asyncio.run(main(*sys.argv[1:]))

"""A board as a server meets it over MQTT: births, commands with their replies, configuration. It may misbehave."""

import asyncio
import threading

import paho.mqtt.client as paho

from campus.wire.lifecycle import encode_availability, encode_birth
from campus.wire.remote import decode_command, decode_desired, encode_reply, encode_reported
from campus.wire.topics import board_topic
from collector.address import BrokerAddress
from firmware.board import update
from firmware.board.nvs import Nvs
from firmware.board.update import Update

POINTS = {"motion": {"unit": ""}}


class Refused(Exception):
    """args: code, message, result."""


class RemoteBoard:
    """Connects and is born. `ops`: op -> function(args), which gives a result, None, or raises Refused.

    `deaf`: how many commands it does not hear. `on_desired(board, desired)`: what a configuration does to it.
    `refused` is set when the broker does not let it in.
    """

    def __init__(
        self, url, site="school", board="board-1", *, password=None, firmware="0.1.0", user=None, **ops
    ):
        self.site, self.board, self.firmware = site, board, firmware
        self.ops = {"identify": lambda args: None, "rebirth": lambda args: self.born(), **ops}
        self.ops.setdefault("reboot", lambda args: self.later(self.restart))
        self.on_desired = lambda board, desired: board.report(desired.rev)
        self.deaf = 0
        self.commands, self.ran, self.desires, self.notes = [], [], [], ()
        self.boots = 0
        self.refused = threading.Event()
        self._answered = {}
        self._ready = threading.Event()
        self._timers = []
        address = BrokerAddress.parse(url)
        self._client = client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.username_pw_set(user or address.user, password or address.password)
        client.on_connect, client.on_message = self._connected, self._heard
        client.on_subscribe = lambda *_: self._ready.set()
        client.reconnect_delay_set(1, 1)
        client.connect(address.host, address.port)
        client.loop_start()
        assert self._ready.wait(10), "the broker did not answer"
        if not self.refused.is_set():
            self.restart()

    @property
    def boot(self):
        return f"9f3a61c2{self.boots:08x}"

    def restart(self, **what):
        """Another boot; `what` it is from now on: firmware, notes."""
        self.boots += 1
        for name, value in what.items():
            setattr(self, name, value)
        self.say("availability", encode_availability(self.boot, "online"), True)
        self.born()

    def born(self):
        birth = encode_birth(
            self.boot, self.firmware, "esp32", "power", "ntp", POINTS, None, "a0b1c2d3e4f5", self.notes
        )
        self.say("birth", birth, True)

    def leave(self, state="offline"):
        self.say("availability", encode_availability(self.boot, state), True)

    def report(self, rev, *errors):
        self.say("config/reported", encode_reported(rev, not errors, errors), True)

    def say(self, leaf, payload, retain=False):
        self._client.publish(board_topic(self.site, self.board, leaf), payload, 1, retain)

    def later(self, what, after_s=0.2):
        """Call `what` after the reply has left."""
        timer = threading.Timer(after_s, what)
        self._timers.append(timer)
        timer.start()

    def close(self):
        for timer in self._timers:
            timer.cancel()
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _connected(self, client, data, flags, code, properties):
        if code.is_failure:
            self.refused.set()
            self._ready.set()
            return
        client.subscribe(
            [(board_topic(self.site, self.board, leaf), 1) for leaf in ("command", "config/desired")]
        )

    def _heard(self, client, data, message):
        if message.topic.endswith("/config/desired"):
            desired = decode_desired(message.payload)
            self.desires.append(desired)
            self.on_desired(self, desired)
            return
        command = decode_command(message.payload)
        self.commands.append(command)
        if self.deaf:
            self.deaf -= 1
            return
        if command.id not in self._answered:
            self._answered[command.id] = self._run(command)
        self.say("reply", self._answered[command.id])

    def _run(self, command):
        self.ran.append(command.op)
        try:
            if command.op not in self.ops:
                raise Refused("unknown", command.op)
            return encode_reply(command.id, True, None, self.ops[command.op](command.args))
        except Refused as error:
            code, message, result = (*error.args, None, None)[:3]
            return encode_reply(command.id, False, {"code": code, "message": message or ""}, result)


class Slots:
    """The two program slots of a board on a folder, slot a running `files`, filled by the boards' own update code."""

    def __init__(self, folder, files, modulus):
        self.folder = folder
        self.nvs = Nvs(Chip())
        self.nvs.set(update_key=modulus, slot="a")
        for path, content in files.items():
            (folder / "a" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "a" / path).write_bytes(content)
        self._update = Update(self.nvs, "a", str(folder))

    def step(self, args):
        """One step; raises Refused as RemoteBoard answers it."""
        try:
            return asyncio.run(self._update.step(args))
        except update.Refused as error:
            raise Refused(*error.args) from error
        except ValueError as error:
            raise Refused("args", str(error)) from error

    def content(self, slot):
        """path -> bytes of everything in a slot."""
        root = self.folder / slot
        return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


class Chip:
    """An esp32.NVS in memory."""

    def __init__(self):
        self._held = {}

    def get_blob(self, key, buffer):
        if key not in self._held:
            raise OSError(-4354)
        value = self._held[key]
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        self._held[key] = bytes(value)

    def erase_key(self, key):
        del self._held[key]

    def commit(self):
        pass

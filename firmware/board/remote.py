"""What the server may ask of this board: commands, each answered once, and another config.json, taken on trial."""

import asyncio

from campus.wire.errors import WireError
from campus.wire.remote import decode_command, decode_desired, encode_reply, encode_reported

from .config import read, replace
from .refused import Refused


class Remote:
    """nvs: an Nvs. clock: a Clock. validate(document): raises ValueError, one sentence, for a wrong config.json.

    ops: name -> op(args), a function or a coroutine, which gives None or an object, and raises ValueError for wrong
    args, Refused, or anything. One is "reboot": it asks for a restart once the reply has left, and returns.

    A command with `exp` is refused while the clock was never set (code "clock"), for nobody can say how old it is; one
    without `exp` is run, so a board that never learns the time can still be restarted and updated.
    """

    def __init__(self, nvs, clock, ops, validate, config="config.json"):
        self.nvs = nvs
        self.clock = clock
        self.ops = ops
        self.validate = validate
        self.config = config
        self._replies = []  # the last 8 (id, payload)
        self._waiting = []
        self._arrived = asyncio.Event()

    def receive(self, leaf, payload):
        """Take a message of "command" or "config/desired" for `run`. Of more than 8 the rest is dropped, unanswered."""
        if len(self._waiting) < 8:
            self._waiting.append((leaf, payload))
        self._arrived.set()

    async def run(self, say):
        """Answer for ever, one after the other. say(leaf, payload, retain) publishes."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._answer(say, *self._waiting.pop(0))

    async def _answer(self, say, leaf, payload):
        """Outside of `run`, which would hold the payload's memory until the next one comes."""
        try:
            if leaf == "command":
                say("reply", await self.on_command(payload), False)
            else:
                report = self.on_desired(payload)
                if report:
                    say("config/reported", report, True)
        except Exception as error:  # such as a payload that is no command: nobody to answer
            print("%s: %r" % (leaf, error))

    async def on_command(self, payload):
        """The reply. A repeated id is answered again, not run again. Raises WireError for what is no command."""
        command = decode_command(payload)
        for id, reply in self._replies:
            if id == command.id:
                return reply
        reply = await self._reply(command)
        self._replies = self._replies[-7:] + [(command.id, reply)]
        return reply

    async def _reply(self, command):
        code = result = None
        try:
            return encode_reply(command.id, True, None, await self._run(command))
        except Refused as error:
            code, message, result = (error.args + ("", ""))[:3]
        except ValueError as error:
            code, message = "args", error
        except Exception as error:  # whatever an op does, the session goes on
            code, message = "failed", repr(error)
        return encode_reply(command.id, False, {"code": code, "message": plain(message)}, result or None)

    async def _run(self, command):
        op, args, exp_ms = command[1:]
        if exp_ms is not None:
            if self.clock.quality() == "up":
                raise Refused("clock", "the board does not know the time")
            if exp_ms < self.clock.now_ms():
                raise Refused("expired")
        if op not in self.ops:
            raise Refused("unknown", op)
        result = self.ops[op](args)
        if hasattr(result, "send"):
            result = await result
        if op == "update" and "finish" in args:
            self.ops["reboot"]({})
        return result

    def on_desired(self, payload):
        """What to report; None when the board is about to restart with it."""
        try:
            rev, config = decode_desired(payload)
        except WireError as error:
            return encode_reported(0, False, [plain(error)])
        nvs = self.nvs
        if rev > nvs.number("config_rev"):
            try:
                if self._replace(rev, config):
                    return None
                error = None
            except ValueError as wrong:
                error = plain(wrong)
            except Exception as failure:  # such as a full flash: another time the same may work
                return encode_reported(rev, False, [plain(repr(failure))])
            nvs.set(config_error=error)
            nvs.set(config_rev=rev)
        return self.reported()

    def reported(self):
        """What was last taken or refused. It is said on every connection."""
        error = self.nvs.text("config_error")
        return encode_reported(self.nvs.number("config_rev"), not error, [error] if error else [])

    def _replace(self, rev, config):
        """Whether another config.json waits for the restart; board/recovery.py puts it in place, and takes it back."""
        old = read(self.config)
        document = dict(old)
        for key in config:
            if key in ("site", "board"):
                raise ValueError("config.json: %s cannot change" % key)
            document[key] = config[key]
            if config[key] is None:
                del document[key]
        self.validate(document)
        if document == old:
            return False
        self.nvs.set(config_trial=None)  # of one before: its files are about to be others
        replace(old, self.config[:-4] + "old")
        replace(document, self.config[:-4] + "new")
        self.nvs.set(config_trial=rev)
        self.ops["reboot"]({})
        return True


def plain(error):
    """What may be said of an error in one line."""
    return "".join([sign if " " <= sign <= "~" else "?" for sign in str(error)])[:200] or "?"

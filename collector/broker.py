"""The embedded broker: amqtt in a thread of its own, on loopback only, for a demo or a first trial.

It has known faults when a client id is taken over, so it is never offered on a network; a school's real
boards connect to mosquitto. Credentials and rights are those of the wire contract all the same: each user
may write and read its own topics only, and every password is derived from a secret generated at install.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from campus.boards.rights import COLLECTOR, allowed
from campus.errors import CampusError, StoreError
from collector.address import free_port


def load_secret(file: Path) -> bytes:
    """The secret that passwords derive from; generated once, readable by its owner only. Raises StoreError."""
    try:
        file.touch(mode=0o600, exist_ok=True)
        if not (text := file.read_text().strip()):
            text = secrets.token_hex(32)
            file.write_text(text + "\n")
        return bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"Cannot use the broker's secret in {file}: {error}. Delete the file to make a new one."
        ) from error


def password(secret: bytes, user: str) -> str:
    """The password of a user: a board's own id, or a service of this server."""
    return hmac.new(secret, user.encode(), hashlib.sha256).hexdigest()[:40]


class DerivedPasswords(BaseAuthPlugin):
    """Lets in who knows the password of its user name."""

    @dataclass
    class Config:
        secret: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        user, given = session.username, session.password
        expected = password(bytes.fromhex(self.config.secret), user or "")
        return (
            bool(user) and given is not None and hmac.compare_digest(expected.encode(), str(given).encode())
        )


class OwnTopicsOnly(BaseTopicPlugin):
    """Keeps every user to its own topics."""

    @dataclass
    class Config:
        pass

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        if session is None or not session.username or not topic:
            return False
        return allowed(session.username, topic, writes=action == Action.PUBLISH)

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)


class _Steady(dict[str, Any]):
    """A dict whose loops see it as it was when they began.

    amqtt awaits inside its loops over the subscriptions; another client that subscribes meanwhile would break them,
    and with them that message or connection.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class EmbeddedBroker:
    """`start()` listens on a free loopback port; `url(user)` is how that user connects; `stop()` ends it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded-broker", daemon=True)
        self._broker: Broker | None = None
        self.port = 0

    def start(self) -> None:
        """Raises CampusError when it does not come up."""
        logging.getLogger("amqtt").setLevel(
            logging.CRITICAL
        )  # it logs every client's coming and going as a warning
        logging.getLogger("transitions").setLevel(logging.WARNING)
        self._thread.start()
        for attempt in range(3):
            self.port = free_port()
            try:
                asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(20)
                return
            except (
                Exception
            ) as error:  # amqtt wraps whatever happened; another program may have taken the port
                if attempt == 2:
                    self._end_loop()
                    raise CampusError(f"The embedded broker did not start: {error}.") from error

    async def _start(self) -> None:
        config: dict[str, Any] = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "plugins": {
                f"{__name__}.{DerivedPasswords.__name__}": {"secret": self._secret.hex()},
                f"{__name__}.{OwnTopicsOnly.__name__}": {},
            },
        }
        self._broker = Broker(config, loop=self._loop)
        self._broker._subscriptions = _Steady()
        await self._broker.start()

    def credential(self, user: str) -> tuple[str, str]:
        """(user, password)"""
        return user, password(self._secret, user)

    def url(self, user: str = COLLECTOR) -> str:
        return f"mqtt://{user}:{password(self._secret, user)}@127.0.0.1:{self.port}?protocol=3.1.1"

    def stop(self) -> None:
        if self._broker is not None:
            try:
                asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop).result(10)
            except Exception:  # going down anyway; nothing of the broker is kept
                logging.getLogger(__name__).debug("embedded broker did not stop cleanly", exc_info=True)
            self._broker = None
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

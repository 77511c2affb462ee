"""The web server around the app: takes the port or says why not, and ends live streams before it waits for them."""

import socket
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI

from campus.errors import UsageError


class ApiServer(uvicorn.Server):
    """`run()` in the main thread, or `start()` and `stop()` beside other work. One use each.

    The port is taken on construction: raises UsageError when it is not free. `port` 0 takes any free one.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=15,
            limit_concurrency=1000,
            h11_max_incomplete_event_size=32 * 1024,
        )
        super().__init__(config)
        self._app = app
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._thread: threading.Thread | None = None
        self._answering = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped or signalled."""
        super().run(sockets or [self._socket])

    def start(self, timeout: float = 10) -> None:
        """Serve in a thread; returns when requests are answered. Raises UsageError when that fails."""
        self._thread = threading.Thread(target=self.run, name="api", daemon=True)
        self._thread.start()
        self._answering.wait(timeout)
        if not self.started:
            raise UsageError("The API could not start; its log says why.")

    def stop(self, timeout: float = 10) -> None:
        """End streams, finish requests, stop. Safe to call twice."""
        self.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout)
        self._socket.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self._answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.streams.close()  # uvicorn waits for open responses before it tells the app
        await super().shutdown(sockets)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle off only where the protocol is named: without it every answer waits 40 ms.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(512)
    except (OSError, OverflowError) as error:
        taken.close()
        why: Any = getattr(error, "strerror", None) or error
        raise UsageError(
            f"The address {host}:{port} cannot be used: {why}. Stop what uses it, or choose another with --http."
        ) from error
    return taken

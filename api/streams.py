"""Server-sent events: every change of the live state to every reader, bounded, and gone when the reader is gone."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from campus.live import Change, Live

HEARTBEAT_SECONDS = 15.0
QUEUE = 256
RETRY_MS = 3000


def event(kind: str, body: object) -> bytes:
    """One event in wire format."""
    return f"event: {kind}\ndata: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


class Subscriber:
    """One reader's queue between the writer's thread and its event loop. When it overflows, all is one `reset`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wanted: Callable[[Change], bool], size: int = QUEUE
    ) -> None:
        self._loop = loop
        self._wanted = wanted
        self._size = size
        self._lock = threading.Lock()
        self._changes: deque[Change] = deque()
        self._reset = False
        self._called = False
        self.ended = False
        self._ready = asyncio.Event()

    def offer(self, change: Change) -> None:
        """From any thread; never blocks."""
        if self._wanted(change):
            with self._lock:
                if self._reset:
                    return
                self._changes.append(change)
                if len(self._changes) > self._size:
                    self._changes.clear()
                    self._reset = True
            self._wake()

    def end(self) -> None:
        """From any thread: the stream is to end now."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._called:
                return
            self._called = True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:  # the loop is closed: nobody reads any more
            self.ended = True

    async def take(self, timeout: float) -> bytes:
        """What has happened since the last call; b"" after `timeout` seconds without anything."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            return b""
        self._ready.clear()
        with self._lock:
            self._called = False
            reset, self._reset = self._reset, False
            changes = list(self._changes)
            self._changes.clear()
        return event("reset", {}) if reset else b"".join(event(one.kind, one.body) for one in changes)


class Streams:
    """All open streams of this process."""

    def __init__(self, live: Live, limit: int = 200, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self.live = live
        self.limit = limit
        self.heartbeat = heartbeat
        self._open: set[Subscriber] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        return len(self._open) >= self.limit

    def close(self) -> None:
        """End every stream and refuse new ones: the server is stopping. From any thread."""
        self._closed = True
        for subscriber in tuple(self._open):
            subscriber.end()

    def response(
        self, wanted: Callable[[Change], bool], still_allowed: Callable[[], bool], now_ms: Callable[[], int]
    ) -> "EventStream":
        """A stream of the wanted changes; `still_allowed` is asked, off the loop, at every heartbeat."""
        return EventStream(self, wanted, still_allowed, now_ms)

    def join(self, wanted: Callable[[Change], bool]) -> tuple[Subscriber, Callable[[], None]]:
        """A new subscriber, and the function that removes it."""
        subscriber = Subscriber(asyncio.get_running_loop(), wanted)
        self._open.add(subscriber)
        remove = self.live.listen(subscriber.offer)
        if self._closed:
            subscriber.end()

        def leave() -> None:
            remove()
            self._open.discard(subscriber)

        return subscriber, leave


class EventStream(Response):
    """Joins before its headers go out, so that a snapshot asked for once it is open misses nothing."""

    media_type = "text/event-stream"

    def __init__(
        self,
        streams: Streams,
        wanted: Callable[[Change], bool],
        still_allowed: Callable[[], bool],
        now_ms: Callable[[], int],
    ) -> None:
        self.streams, self.wanted, self.still_allowed, self.now_ms = streams, wanted, still_allowed, now_ms
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers({"X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        subscriber, leave = self.streams.join(self.wanted)
        gone = asyncio.create_task(self._gone(receive, subscriber))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._body(send, f"retry: {RETRY_MS}\n\n".encode() + self._beat())
            clock = asyncio.get_running_loop().time
            due = clock() + self.streams.heartbeat
            while not subscriber.ended:
                if chunk := await subscriber.take(max(0.0, due - clock())):
                    await self._body(send, chunk)
                if clock() >= due and not subscriber.ended:
                    if not await asyncio.to_thread(self.still_allowed):
                        break
                    await self._body(send, self._beat())
                    due = clock() + self.streams.heartbeat
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leave()
            gone.cancel()

    async def _body(self, send: Send, chunk: bytes) -> None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _beat(self) -> bytes:
        """A comment for proxies, and an event for pages: a script cannot see comments."""
        return b": heartbeat\n" + event("beat", {"at_ms": self.now_ms()})

    async def _gone(self, receive: Receive, subscriber: Subscriber) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        subscriber.end()

"""The client itself: one person at one server."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from campus.client.operations import Operations
from campus.client.transport import WAITS, Transport


class Client(Operations):
    """Every operation of the API at `url` with a person's `token`, as `client.TAG.OPERATION(...)`.

    Lists are iterators over all pages. Writes carry an idempotency key, so that trying again does them once. A 429, a
    503 or no answer is tried again, at most `tries` times in all; `timeout` is in seconds. Raises ApiError for what the
    server refused and Unreachable where no whole answer came. Not to be shared between threads.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        language: str = "en",
        timeout: float = 30.0,
        tries: int = len(WAITS) + 1,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(url, token, language=language, timeout=timeout, tries=tries, sleep=sleep)
        super().__init__(self._transport)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""How often may be asked: a bucket of tokens for each credential, and for the address of a stranger.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from math import ceil

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import Rates
from api.problems import ProblemError
from api.security import COOKIE, PersonDep

MOST_KEPT = 10_000
"""Credentials, and as many addresses; of more, those that did not ask for longest are forgotten."""

EXPORTS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a bucket after a request; `wait`: in so many seconds the next is answered, 0 where it was."""

    kind: str
    size: int
    rate: int
    left: int
    wait: float

    def headers(self) -> dict[str, str]:
        """As the draft says: the policy, and what is left for how long."""
        full = ceil((self.size - self.left) / self.rate)
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.size};w={max(1, ceil(self.size / self.rate))}',
            "RateLimit": f'"{self.kind}";r={self.left};t={full}',
        }


class Buckets:
    """Buckets of one size by key. Thread-safe; holds at most `most` of them."""

    def __init__(
        self, kind: str, rate: int, size: int, clock: Callable[[], float], most: int = MOST_KEPT
    ) -> None:
        self.kind, self.rate, self.size = kind, rate, size
        self._clock, self._most = clock, most
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # key -> (tokens, when)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: bytes) -> bool:
        return key in self._held

    def take(self, key: bytes) -> Standing:
        """Take a token, where there is one."""
        with self._lock:
            tokens, now = self._tokens(key)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / self.rate
            left = tokens - 1 if tokens >= 1 else tokens
            self._put(key, left, now)
        return Standing(self.kind, self.size, self.rate, int(left), wait)

    def give_back(self, key: bytes) -> None:
        """The request was somebody else's to pay for."""
        with self._lock:
            tokens, now = self._tokens(key)
            self._put(key, min(self.size, tokens + 1), now)

    def forget(self, key: bytes) -> None:
        with self._lock:
            self._held.pop(key, None)

    def _tokens(self, key: bytes) -> tuple[float, float]:
        now = self._clock()
        tokens, since = self._held.get(key, (float(self.size), now))
        return min(self.size, tokens + (now - since) * self.rate), now

    def _put(self, key: bytes, tokens: float, now: float) -> None:
        self._held[key] = (tokens, now)
        self._held.move_to_end(key)
        while len(self._held) > self._most:
            self._held.popitem(last=False)


class Limits:
    """The buckets of this process, and who is being sent exports."""

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        strangers = rates.strangers_per_second
        self.known = Buckets("credential", rates.per_second, max(rates.at_once, 1), clock)
        self.strangers = Buckets("address", strangers, 3 * strangers, clock)
        self._exports: Counter[int] = Counter()
        self._lock = threading.Lock()

    def admit(self, request: Request) -> Standing:
        """Take a token for a request: of its credential where that proved valid before, else of its address.

        So an invented credential brings no bucket of its own.
        """
        key = credential(request)
        if key is not None and key in self.known:
            return self.known.take(key)
        request.state.address_paid = True
        return self.strangers.take(address(request))

    def recognise(self, request: Request) -> None:
        """The credential of a request is valid: from now on it pays itself, this time too."""
        key = credential(request)
        if key is not None and getattr(request.state, "address_paid", False):
            request.state.address_paid = False
            self.strangers.give_back(address(request))
            self.known.take(key)

    def forget(self, request: Request) -> None:
        """The credential of a request is not valid, or not any more."""
        if key := credential(request):
            self.known.forget(key)

    def begin_export(self, person: int) -> Callable[[], None]:
        """Returns what ends it. Raises ProblemError 429 where the person has EXPORTS_AT_ONCE already."""
        with self._lock:
            if self._exports[person] >= EXPORTS_AT_ONCE:
                raise ProblemError(
                    429,
                    f"You are being sent {EXPORTS_AT_ONCE} files already. Ask again when one is done.",
                    {"Retry-After": "10"},
                )
            self._exports[person] += 1

        def end() -> None:
            with self._lock:
                self._exports[person] -= 1
                if self._exports[person] <= 0:
                    del self._exports[person]

        return end


def _turn(request: Request, person: PersonDep) -> None:
    limits: Limits = request.app.state.limits
    request.state.at_end.append(limits.begin_export(person.id))


EXPORT_TURN = Depends(_turn)
"""A dependency of every route that sends a long file: at most EXPORTS_AT_ONCE of a person at one time."""


def credential(request: Request) -> bytes | None:
    """What stands for the token or session of a request, as security.identify takes it; None without one."""
    header = request.headers.get("authorization")
    if header is not None:
        return _short(b"token", header.encode("utf-8", "replace"))
    session = request.cookies.get(COOKIE)
    return _short(b"session", session.encode("utf-8", "replace")) if session else None


def address(request: Request) -> bytes:
    """What stands for where a request comes from: of IPv6 the network that one customer is given."""
    host = request.client.host if request.client else ""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return _short(b"address", host.encode("utf-8", "replace"))
    if isinstance(ip, IPv6Address):
        return _short(b"address", (ip.ipv4_mapped.packed if ip.ipv4_mapped else ip.packed[:8]))
    return _short(b"address", ip.packed)


def _short(kind: bytes, value: bytes) -> bytes:
    return blake2b(value, digest_size=16, person=kind).digest()


class Limited:
    """Pure ASGI: refuses who asks too often with 429, tells the others what is left; ends the exports of a request."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        at_end: list[Callable[[], None]] = []
        scope.setdefault("state", {})["at_end"] = at_end
        standing = self.limits.admit(Request(scope))
        told = standing.headers()
        if standing.wait > 0:
            raise ProblemError(
                429,
                f"These are too many requests. Ask again in {ceil(standing.wait)} seconds, and not more than "
                f"{standing.rate} times a second.",
                {"Retry-After": str(ceil(standing.wait)), **told},
            )

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in told.items():
                    headers[name] = value
            await send(message)

        try:
            await self.app(scope, receive, tell)
        finally:
            for end in at_end:
                end()

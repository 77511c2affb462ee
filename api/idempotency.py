"""Idempotency-Key: a write that is sent again, because its answer was lost, is answered again and not done again.

The key is claimed in the records before the work and holds the answer for a day. What is not known to have ended, as
its process died, is never done again: 409 says so.
"""

import hashlib
import json
import logging
import re
from secrets import token_hex
from typing import cast

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.context import Context
from api.etags import API
from api.problems import ProblemError
from api.security import identify
from campus.errors import CampusError
from campus.records.entities import Person
from campus.records.idempotency import LARGE, SECRET, WHOLE, KeptRequest

log = logging.getLogger(__name__)

WRITES = ("POST", "PUT", "PATCH", "DELETE")
MOST_BODY = 64 * 1024
LEASE_MS = 120_000
"""Of another process over the same records: so long its request may still run."""

KEY = re.compile(r"[!-~]{1,255}")
SECRETS = re.compile(
    r"POST /api/v1/(tokens|people)|PUT /api/v1/people/[^/]+/password|PUT /api/v1/sessions/current/password"
)
"""Their answers hold a secret, or sign somebody in: never kept."""

PASSWORDS = re.compile(r"PUT /api/v1/sessions/current/password")
"""Their bodies hold a password, so that a fast hash of them would help to guess it."""

SIGN_IN = "POST /api/v1/sessions"
"""Signing in is nobody's request yet, and twice is no harm."""

_KEPT_HEADERS = ("content-type", "etag", "location", "content-language", "vary")
_RELEASED = (401, 403, 429)
_ADVICE = "Read what it was to change; if it is still to be done, send it with a new key."


class Once:
    """Pure ASGI. Bodies of requests with a key are read here; they are bounded by `Surround`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._process = token_hex(8)
        self._running: dict[tuple[int, str], str] = {}  # the loop's own: no lock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_write = scope["type"] == "http" and scope["method"] in WRITES and scope["path"].startswith(API)
        if not is_write or "idempotency-key" not in Headers(scope=scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        key = _key(request)
        context: Context = scope["app"].state.context
        person = await run_in_threadpool(identify, request, context)
        operation = f"{request.method} {request.url.path}"
        if person is None or operation == SIGN_IN:
            await self.app(scope, receive, send)  # which refuses whom it must
            return
        body = await request.body()
        fingerprint = await run_in_threadpool(_fingerprint, request, operation, key, person, body)
        hashed = hashlib.sha256(key.encode()).hexdigest()
        running = self._running.get((person.id, hashed))
        if running is not None:
            _same(running, fingerprint)
            raise _still_running()
        self._running[person.id, hashed] = fingerprint
        try:
            holder = f"{self._process}.{token_hex(8)}"
            kept = await run_in_threadpool(
                context.records.claim_request, person.id, hashed, fingerprint, holder
            )
            if kept is None:
                claim = _Claim(context, person.id, hashed, holder, operation)
                await self._do(claim, scope, body, receive, send)
            else:
                await self._again(context, kept, fingerprint)(scope, receive, send)
        finally:
            del self._running[person.id, hashed]

    async def _do(self, claim: "_Claim", scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            return {"type": "http.request", "body": body, "more_body": False}

        answer = _Answer(claim, send)
        await self.app(scope, replay, answer)  # what it raises leaves the outcome unknown
        await answer.end()

    def _again(self, context: Context, kept: KeptRequest, fingerprint: str) -> Response:
        _same(kept.fingerprint, fingerprint)
        if kept.kept == WHOLE:
            content = None if kept.status == 204 else kept.body.encode()
            response = Response(content, kept.status, {**kept.headers, "Idempotency-Replayed": "true"})
            return response
        if kept.kept == SECRET:
            raise ProblemError(
                409,
                "This was done already. Its answer held a secret, which is shown once; if it was lost, make a new one.",
            )
        if kept.kept == LARGE:
            raise ProblemError(
                409, "This was done already. Its answer could not be kept; read what it changed."
            )
        is_ours = kept.holder.startswith(f"{self._process}.")
        if not is_ours and context.records.is_shared and context.records.request_age_ms(kept) < LEASE_MS:
            raise _still_running()
        raise ProblemError(
            409,
            f"The first request with this Idempotency-Key broke off, and its outcome is unknown. {_ADVICE}",
        )


class _Claim:
    """A key that is this request's."""

    def __init__(self, context: Context, person: int, key: str, holder: str, operation: str) -> None:
        self._records, self._own = context.records, (person, key, holder)
        self.operation = operation

    def release(self) -> None:
        self._records.release_request(*self._own)

    def keep(self, kept: str, status: int, headers: dict[str, str], body: str) -> None:
        self._records.keep_answer(*self._own, kept, status, headers, body)


class _Answer:
    """Keeps an answer before it is sent: who has it, gets the same again."""

    def __init__(self, claim: _Claim, send: Send) -> None:
        self._claim, self._send = claim, send
        self._start: Message | None = None
        self._body = bytearray()
        self._is_sent = self._is_whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None:
            return
        if self._is_sent:
            await self._send(message)
        else:
            self._body.extend(message.get("body", b""))
            if message.get("more_body") and len(self._body) > MOST_BODY:
                await self._send_on()
        if not message.get("more_body"):
            self._is_whole = True
            await self.end()

    async def end(self) -> None:
        """Note the outcome; an answer that broke off in the middle leaves it unknown."""
        start, self._start = self._start, None
        if start is None or not self._is_whole:
            return
        try:
            await run_in_threadpool(self._note, start)
        except (
            CampusError
        ) as error:  # it was done: the answer is right, a second request learns that it is unknown
            log.error("The answer to a request with an Idempotency-Key was not kept: %s", error)
        if not self._is_sent:
            await self._send(start)
            await self._send({"type": "http.response.body", "body": bytes(self._body)})

    async def _send_on(self) -> None:
        await self._send(cast(Message, self._start))
        await self._send({"type": "http.response.body", "body": bytes(self._body), "more_body": True})
        self._is_sent = True

    def _note(self, start: Message) -> None:
        status = start["status"]
        headers = MutableHeaders(scope=dict(start))
        if status in _RELEASED or status >= 500:
            self._claim.release()
        elif status < 300 and (SECRETS.fullmatch(self._claim.operation) or "set-cookie" in headers):
            self._claim.keep(SECRET, status, {}, "")
        elif not _is_json(headers, status) or len(self._body) > MOST_BODY or self._is_sent:
            self._claim.keep(LARGE, status, {}, "")
        else:
            told = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
            self._claim.keep(WHOLE, status, told, self._body.decode())


def _is_json(headers: Headers, status: int) -> bool:
    media = headers.get("content-type", "").partition(";")[0]
    return media in ("application/json", "application/problem+json") or status == 204


def _key(request: Request) -> str:
    given = request.headers.getlist("idempotency-key")
    if len(given) != 1 or not KEY.fullmatch(given[0]):
        raise ProblemError(
            422, "'Idempotency-Key' is given once, with 1 to 255 visible ASCII signs, such as a new UUID."
        )
    return given[0]


def _fingerprint(request: Request, operation: str, key: str, person: Person, body: bytes) -> str:
    """What the request is, and with which rights: with others it is to be judged anew, not answered from here."""
    limits = person.limits
    rights = [
        person.name,
        sorted((one.role, one.site or "") for one in person.grants),
        limits
        and [sorted(limits.rights) if limits.rights is not None else None, limits.reads_only, limits.site],
    ]
    parts = [
        operation,
        request.url.query,
        request.headers.get("content-type", ""),
        request.headers.get("if-match", ""),
    ]
    head = json.dumps([*parts, rights]).encode()
    if PASSWORDS.fullmatch(operation):
        salt = hashlib.sha256(key.encode()).digest()
        body = hashlib.scrypt(hashlib.sha256(body).digest(), salt=salt, n=2**14, r=8, p=1, maxmem=2**26)
    return hashlib.sha256(hashlib.sha256(head).digest() + body).hexdigest()


def _same(first: str, second: str) -> None:
    if first != second:
        raise ProblemError(
            422,
            "This Idempotency-Key was used for another request, or with other rights. Take a new key for each request.",
        )


def _still_running() -> ProblemError:
    return ProblemError(
        409,
        "The first request with this Idempotency-Key is still running. Send it again in some seconds.",
        {"Retry-After": "2"},
    )

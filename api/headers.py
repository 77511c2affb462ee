"""What surrounds every response: the host it may be asked by, and the headers that keep a browser honest."""

import re
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError, explain, problem
from api.security import host_allowed

MAX_BODY = 64 * 1024
MAX_UPLOAD = 10_000_000
UPLOADS = re.compile(
    r"/api/v1/sites/[^/]+/(register/(import|template)|(timetable|inventory)/import|equipment/[^/]+/files)"
    r"|/sites/[^/]+/timetable"
)
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


Page = Callable[[Request, int, str], Response | None]


def no_page(_request: Request, _status: int, _detail: str) -> Response | None:
    """Every error is a problem, whoever asks."""
    return None


class Surround:
    """Pure ASGI, so that streams pass through chunk by chunk."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] = (), page: Page = no_page) -> None:
        """`page(request, status, detail)` renders an error outside /api as HTML, or returns None."""
        self.app = app
        self.hosts = hosts
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")
        scope.setdefault("state", {})  # one for all copies of the scope
        started = False

        async def start(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers[name] = value
                fresh = static and message["status"] in (200, 304)  # addresses of assets carry their hash
                if fresh:
                    headers["Cache-Control"] = "public, max-age=86400"
                else:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope)
        try:
            self._check(request)
            if scope["method"] == "HEAD":
                await self._head(scope, start)
            else:
                await self.app(scope, receive, start)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise
            status, detail, more, _ = explain(error)
            shown = None if scope["path"].startswith("/api/") else self.page(request, status, detail)
            if shown is not None:
                shown.headers.update(more)
            await (shown or problem(request, status, detail, more))(scope, receive, start)

    async def _head(self, scope: Scope, send: Send) -> None:
        """GET without its body; a stream is told at once that nobody reads it."""

        async def gone() -> Message:
            return {"type": "http.disconnect"}

        async def head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)

        await self.app({**scope, "method": "GET"}, gone, head)
        await send({"type": "http.response.body"})

    def _check(self, request: Request) -> None:
        if not host_allowed(request.headers.get("host", ""), self.hosts):
            raise ProblemError(
                421,
                "This server is not known by that name. Use its address, or add the name to its settings.",
            )
        if "transfer-encoding" in request.headers:
            raise ProblemError(411, "Send the length of the body (Content-Length), not a stream.")
        length = request.headers.get("content-length", "0")
        most = MAX_UPLOAD if UPLOADS.fullmatch(request.url.path) else MAX_BODY
        if not length.isdigit() or int(length) > most:
            shown = "10 MB" if most == MAX_UPLOAD else "64 KiB"
            raise ProblemError(413, f"The request is too large; send at most {shown}.")

"""Entity tags: who has an answer already gets 304 without it, and a change is made only to the version that was read.

The tag of an answer is the hash of its body; where a handler tells a version, `"<version>.<hash>"`.
"""

import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError

API = "/api/v1/"
MOST_BODY = 8 * 1024 * 1024
"""Larger answers go out as they come, without a tag."""

MOST_HEADER = 4096
SECRET = re.compile(r"/api/v1/(sessions|tokens)(/.*)?")
"""Answers about sessions and tokens are kept nowhere, not even to be asked for again."""

PRIVATE = "private, no-cache"
"""The reader's own browser may keep an answer, and asks each time whether it still holds."""

ASKERS = "Authorization, Cookie"
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_OWN = re.compile(r"([0-9]{1,10})\.[0-9a-f]{32}")


def tags(text: str) -> list[tuple[bool, str]] | None:
    """(is weak, what stands in the quotes) of each tag of a header; None for `*`. Raises ValueError."""
    text = text.strip(" \t")
    if text == "*":
        return None
    if not text or len(text) > MOST_HEADER:
        raise ValueError("not a list of entity tags")
    found, at, is_due = [], 0, True
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] == ",":
            at, is_due = at + 1, True
        elif is_due and (one := _TAG.match(text, at)):
            found.append((one[1] is not None, one[2]))
            at, is_due = one.end(), False
        else:
            raise ValueError("not a list of entity tags")
    if not found:
        raise ValueError("not a list of entity tags")
    return found


def if_match(
    request: Request,
    _shown: Annotated[
        str | None,
        Header(alias="If-Match", description="The ETag that was read: 412 if somebody changed it since"),
    ] = None,
) -> int | None:
    """The version that a change is meant for; None for any (`*`, or no header).

    Raises ProblemError: 422 for what is no entity tag or names several versions, 412 for tags that none of ours are:
    weak ones, and those of other servers.
    """
    given = request.headers.getlist("if-match")
    if not given:
        return None
    try:
        found = tags(",".join(given))
    except ValueError:
        raise ProblemError(
            422, "'If-Match' is not an ETag; send the ETag of the answer that you read, with its quotes."
        ) from None
    if found is None:
        return None
    own = (_OWN.fullmatch(opaque) for is_weak, opaque in found if not is_weak)
    versions = {int(one[1]) for one in own if one}
    if not versions:
        raise ProblemError(
            412, "'If-Match' names no version of this. Read it again and send the ETag of that answer."
        )
    if len(versions) > 1:
        raise ProblemError(422, "'If-Match' names several versions; send the one that you read.")
    return versions.pop()


IfMatch = Annotated[int | None, Depends(if_match)]
"""In a handler of PATCH, PUT or DELETE: the version to check in the transaction of the write, or None."""


def tell_version(request: Request, version: int) -> None:
    """The version of the resource in this answer; it is to stand in its tag."""
    request.state.version = version


def _teller(request: Request) -> Callable[[int], None]:
    return lambda version: tell_version(request, version)


TellVersion = Annotated[Callable[[int], None], Depends(_teller)]
"""In a handler: `tell(found.version)`."""


def heed_if_match(request: Request) -> None:
    """For every private route: refuse `If-Match` where nothing would check it, and the change be made all the same."""
    if "if-match" not in request.headers or request.method in ("GET", "HEAD"):
        return
    if not _asks_for(getattr(request.scope.get("route"), "dependant", None)):
        raise ProblemError(422, "This address does not take 'If-Match'; leave it out.")


def _asks_for(dependant: Any) -> bool:
    return dependant is not None and (
        dependant.call is if_match or any(_asks_for(one) for one in dependant.dependencies)
    )


class Tags:
    """Pure ASGI. Holds JSON answers of a known, bounded length until they are whole; streams pass through."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        reads = scope["method"] == "GET"
        held: Message | None = None
        body = bytearray()

        async def tag(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                if _is_tagged(message, reads, state.get("version")):
                    held = message
                    return
            elif held is not None:
                body.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                await _send_tagged(scope, held, bytes(body), state.get("version"), send)
                held = None
                return
            await send(message)

        await self.app(scope, receive, tag)


def _is_tagged(start: Message, reads: bool, version: int | None) -> bool:
    headers = Headers(raw=start["headers"])
    length = headers.get("content-length", "")
    return (
        (start["status"] == 200 if reads else version is not None and start["status"] in (200, 201))
        and headers.get("content-type", "").partition(";")[0] == "application/json"
        and length.isdigit()
        and int(length) <= MOST_BODY
    )


async def _send_tagged(scope: Scope, start: Message, body: bytes, version: int | None, send: Send) -> None:
    hashed = blake2b(body, digest_size=16).hexdigest()
    opaque = hashed if version is None else f"{version}.{hashed}"
    headers = MutableHeaders(scope=cast(Any, start))
    headers["ETag"] = f'"{opaque}"'
    if scope["method"] == "GET":
        if not SECRET.fullmatch(scope["path"]):
            headers["Cache-Control"] = PRIVATE
            headers.add_vary_header(ASKERS)
        if _has_it(Headers(scope=scope), opaque):
            del headers["content-length"], headers["content-type"]
            start, body = {**start, "status": 304}, b""
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _has_it(headers: Headers, opaque: str) -> bool:
    given = headers.getlist("if-none-match")
    if not given:
        return False
    try:
        found = tags(",".join(given))
    except ValueError:
        return False  # it asks for nothing that could be told apart: the whole answer is never wrong
    return found is None or any(one == opaque for _, one in found)

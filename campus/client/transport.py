"""How requests go out and answers come in: retries, pages, files, events. Nothing here knows a resource."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from campus.client.errors import KINDS, ApiError, Unreachable
from campus.client.shape import Shape

T = TypeVar("T")
WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before trying again where the server does not say how long; the tries are bounded by their number."""

LONGEST_WAIT = 60.0
PAGE = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the live stream: `room`, `board`, `progress`, `beat` or `reset`, and what it carries."""

    kind: str
    data: dict[str, Any]


class Transport:
    """Sends requests of one person to one server. Certificates are always checked."""

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
        if not token:
            raise ValueError("A token is needed; make one with POST /api/v1/tokens or on the pages.")
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, verify=True)
        self._tries = max(1, tries)
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def read(self, kind: type[T] | Any, method: str, path: str, **request: Any) -> T:
        """The answer as `kind`; of one object with its ETag, so that a change can say what was read."""
        answer = self._send(method, path, **request)
        found: T = TypeAdapter(kind).validate_json(answer.content)
        if isinstance(found, Shape):
            found._etag = answer.headers.get("etag")
        return found

    def items(self, kind: type[T], path: str, query: Mapping[str, Any]) -> Iterator[T]:
        """All items of a list, page by page as they are needed."""
        of = TypeAdapter(list[kind])  # type: ignore[valid-type]
        after: str | None = None
        while True:
            page = self._send(
                "GET", path, query={**query, "limit": query.get("limit") or PAGE, "after": after}
            ).json()
            yield from of.validate_python(page["items"])
            after = page["next"]
            if after is None:
                return

    def done(self, method: str, path: str, **request: Any) -> None:
        """For what answers nothing."""
        self._send(method, path, **request)

    def file(self, to: Path, method: str, path: str, **request: Any) -> Path:
        """Streams the answer to a file, which is there only when it is whole."""
        part = to.with_name(f"{to.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with self._open(method, path, **request) as answer, part.open("wb") as file:
                try:
                    for piece in answer.iter_bytes():
                        file.write(piece)
                except httpx.TransportError as error:
                    raise Unreachable(f"The file broke off: {error}") from error
            part.replace(to)
        finally:
            part.unlink(missing_ok=True)
        return to

    def events(self, path: str, query: Mapping[str, Any]) -> Iterator[Event]:
        """Server-sent events until the caller stops or the stream ends; who needs more opens it again."""
        with self._open("GET", path, query=query, timeout=httpx.Timeout(30.0, read=60.0)) as answer:
            kind: str = "message"
            data: list[str] = []
            try:
                for line in answer.iter_lines():
                    if not line:
                        if data:
                            yield Event(kind, json.loads("\n".join(data)))
                        kind, data = "message", []
                        continue
                    field, _, value = line.partition(":")
                    if field == "event":
                        kind = value.removeprefix(" ")
                    elif field == "data":
                        data.append(value.removeprefix(" "))
            except httpx.TransportError as error:
                raise Unreachable(f"The stream broke off: {error}") from error

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._ask(method, path, stream=False, **request)

    @contextmanager
    def _open(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        answer = self._ask(method, path, stream=True, **request)
        try:
            yield answer
        finally:
            answer.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        stream: bool,
        query: Mapping[str, Any] | None = None,
        form: BaseModel | None = None,
        content: bytes | None = None,
        read: Shape | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Response:
        headers = {}
        if method != "GET":
            headers["Idempotency-Key"] = uuid.uuid4().hex  # the same for all tries: done once
        if read is not None:
            headers["If-Match"] = read.etag
        if form is not None:
            content = form.model_dump_json(exclude_unset=True, by_alias=True).encode()
            headers["Content-Type"] = "application/json"
        elif content is not None:
            headers["Content-Type"] = "application/octet-stream"
        request = self._http.build_request(
            method,
            path,
            params=_given(query or {}),
            content=content,
            headers=headers,
            timeout=timeout or self._http.timeout,
        )
        for number in range(self._tries):
            pause, is_last = WAITS[min(number, len(WAITS) - 1)], number + 1 == self._tries
            try:
                answer = self._http.send(request, stream=True)
                if not (stream and answer.is_success):
                    answer.read()
            except httpx.TransportError as error:
                if is_last:
                    raise Unreachable(
                        f"{request.url} did not answer: {error or type(error).__name__}"
                    ) from error
                self._sleep(pause)
                continue
            if answer.is_success:
                return answer
            answer.close()
            refused = _refusal(answer)
            told = refused.retry_after if refused.retry_after is not None else pause
            if answer.status_code not in (429, 503) or is_last or told > LONGEST_WAIT:
                raise refused
            self._sleep(told)
        raise AssertionError("there is always a last try")


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    told = answer.headers.get("retry-after", "")
    kind = KINDS.get(answer.status_code, ApiError)
    return kind(
        answer.status_code,
        problem if isinstance(problem, dict) else {},
        float(told) if told.isdigit() else None,
    )


def part(value: str | int | date) -> str:
    """One part of an address, quoted; a dot alone would be taken for a folder."""
    quoted = quote(str(value), safe="")
    if quoted in ("", ".", ".."):
        raise ValueError(f"{value!r} is no id")
    return quoted


def _given(query: Mapping[str, Any]) -> list[tuple[str, str | int | float | bool | None]]:
    found: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in query.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                found.append((name, _text(one)))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)

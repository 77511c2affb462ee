"""Every error of the API as RFC 9457 problem+json: a sentence on what is wrong and what to do, and nothing more."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.methods import allowed
from api.sentences import accepted, in_language
from campus.errors import CampusError, NotFound, StoreError, UsageError
from campus.records.register_checks import Conflict, Stale

log = logging.getLogger(__name__)

_SENTENCES = {
    400: "The request could not be read; check its form against /api/v1/openapi.json.",
    404: "There is nothing at this address; see /api/v1/openapi.json for what there is.",
    405: "This address does not take this method; the Allow header names those it takes.",
    413: "The request is too large; send at most 64 KiB.",
}
_MISSING, _EXTRA = "missing", "extra_forbidden"


class FieldError(BaseModel):
    """One field that was refused: where it stood, and what is allowed."""

    field: str = Field(examples=["query.from"])
    message: str = Field(examples=["Write a date as YYYY-MM-DD."])


class Problem(BaseModel):
    """RFC 9457. `detail` is one sentence or two: what is wrong and what to do next."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "No room 'a999' in site 'demo'. See /api/v1/sites/demo/rooms for the rooms there are.",
                    "instance": "/api/v1/sites/demo/rooms/a999",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None


class ProblemError(Exception):
    """Raised anywhere below a route to answer with this status and sentence."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "content": {"application/problem+json": {}},
        "description": HTTPStatus(status).phrase,
    }
    for status in (401, 403, 404, 422, 429, 503)
}
"""What every private route may answer beside its own result; for OpenAPI."""


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, errors: Any = None
) -> Response:
    """The problem+json response, in the reader's language where all of its sentences are known in it."""
    fields: list[FieldError] = errors or []
    english = [HTTPStatus(status).phrase, detail, *(one.message for one in fields)]
    language, (title, told, *messages) = in_language(language_of(request), english)
    fields = [
        FieldError(field=one.field, message=message[:300])
        for one, message in zip(fields, messages, strict=True)
    ]
    if fields:
        named = "; ".join(f"{one.field}: {one.message.rstrip('.')}" for one in fields[:3])
        told = f"{told} {named}."
    body = Problem(
        title=title, status=status, detail=told, instance=request.url.path[:512], errors=fields or None
    )
    more = {"Content-Language": language, "Vary": "Accept-Language"}
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status,
        {**(headers or {}), **more},
        media_type="application/problem+json",
    )


def language_of(request: Request) -> str:
    """What the request says that it accepts, else the language of the person, else the installation's."""
    preferred = getattr(request.state, "speaks", None) or request.app.state.context.language
    headers = request.headers.getlist("accept-language")
    return accepted(",".join(headers), preferred) if headers else preferred


def explain(error: Exception) -> tuple[int, str, dict[str, str], list[FieldError] | None]:
    """(status, sentence, headers, field errors) of any exception; what only the log may know stays in the log."""
    match error:
        case ProblemError():
            return error.status, error.detail, error.headers, None
        case RequestValidationError():
            fields = [_field(one) for one in error.errors()[:20]]
            return 422, "The request is not valid.", {}, fields
        case NotFound():
            return 404, str(error), {}, None
        case Conflict():
            return 409, str(error), {}, None
        case UsageError():
            return 422, str(error), {}, None
        case StoreError():
            log.error("A store failed: %s", error)
            return (
                503,
                "A store did not answer. Try again in some seconds; if it stays so, run `campus doctor` on the server.",
                {"Retry-After": "5"},
                None,
            )
        case HTTPException():
            detail = _SENTENCES.get(error.status_code, f"{HTTPStatus(error.status_code).phrase}.")
            # A body that is not even text: as any other that is not valid.
            status = 422 if error.status_code == 400 else error.status_code
            return status, detail, dict(error.headers or {}), None
    log.error("A request failed", exc_info=error)
    return 500, "The server failed on this request. Its log says why; tell the person who runs it.", {}, None


def _field(error: Mapping[str, Any]) -> FieldError:
    where = ".".join(str(part) for part in error["loc"])[:200]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == _MISSING:
        message = "This is required."
    elif error["type"] == _EXTRA:
        message = "This is not known here; remove it."
    return FieldError(field=where, message=message)


def install(app: FastAPI, page: Any, identify: Callable[[Request], object]) -> None:
    """Answer every foreseen exception of `app`; Surround answers the others.

    `page(request, status, detail)` renders those outside /api as HTML, or returns None. `identify` finds who asks,
    where a body that is no JSON was refused before that: the answer is to be in their language too.
    """

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError) and "accept-language" not in request.headers:
            with suppress(ProblemError, CampusError):
                await run_in_threadpool(identify, request)
        status, detail, headers, errors = explain(error)
        if status == 405:
            headers = {**headers, "Allow": allowed(app, request.scope["path"])}
        if isinstance(error, Stale) and "if-match" in request.headers:
            status = 412
        if not request.url.path.startswith("/api/"):
            shown = page(request, status, detail)
            if shown is not None:
                shown.headers.update(headers)
                return shown
        return problem(request, status, detail, headers, errors)

    for kind in (ProblemError, RequestValidationError, UsageError, StoreError, HTTPException):
        app.add_exception_handler(kind, answer)

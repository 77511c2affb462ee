"""Every error of the API as RFC 9457 problem+json: a sentence on what is wrong and what to do, and nothing more."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from campus.errors import NotFound, StoreError, UsageError

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
    for status in (401, 403, 404, 422, 503)
}
"""What every private route may answer beside its own result; for OpenAPI."""


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, errors: Any = None
) -> Response:
    """The problem+json response."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path[:512],
        errors=errors,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers, media_type="application/problem+json"
    )


def explain(error: Exception) -> tuple[int, str, dict[str, str], list[FieldError] | None]:
    """(status, sentence, headers, field errors) of any exception; what only the log may know stays in the log."""
    match error:
        case ProblemError():
            return error.status, error.detail, error.headers, None
        case RequestValidationError():
            fields = [_field(one) for one in error.errors()[:20]]
            named = "; ".join(f"{one.field}: {one.message.rstrip('.')}" for one in fields[:3])
            return 422, f"The request is not valid. {named}.", {}, fields
        case NotFound():
            return 404, str(error), {}, None
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
            return error.status_code, detail, dict(error.headers or {}), None
    log.error("A request failed", exc_info=error)
    return 500, "The server failed on this request. Its log says why; tell the person who runs it.", {}, None


def _field(error: Mapping[str, Any]) -> FieldError:
    where = ".".join(str(part) for part in error["loc"])[:200]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == _MISSING:
        message = "This is required."
    elif error["type"] == _EXTRA:
        message = "This is not known here; remove it."
    return FieldError(field=where, message=message[:300])


def install(app: FastAPI, page: Any) -> None:
    """Answer every foreseen exception of `app`; Surround answers the others.

    `page(request, status, detail)` renders those outside /api as HTML, or returns None.
    """

    async def answer(request: Request, error: Exception) -> Response:
        status, detail, headers, errors = explain(error)
        if not request.url.path.startswith("/api/"):
            shown = page(request, status, detail)
            if shown is not None:
                shown.headers.update(headers)
                return shown
        return problem(request, status, detail, headers, errors)

    for kind in (ProblemError, RequestValidationError, UsageError, StoreError, HTTPException):
        app.add_exception_handler(kind, answer)

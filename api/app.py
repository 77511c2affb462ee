"""The app: routers, pages and what surrounds them. `create_app(context)` opens nothing."""

import time
from functools import partial
from operator import attrgetter

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

from api import manage_pages, oidc_pages, pages, problems
from api.context import Context
from api.etags import Tags, heed_if_match
from api.headers import Surround
from api.idempotency import Once
from api.kept_uploads import KeptUploads
from api.openapi import describe
from api.problems import PROBLEMS
from api.rates import Limited, Limits
from api.routes import (
    audit,
    backup,
    boards,
    calendar,
    connectivity,
    equipment,
    export,
    facts,
    figures,
    findings,
    handling,
    health,
    imports,
    live,
    people,
    places,
    readings,
    sessions,
    sites,
    tokens,
)
from api.security import SignIn, identify, signed_in
from api.sent_forms import SentForms
from api.streams import Streams
from dashboards.web.render import STATIC, Pages

__all__ = ["Context", "create_app"]

DESCRIPTION = """How a school's rooms are really used.

Sign in with `POST /api/v1/sessions`, or send a token as `Authorization: Bearer TOKEN`. Every date is a local school
date and every range half-open, `[from, to)`. Errors are `application/problem+json` (RFC 9457), in the language of
`Accept-Language`.

Every 200 of JSON has an `ETag`: `If-None-Match` gets 304. A write that is sent again with the same `Idempotency-Key` is
done once. Who asks too often gets 429 with `Retry-After`."""


def create_app(context: Context) -> FastAPI:
    """The API and the pages over `context`, for uvicorn or api.server.ApiServer."""
    app = FastAPI(
        title="Campus Monitor",
        version=context.version,
        description=DESCRIPTION,
        docs_url=None,  # the stock pages load scripts from another host
        redoc_url=None,
        openapi_url=None,  # served below, to those who are signed in
        generate_unique_id_function=attrgetter("name"),  # named apart: clients call them so
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.streams = Streams(context.live)
    app.state.sign_in = SignIn(time.monotonic)
    app.state.pages = Pages(context.version)
    app.state.kept_uploads = KeptUploads(context.now)
    app.state.sent_forms = SentForms()
    app.state.limits = Limits(context.rates, time.monotonic)

    private = APIRouter(dependencies=[Depends(signed_in), Depends(heed_if_match)], responses=PROBLEMS)
    resources = (
        sites,
        boards,
        calendar,
        connectivity,
        live,
        readings,
        facts,
        figures,
        tokens,
        people,
        audit,
        health,
    )
    for resource in (*resources, findings, equipment, handling, backup, export, places, imports):
        private.include_router(resource.router)

    @private.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(app.openapi())

    app.openapi = partial(describe, app)  # type: ignore[method-assign]

    app.include_router(private, prefix="/api/v1")
    app.include_router(sessions.router, prefix="/api/v1", responses=PROBLEMS)
    app.include_router(health.open_router)
    app.include_router(pages.router)
    app.include_router(manage_pages.router)
    app.include_router(oidc_pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    problems.install(app, pages.error_page, lambda request: identify(request, context))
    app.add_middleware(Tags)
    app.add_middleware(Once)
    app.add_middleware(Limited, limits=app.state.limits)
    app.add_middleware(Surround, hosts=context.hosts, page=pages.error_page)
    return app

"""The app: routers, pages and what surrounds them. `create_app(context)` opens nothing."""

import time

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

from api import oidc_pages, pages, problems
from api.context import Context
from api.headers import Surround
from api.problems import PROBLEMS
from api.routes import (
    audit,
    backup,
    boards,
    connectivity,
    equipment,
    facts,
    figures,
    findings,
    handling,
    health,
    live,
    people,
    readings,
    sessions,
    sites,
    tokens,
)
from api.security import SignIn, signed_in
from api.streams import Streams
from dashboards.web.render import STATIC, Pages

__all__ = ["Context", "create_app"]

DESCRIPTION = """How a school's rooms are really used.

Sign in with `POST /api/v1/sessions`, or send a token as `Authorization: Bearer TOKEN`. Every date is a local school
date and every range half-open, `[from, to)`. Errors are `application/problem+json` (RFC 9457)."""


def create_app(context: Context) -> FastAPI:
    """The API and the pages over `context`, for uvicorn or api.server.ApiServer."""
    app = FastAPI(
        title="Campus Monitor",
        version=context.version,
        description=DESCRIPTION,
        docs_url=None,  # the stock pages load scripts from another host
        redoc_url=None,
        openapi_url=None,  # served below, to those who are signed in
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.streams = Streams(context.live)
    app.state.sign_in = SignIn(time.monotonic)
    app.state.pages = Pages(context.version)

    private = APIRouter(dependencies=[Depends(signed_in)], responses=PROBLEMS)
    resources = (sites, boards, connectivity, live, readings, facts, figures, tokens, people, audit, health)
    for resource in (*resources, findings, equipment, handling, backup):
        private.include_router(resource.router)

    @private.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(app.openapi())

    app.include_router(private, prefix="/api/v1")
    app.include_router(sessions.router, prefix="/api/v1", responses=PROBLEMS)
    app.include_router(health.open_router)
    app.include_router(pages.router)
    app.include_router(oidc_pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    problems.install(app, pages.error_page)
    app.add_middleware(Surround, hosts=context.hosts)
    return app

"""The two addresses of a sign-in by OpenID Connect: one leads to the service, to the other it leads back."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.context import Context, ContextDep
from api.oidc import FLOW_SECONDS, PATH, Flow, Provider, Refused
from api.pages import landing, problem_page
from api.problems import ProblemError
from api.security import begin_session

router = APIRouter(include_in_schema=False)
log = logging.getLogger(__name__)

COOKIE = "campus_oidc"
_MOST_COOKIE = 2048


@router.get(f"{PATH}/start")
def start(request: Request, context: ContextDep, next: str | None = None) -> Response:
    """Open to everyone: lead to the sign-in service."""
    provider = _provider(context)
    try:
        address, flow = provider.begin(landing(next))
    except Refused as error:
        return _refused(request, context, error, landing(next))
    response = RedirectResponse(address, 303)
    # Lax: it must come along when the service leads back. Never to a script, and to no other address.
    response.set_cookie(
        COOKIE,
        urlsafe_b64encode(flow.text().encode()).decode(),
        max_age=FLOW_SECONDS,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=provider.redirect.startswith("https:"),
    )
    return response


@router.get(PATH)
def finish(request: Request, context: ContextDep) -> Response:
    """Open to everyone: the service has led back here. Only people who have an account already are let in."""
    provider, flow = _provider(context), _flow(request)
    next = landing(flow.next if flow else None)
    try:
        identities = provider.finish(flow, request.query_params)
    except Refused as error:
        return _refused(request, context, error, next)
    person = context.records.identified(identities)
    if person is None:
        log.warning("Nobody here has the identity %r", identities)
        return _ended(
            problem_page(request, context, 403, "sign_in.oidc_unknown", next, who=identities[-1][:120])
        )
    response = RedirectResponse(next, 303)
    begin_session(request, response, context, person)
    return _ended(response)


def _provider(context: Context) -> Provider:
    if context.oidc is None:
        raise ProblemError(404, "No sign-in service is set up here. Sign in with name and password.")
    return context.oidc


def _flow(request: Request) -> Flow | None:
    text = request.cookies.get(COOKIE, "")
    try:
        return Flow.parse(urlsafe_b64decode(text).decode()) if len(text) <= _MOST_COOKIE else None
    except ValueError:
        return None


def _refused(request: Request, context: Context, error: Refused, next: str) -> Response:
    log.warning("A sign-in by OpenID Connect failed: %s", error)
    return _ended(problem_page(request, context, 401, "sign_in.oidc_failed", next))


def _ended(response: Response) -> Response:
    """A flow is for one use."""
    response.delete_cookie(COOKIE, path=PATH)
    return response

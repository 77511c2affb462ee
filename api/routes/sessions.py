"""Signing in and out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.account_models import PersonOut, SignInForm
from api.context import ContextDep
from api.problems import PROBLEMS
from api.security import COOKIE, SESSION_HOURS, PersonDep, SignIn, refuse_forged, set_session

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.post("", status_code=201, response_model=PersonOut, responses={429: PROBLEMS[503]})
def sign_in(request: Request, response: Response, context: ContextDep, form: SignInForm) -> Any:
    """Sign in: sets the session cookie. Open to everyone; limited by account."""
    refuse_forged(request)
    check: SignIn = request.app.state.sign_in
    person = check(context, form.name, form.password)
    set_session(request, response, context.records.create_session(person, SESSION_HOURS))
    return person


@router.get("/current", response_model=PersonOut)
def current(person: PersonDep) -> Any:
    """Who is signed in."""
    return person


@router.delete("/current", status_code=204)
def sign_out(request: Request, response: Response, context: ContextDep, person: PersonDep) -> None:
    """End this session."""
    if token := request.cookies.get(COOKIE):
        context.records.end_session(token)
    response.delete_cookie(COOKIE)

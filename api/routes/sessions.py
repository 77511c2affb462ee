"""Signing in and out, one's own sessions and password."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.account_models import PasswordForm, PersonOut, SessionOut, SignInForm
from api.context import ContextDep
from api.listing import Listed, Listing, Page
from api.problems import PROBLEMS, ProblemError
from api.security import COOKIE, PersonDep, SignedInDep, SignIn, begin_session, refuse_forged
from campus.records.entities import Person

router = APIRouter(prefix="/sessions", tags=["sessions"])

SESSIONS = Listing(
    "sessions", {"id": str}, {"created_at": datetime, "expires_at": datetime}, default="-created_at"
)
SessionId = Annotated[
    str, Path(pattern="^[0-9a-f]{16}$", description="Id of the session, which is not its secret")
]


@router.post("", status_code=201, response_model=PersonOut, responses={429: PROBLEMS[503]})
def sign_in(request: Request, response: Response, context: ContextDep, form: SignInForm) -> Any:
    """Sign in: sets the session cookie. Open to everyone; limited by account."""
    refuse_forged(request)
    check: SignIn = request.app.state.sign_in
    person = check(context, form.name, form.password)
    begin_session(request, response, context, person)
    return person


@router.get("", response_model=Listed[SessionOut])
def sessions(
    request: Request,
    context: ContextDep,
    person: SignedInDep,
    page: Annotated[Page, Depends(SESSIONS.query)],
) -> Any:
    """Where you are signed in, the newest first."""
    return SESSIONS.cut(context.records.sessions(account(person), request.cookies.get(COOKIE)), page)


@router.delete("", status_code=204)
def end_own_sessions(response: Response, context: ContextDep, person: SignedInDep) -> None:
    """End all of your sessions, this one too."""
    context.records.end_sessions(account(person).name)
    response.delete_cookie(COOKIE)


@router.get("/current", response_model=PersonOut)
def current_session(person: PersonDep) -> Any:
    """Who is signed in."""
    return person


@router.delete("/current", status_code=204)
def sign_out(request: Request, response: Response, context: ContextDep, person: PersonDep) -> None:
    """End this session."""
    if token := request.cookies.get(COOKIE):
        context.records.end_session(token)
    response.delete_cookie(COOKIE)


@router.put("/current/password", status_code=204, responses={429: PROBLEMS[503]})
def change_password(
    request: Request, response: Response, context: ContextDep, person: SignedInDep, form: PasswordForm
) -> None:
    """Change your password. Every session ends but a new one that begins here, and every token is revoked."""
    name = account(person).name
    check: SignIn = request.app.state.sign_in
    try:
        check(context, name, form.old)
    except ProblemError as error:
        if error.status != 401:
            raise
        raise ProblemError(422, "'old' is not your password. Check it and try again.") from error
    context.records.set_password(name, form.new)
    begin_session(request, response, context, person)


@router.get("/{id}", response_model=SessionOut)
def one_session(request: Request, context: ContextDep, person: SignedInDep, id: SessionId) -> Any:
    """One of your sessions."""
    for one in context.records.sessions(account(person), request.cookies.get(COOKIE)):
        if one.id == id:
            return one
    raise ProblemError(404, f"You have no session {id}. See /api/v1/sessions for those you have.")


@router.delete("/{id}", status_code=204)
def end_session(context: ContextDep, person: SignedInDep, id: SessionId) -> None:
    """End one of your sessions."""
    context.records.end_one_session(account(person), id)


def account(person: Person) -> Person:
    """The person, who must have an account in the records."""
    if person.id == 0:
        raise ProblemError(
            409,
            "The local token has no account of its own. Sign in as a person to manage sessions and tokens.",
        )
    return person

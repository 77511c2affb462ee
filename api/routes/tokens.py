"""Personal API tokens. A token cannot make, list or revoke tokens: that needs a session."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from api.account_models import NewToken, TokenForm, TokenOut
from api.context import ContextDep
from api.listing import Listed, Listing, Page
from api.problems import PROBLEMS, ProblemError
from api.rights import ALL_RIGHTS, knows, no_site
from api.routes.sessions import account
from api.security import SignedInDep
from campus.records.entities import AccessToken, Limits

router = APIRouter(prefix="/tokens", tags=["tokens"], responses={409: PROBLEMS[503]})

MAX_TOKENS = 50

TOKENS = Listing(
    "tokens",
    {"id": int},
    {"label": str, "created_at": datetime, "expires_at": datetime, "last_used_at": datetime | None},
)
TokenId = Annotated[int, Path(ge=1, lt=2**31, description="Number of the token")]


@router.get("", response_model=Listed[TokenOut])
def tokens(context: ContextDep, person: SignedInDep, page: Annotated[Page, Depends(TOKENS.query)]) -> Any:
    """Your tokens, without their secrets."""
    return TOKENS.cut([_out(one) for one in context.records.tokens(account(person))], page)


@router.get("/{id}", response_model=TokenOut)
def one_token(context: ContextDep, person: SignedInDep, id: TokenId) -> Any:
    """One of your tokens, without its secret."""
    for one in context.records.tokens(account(person)):
        if one.id == id:
            return _out(one)
    raise ProblemError(404, f"You have no token {id}. See /api/v1/tokens for those you have.")


@router.post("", status_code=201, response_model=NewToken)
def create_token(context: ContextDep, person: SignedInDep, form: TokenForm) -> Any:
    """A new token, valid for a year if you say nothing else. It is shown once, and never may what you may not."""
    if len(context.records.tokens(account(person))) >= MAX_TOKENS:
        raise ProblemError(409, f"You have {MAX_TOKENS} tokens already. Revoke one that is no longer used.")
    if unknown := sorted(set(form.rights or ()) - ALL_RIGHTS):
        raise ProblemError(
            422, f"'rights' names '{unknown[0][:40]}'; use some of {', '.join(sorted(ALL_RIGHTS))}."
        )
    if form.site is not None and not knows(person, form.site):
        raise no_site(form.site)
    limits = Limits(None if form.rights is None else frozenset(form.rights), form.reads_only, form.site)
    return {"token": context.records.create_token(person, form.label, limits, form.days)}


@router.delete("/{id}", status_code=204)
def revoke_token(context: ContextDep, person: SignedInDep, id: TokenId) -> None:
    """Revoke one of your tokens."""
    context.records.revoke_token(id, account(person))


def _out(token: AccessToken) -> TokenOut:
    rights = token.limits.rights
    return TokenOut(
        id=token.id,
        label=token.label,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        reads_only=token.limits.reads_only,
        rights=None if rights is None else sorted(rights),
        site=token.limits.site,
    )

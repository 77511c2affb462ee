"""Personal API tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from api.account_models import NewToken, TokenForm, TokenOut
from api.context import ContextDep
from api.problems import PROBLEMS, ProblemError
from api.security import PersonDep
from campus.records.entities import Person

router = APIRouter(prefix="/tokens", tags=["tokens"], responses={409: PROBLEMS[503]})

MAX_TOKENS = 50


@router.get("", response_model=list[TokenOut])
def tokens(context: ContextDep, person: PersonDep) -> Any:
    """Your tokens, without their secrets."""
    return context.records.tokens(_account(person))


@router.post("", status_code=201, response_model=NewToken)
def create(context: ContextDep, person: PersonDep, form: TokenForm) -> Any:
    """A new token with your rights, valid until you revoke it. It is shown once."""
    if len(context.records.tokens(_account(person))) >= MAX_TOKENS:
        raise ProblemError(409, f"You have {MAX_TOKENS} tokens already. Revoke one that is no longer used.")
    return {"token": context.records.create_token(person, form.label)}


@router.delete("/{id}", status_code=204)
def revoke(context: ContextDep, person: PersonDep, id: Annotated[int, Path(ge=1, lt=2**31)]) -> None:
    """Revoke one of your tokens."""
    context.records.revoke_token(id, _account(person))


def _account(person: Person) -> Person:
    if person.id == 0:
        raise ProblemError(
            409, "The local token has no account of its own. Sign in as a person to manage tokens."
        )
    return person

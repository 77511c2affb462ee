"""Accounts, for administrators. One of a school knows only people all of whose grants are at that school."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.account_models import GrantForm, NewPassword, NewPerson, PersonChange, PersonForm, PersonOut, Role
from api.context import ContextDep, Id
from api.listing import Listed, Listing, Page
from api.problems import PROBLEMS, ProblemError
from api.rights import PEOPLE, covers, knows, no_site
from api.security import PersonDep, has
from campus.errors import NotFound, UsageError
from campus.records.entities import Grant, Person

router = APIRouter(
    prefix="/people", tags=["people"], dependencies=[Depends(has(PEOPLE))], responses={409: PROBLEMS[503]}
)

PEOPLE_LIST = Listing("people", {"name": str}, {"language": str})

Name = Annotated[
    str, Path(min_length=1, max_length=64, examples=["lan"], description="The name to sign in with")
]


@router.get("", response_model=Listed[PersonOut])
def people(
    context: ContextDep,
    person: PersonDep,
    page: Annotated[Page, Depends(PEOPLE_LIST.query)],
    role: Annotated[Role | None, Query(description="Only those who have this role")] = None,
    site: Annotated[
        Id | None, Query(description="Only those with a role at this site or at every site")
    ] = None,
) -> Any:
    """The people you administer, by name."""
    found = [
        one
        for one in context.records.people()
        if covers(person, one.grants)
        and (role is None or any(grant.role == role for grant in one.grants))
        and (site is None or any(grant.site in (None, site) for grant in one.grants))
    ]
    return PEOPLE_LIST.cut(found, page)


@router.post("", status_code=201, response_model=NewPerson)
def add_person(context: ContextDep, person: PersonDep, form: PersonForm) -> Any:
    """Add an account. Its password is made by the server and shown once; the person may change it."""
    grants = _grants(person, form.grants)
    try:
        made, password = context.records.add_person(form.name, grants, form.language, form.identity)
    except NotFound:
        raise
    except UsageError as error:
        raise ProblemError(409, str(error)) from error
    return NewPerson(**PersonOut.model_validate(made).model_dump(), password=password)


@router.get("/{name}", response_model=PersonOut)
def one_person(context: ContextDep, person: PersonDep, name: Name) -> Any:
    """One of the people you administer."""
    try:
        found = context.records.person(name)
    except NotFound as error:
        raise _nobody(name) from error
    _guard(person)(found)
    return found


@router.patch("/{name}", response_model=PersonOut)
def change_person(context: ContextDep, person: PersonDep, name: Name, form: PersonChange) -> Any:
    """Change what somebody may, their language, or how the sign-in service knows them."""
    one_person(context, person, name)
    grants = None if form.grants is None else _grants(person, form.grants)
    try:
        return context.records.change_person(name, grants, form.language, form.identity, _guard(person))
    except NotFound:
        raise
    except UsageError as error:
        raise ProblemError(409, str(error)) from error


@router.delete("/{name}", status_code=204)
def remove_person(context: ContextDep, person: PersonDep, name: Name) -> None:
    """Remove an account, with its sessions and tokens. What the person did stays in the audit log."""
    one_person(context, person, name)
    try:
        context.records.remove_person(name, _guard(person))
    except NotFound:
        raise
    except UsageError as error:
        raise ProblemError(409, str(error)) from error


@router.put("/{name}/password", response_model=NewPassword)
def new_password(context: ContextDep, person: PersonDep, name: Name) -> Any:
    """Give somebody a new password, shown once. Their sessions end and their tokens are revoked."""
    one_person(context, person, name)
    return {"password": context.records.new_password(name, _guard(person))}


@router.delete("/{name}/sessions", status_code=204)
def end_sessions_of(context: ContextDep, person: PersonDep, name: Name) -> None:
    """End all sessions of somebody; tokens stay."""
    one_person(context, person, name)
    context.records.end_sessions(name, _guard(person))


def _grants(person: Person, forms: list[GrantForm]) -> list[Grant]:
    grants = [Grant(one.role, one.site) for one in forms]
    for grant in grants:
        if grant.site is not None and not knows(person, grant.site):
            raise no_site(grant.site)
        if not covers(person, [grant]):
            where = f"at site '{grant.site}'" if grant.site else "at every site"
            raise ProblemError(
                403, f"You may not give the role '{grant.role}' {where}. Ask an administrator of that."
            )
    return grants


def _guard(person: Person) -> Any:
    """Refuses an account that has more than the person may give, as if there were none."""

    def check(found: Person) -> None:
        if not covers(person, found.grants):
            raise _nobody(found.name)

    return check


def _nobody(name: str) -> ProblemError:
    shown = "".join(sign if sign.isprintable() else "?" for sign in name)
    return ProblemError(404, f"You administer nobody named '{shown}'. See /api/v1/people for those you do.")

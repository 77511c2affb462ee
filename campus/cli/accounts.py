"""`campus people`: who may sign in, and what they may at which school."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.options import with_settings
from campus.cli.reading import AsJson, require_store
from campus.errors import UsageError
from campus.records import Records, open_records
from campus.records.entities import ROLES, Grant
from campus.settings import Settings

people_app = typer.Typer(no_args_is_help=True, help="Say who may sign in, and what they may.")

Name = Annotated[str, typer.Argument(help="Who signs in", show_default=False)]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role", help=f"ROLE@SITE, or ROLE for every site; of {', '.join(ROLES)}", show_default=False
    ),
]
Identity = Annotated[
    str | None,
    typer.Option(help="E-mail address or subject at the sign-in service; '' for none", show_default=False),
]


@people_app.command(name="list")
@with_settings()
def list_(settings: Settings, as_json: AsJson = False) -> None:
    """Show everyone who may sign in."""
    with _records(settings) as records:
        people = records.people()
    if as_json:
        told = [
            {
                "name": one.name,
                "roles": _texts(one.grants),
                "language": one.language,
                "identity": one.identity,
            }
            for one in people
        ]
        print(json.dumps(told, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE)
    for heading in ("name", "roles", "language", "identity"):
        table.add_column(heading)
    for one in people:
        table.add_row(one.name, ", ".join(_texts(one.grants)), one.language, one.identity or "")
    Console().print(table)


@people_app.command()
@with_settings()
def add(
    settings: Settings,
    name: Name,
    role: Roles,
    language: Annotated[str, typer.Option(help="vi or en")] = "vi",
    identity: Identity = None,
) -> None:
    """Add someone. The password is made here and shown once; they may change it."""
    with _records(settings) as records:
        _, password = records.add_person(name, _grants(role), language, identity)
    print(f"{name} signs in with the password {password}")


@people_app.command()
@with_settings()
def role(settings: Settings, name: Name, role: Roles, identity: Identity = None) -> None:
    """Put these roles in place of all that somebody has. They hold from the next request on."""
    with _records(settings) as records:
        person = records.change_person(name, _grants(role), identity=identity)
    print(f"{name} is {', '.join(_texts(person.grants))}.")


@people_app.command()
@with_settings()
def remove(settings: Settings, name: Name) -> None:
    """Remove an account, with its sessions and tokens."""
    with _records(settings) as records:
        records.remove_person(name)
    print(f"{name} may not sign in any more.")


@people_app.command()
@with_settings()
def password(settings: Settings, name: Name) -> None:
    """Make a new password, shown once; sessions end and tokens are revoked. To choose one: `campus password`."""
    with _records(settings) as records:
        made = records.new_password(name)
    print(f"{name} signs in with the password {made}")


def _grants(texts: Sequence[str]) -> list[Grant]:
    grants = []
    for text in texts:
        role, at, site = text.partition("@")
        if role not in ROLES or (at and not site):
            raise UsageError(
                f"--role {text}: write ROLE@SITE, or ROLE for every site, with one of {', '.join(ROLES)}."
            )
        grants.append(Grant(role, site or None))
    return grants


def _texts(grants: Sequence[Grant]) -> list[str]:
    return [f"{one.role}@{one.site}" if one.site else one.role for one in grants]


def _records(settings: Settings) -> closing[Records]:
    if settings.records == "sqlite":
        require_store(settings)
    return closing(open_records(settings.records, settings.data))

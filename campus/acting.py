"""Who does what is being done, and at which sites: the audit log notes the one, the records keep to the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """`who`: the name of a person, or of an account of the machine; `where`: the address they came from.

    `sites`: ids of those whose records may be reached at all; None: every site.
    """

    who: str
    where: str
    sites: frozenset[str] | None = None


SYSTEM = Actor("system", "this server")
COMMAND_LINE = "command line"
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def actor() -> Actor:
    """Who acts in this task or thread."""
    return _actor.get()


def act_as(who: str, where: str, sites: frozenset[str] | None) -> None:
    """From here on, in this task and what it calls. A request is a task of its own."""
    _actor.set(Actor(who, where, sites))


@contextmanager
def acting(who: str, where: str, sites: frozenset[str] | None = None) -> Iterator[None]:
    """Within the block, in this task or thread."""
    before = _actor.set(Actor(who, where, sites))
    try:
        yield
    finally:
        _actor.reset(before)

"""Who does what is being done; the audit log notes it with each change."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """`who`: the name of a person, or of an account of the machine; `where`: the address they came from."""

    who: str
    where: str


SYSTEM = Actor("system", "this server")
COMMAND_LINE = "command line"
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def actor() -> Actor:
    """Who acts in this task or thread."""
    return _actor.get()


def act_as(who: str, where: str) -> None:
    """From here on, in this task and what it calls. A request is a task of its own."""
    _actor.set(Actor(who, where))


@contextmanager
def acting(who: str, where: str) -> Iterator[None]:
    """Within the block, in this task or thread."""
    before = _actor.set(Actor(who, where))
    try:
        yield
    finally:
        _actor.reset(before)

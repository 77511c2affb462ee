"""A board that is reached over the network: what is known of it, what it is asked, and its refusals in plain words."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campus.cli.boards import site_for
from campus.cli.brokers import operator_url
from campus.cli.running import Api, reader
from campus.errors import CampusError, StoreError, UsageError
from campus.records import open_records
from campus.settings import Settings
from campus.wire.server import Availability, Birth, Reply
from campus.wire.topics import valid_id
from collector.operator import QUIET_S, NoAnswer, Operator

ANSWER_S = 20.0

REFUSALS = {
    "clock": "it does not know the time yet: try again in a minute",
    "expired": "by its clock the command came too late; compare the clocks of this computer and of the board",
    "unknown": "its program does not know this command: update it first",
    "args": "it does not understand the command: its program and this server's are of different versions",
    "signature": "the update is not signed by the server it belongs to: install it over USB once",
    "version": "it runs this version already, or a newer one",
    "size": "a file of the update is larger or smaller than was announced: send it again",
    "hash": "a file of the update arrived damaged: send it again",
    "file": "the update names a file that does not belong there: send it again",
    "offset": "a part of the update arrived out of order: send it again",
    "space": "its flash has no room for the update",
    "state": "it was restarted while the update was sent, may still be proving the last one, or was not set up for "
    "updates: send it again in some minutes, or over USB",
}
"""Code of a refusal -> why, as it goes on after "... refused: "."""


class Refusal(CampusError):
    """A board did not do what it was asked, and said why. `code` is for programs."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reached:
    """One board, through an operator that is connected. `known`: what the records have of it, as the API answers."""

    operator: Operator
    site: str
    board: str
    known: Mapping[str, Any]
    tz: str

    def ask(self, op: str, args: dict[str, Any]) -> Reply:
        """Its answer, where it is ok. Raises CampusError: silence with when it was last heard, a refusal in words."""
        return accepted(self.board, self.answer(op, args, ANSWER_S))

    def answer(self, op: str, args: dict[str, Any], timeout_s: float) -> Reply:
        """Its answer, ok or not. Raises CampusError for silence."""
        try:
            return self.operator.call(self.site, self.board, op, args, timeout_s)
        except NoAnswer as error:
            raise CampusError(f"{error} {last_heard(self.known, self.tz)}") from error

    def heard(self, leaf: str, holds: Callable[[Any], bool], timeout_s: float) -> Any:
        """What it last said under a leaf, as soon as that `holds`; None when it does not in time."""
        return self.operator.heard(self.site, self.board, leaf, holds, timeout_s)

    def birth(self) -> Birth | None:
        """Its latest birth, as the broker keeps it."""
        found: Birth | None = self.heard("birth", lambda _: True, QUIET_S)
        return found

    def reborn(self, before: Birth | None, timeout_s: float) -> Birth | None:
        """Its first birth of a later boot; None when that does not come in time."""
        boot = before.boot if before else None
        found: Birth | None = self.heard("birth", lambda birth: birth.boot != boot, timeout_s)
        return found

    def availability(self) -> Availability | None:
        """Whether it is there, as the broker keeps it."""
        found: Availability | None = self.heard("availability", lambda _: True, QUIET_S)
        return found

    def online(self) -> bool:
        now = self.availability()
        return now is not None and now.state == "online"


@contextmanager
def reach(settings: Settings, site: str | None, board: str) -> Iterator[Reached]:
    """Raises CampusError: no such site or board, no broker."""
    site, [known] = find(settings, site, board)
    with Operator(operator_url(settings)) as operator:
        yield Reached(operator, site, board, known, settings.tz)


def find(settings: Settings, site: str | None, board: str | None = None) -> tuple[str, list[dict[str, Any]]]:
    """(site, what the records have of its boards, or of one), through the running system where there is one.

    Raises UsageError for what is no id, NotFound for a board that was neither declared nor heard.
    """
    if board is not None and not valid_id(board):
        raise UsageError(f"'{board}' is not an id: use a-z, 0-9 and -, at most 64 of them.")
    if settings.records == "sqlite" and not settings.data.is_dir():  # which opening them would make
        raise StoreError(f"There is no data folder {settings.data}: name it with --data.")
    site = site_for(settings, site)
    return site, known_boards(settings, site, board)


def known_boards(settings: Settings, site: str, board: str | None = None) -> list[dict[str, Any]]:
    """What the records have of the boards of a site, or of one, as the API answers. Raises NotFound."""
    if owner := reader(settings):
        path = f"/api/v1/sites/{site}/boards"
        return [Api(owner).get(f"{path}/{board}")] if board else Api(owner).items(path)
    with closing(open_records(settings.records, settings.data)) as records:
        boards = [records.board(site, board)] if board else records.boards(site)
    return [json.loads(json.dumps(asdict(one), default=datetime.isoformat)) for one in boards]


def accepted(board: str, reply: Reply) -> Reply:
    """The reply, where it is ok. Raises Refusal."""
    if reply.ok:
        return reply
    code, message = reply.error["code"], reply.error["message"]
    raise Refusal(code, f"The board {board} refused: {REFUSALS.get(code) or (message or code).rstrip('.')}.")


def last_heard(known: Mapping[str, Any], tz: str) -> str:
    """One sentence on when a board was last there."""
    if known["last_seen"] is None:
        return "It was never heard."
    return f"It was last heard {when(known['last_seen'], tz)}; it counts as {known['availability']}."


def when(instant: str, tz: str) -> str:
    """An instant as people of the school read it, and how long ago that is."""
    at = datetime.fromisoformat(instant)
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    for size, unit in ((24 * 60, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            ago = f"{minutes // size} {unit} ago"
            break
    else:
        ago = "just now"
    return f"{at.astimezone(ZoneInfo(tz)):%Y-%m-%d %H:%M} ({ago})"

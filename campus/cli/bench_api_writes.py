"""Part of `campus bench api`: facts that are written while it is asked, as of a school in session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from threading import Event

from campus.cli.bench_indicators_school import SITE
from campus.errors import CampusError
from campus.indicators import EquipmentFact, RoomFact
from campus.records import Records

Facts = tuple[list[RoomFact], list[EquipmentFact]]


@contextmanager
def written(records: Records, today: date, a_second: float) -> Iterator[None]:
    """Meanwhile the facts of `today` of one room after another are replaced, `a_second`; afterwards they are as before.

    By turns they have half of their minutes of use and all of them, so that each time sums change.
    """
    if not a_second:
        yield
        return
    held = {room.id: _facts(records, room.id, today) for room in records.rooms(SITE)}
    held = {room: facts for room, facts in held.items() if facts[0]}
    rooms, ended = list(held), Event()

    def write() -> None:
        for turn in count():
            if ended.wait(1 / a_second):
                return
            room = rooms[turn % len(rooms)]
            _store(records, room, held[room] if turn // len(rooms) % 2 else _halved(held[room]))

    if not rooms:
        raise CampusError(f"There are no facts of {today} that could be written anew.")
    with ThreadPoolExecutor(1, "writes") as pool:
        writing = pool.submit(write)
        try:
            yield
        finally:
            ended.set()
            writing.result()
            for room, facts in held.items():
                _store(records, room, facts)


def _facts(records: Records, room: str, day: date) -> Facts:
    after = day + timedelta(days=1)
    return records.facts(SITE, room, day, after), records.equipment_facts(SITE, room, day, after)


def _halved(facts: Facts) -> Facts:
    of_room, of_pieces = facts
    return (
        [replace(fact, occupied_minutes=fact.occupied_minutes / 2) for fact in of_room],
        [replace(fact, on_minutes=fact.on_minutes / 2) for fact in of_pieces],
    )


def _store(records: Records, room: str, facts: Facts) -> None:
    starts = [round(1000 * fact.start.timestamp()) for fact in facts[0]]
    records.restate(SITE, room, min(starts), max(starts) + 1, *facts)

"""Where a computer's boards keep their records: as they are. A board has to pack them (firmware/board/ring.py)."""

from firmware.board.sampling import Record


class Shelf:
    """`slots` places for records, with the methods of a Ring; it never lacks room."""

    def __init__(self, slots: int) -> None:
        self._records: list[Record | None] = [None] * slots

    def freeze(self, record: Record) -> Record:
        return record

    def put(self, slot: int, frozen: Record, oldest: int | None) -> bool:
        self._records[slot] = frozen
        return True

    def get(self, slot: int) -> Record | None:
        return self._records[slot]

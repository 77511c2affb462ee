"""What a long-running process does about Python's garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW = 10_000  # objects made and not given back, before those are looked through; 700 of itself


@contextmanager
def settled() -> Iterator[None]:
    """Full collections are fewer, and leave out what exists by now, as most of it stays to the end.

    Every thread waits for them: of a school with a year of facts 150 to 200 ms each, several times a minute.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

"""The board's program, the same on MicroPython and CPython. Of the house it knows `campus.wire` only."""

import gc

VERSION = "0.2.0"

if hasattr(
    gc, "threshold"
):  # MicroPython: collected seldom, what stays lies scattered all over the small heap
    gc.threshold(8192)

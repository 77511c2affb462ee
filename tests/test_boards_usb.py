"""A board on a USB cable: what esptool and mpremote are told, what they say, and which images a chip takes."""

import fcntl
import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from usb_board import UsbBoard, an_image, silent_port

from campus.boards import scripts, usb
from campus.boards.images import read_image
from campus.errors import CampusError, UsageError


@pytest.fixture
def board(tmp_path, micropython):
    with UsbBoard(tmp_path / "usb", micropython.command) as plugged:
        yield plugged


@pytest.fixture
def silent(tmp_path):
    with silent_port(tmp_path) as port:
        yield port


def test_a_port_without_micropython_is_one_sentence(silent, tmp_path, monkeypatch):
    """mpremote waits for ever, and is stopped; what it would have sent is gone."""
    monkeypatch.setattr(usb, "SESSION_S", 1.0)
    with pytest.raises(CampusError, match="did not answer in time"):
        usb.Usb(silent, tmp_path).look()
    assert list(tmp_path.iterdir()) == [Path(silent)]


def test_esptool_takes_these_words(tmp_path):
    """The real program reads them all; what it does not find is the port, the very last."""
    image = read_image(an_image(tmp_path / "micropython.bin", chip=9))
    words = usb.esptool(str(tmp_path / "no-port"), image, erase=True)
    done = usb.run(words, 60)
    assert done.returncode != 0
    assert "Usage" not in done.stdout + done.stderr
    assert "no-port" in done.stdout + done.stderr
    assert words[-2:] == ["0x0", str(image.file)]


@pytest.mark.parametrize(
    ("held", "chip", "said"),
    [
        (b"", "auto", "no image"),
        (b"\x7fELF" + bytes(100), "auto", "no image"),
        (b"\xe9" + bytes(40_000), "auto", "no whole image"),
        (b"\xe9" + bytes(11) + b"\x0d" + bytes(40_000), "auto", "not supported"),
        (None, "esp32c3", "is for esp32, not for esp32c3"),
        (None, "esp8266", "choose auto"),
    ],
)
def test_a_file_that_would_not_start_is_refused(tmp_path, held, chip, said):
    """Before anything is erased: no image, a part of one, one for another chip."""
    image = an_image(tmp_path / "x.bin")
    if held is not None:
        image.write_bytes(held)
    with pytest.raises(UsageError, match=said):
        read_image(image, chip)


def test_a_port_that_belongs_to_a_group_says_which(silent, monkeypatch):
    """The usual reason on Linux, with the command that mends it."""
    monkeypatch.setattr(usb.os, "access", lambda *_: False)
    with pytest.raises(UsageError, match=r"usermod -aG \w+ \$USER"):
        usb.check_port(silent)


def test_a_port_in_use_is_said(silent, tmp_path):
    """A serial monitor has it."""
    with Path(silent).open() as monitor:
        fcntl.flock(monitor, fcntl.LOCK_EX)
        with pytest.raises(CampusError, match="another program uses it"):
            usb.Usb(silent, tmp_path).look()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("mpremote: could not enter raw repl", "No MicroPython answers on P"),
        (
            "A fatal error occurred: This chip is ESP32-S3, not ESP32. Wrong chip argument?",
            "has another chip",
        ),
        ("mpremote: cp: config.json: No space left on device.", "is full"),
        ("serial.serialutil.SerialException: device reports readiness to read", "went away in the middle"),
        ("Traceback\nValueError: not as sent: a/board/app.mpy", "did not keep a/board/app.mpy"),
        ("Traceback\nMemoryError: memory allocation failed\n", "mpremote failed on P: MemoryError"),
        ("", "mpremote failed on P: it said nothing"),
    ],
)
def test_what_the_programs_say_becomes_a_sentence(output, said):
    """With the port, and what to do."""
    assert said in usb.explain("mpremote", "P", output)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"version": [1, 24, 1]}, r"has MicroPython 1\.24\.1: 1\.25 or newer"),
        ({"chip": None, "machine": "Raspberry Pi Pico"}, "no ESP32: it says 'Raspberry Pi Pico'"),
    ],
)
def test_a_board_that_cannot_run_the_program_is_refused(board, tmp_path, monkeypatch, told, said):
    """An old MicroPython, another chip: said before anything is written."""
    found = {
        "chip": "a0b1c2d3e4f5",
        "version": [1, 25, 0],
        "site": None,
        "names": [],
        "machine": "x",
        "free_b": 9,
    }
    monkeypatch.setattr(scripts, "LOOK", f"print({json.dumps(json.dumps(found | told))})")
    with pytest.raises(CampusError, match=said):
        usb.Usb(board.port, tmp_path).look()


def test_an_answer_amid_the_chips_own_log_is_found(silent, tmp_path, monkeypatch):
    """And one that is no answer is said."""
    told = {"chip": "0a", "version": [1, 27, 0], "site": "x", "names": ["a"], "machine": "m", "free_b": 9}
    spoken = f"I (512) wifi: up\n{json.dumps(told)}\nI (513) wifi: down\n"
    monkeypatch.setattr(usb, "run", lambda *_: CompletedProcess([], 0, spoken, ""))
    assert usb.Usb(silent, tmp_path).look() == usb.Chip("esp32-0a", "m", "x", frozenset("a"), 9)
    monkeypatch.setattr(usb, "run", lambda *_: CompletedProcess([], 0, '{"chip": "0a', ""))
    with pytest.raises(CampusError, match="no clear answer"):
        usb.Usb(silent, tmp_path).look()


def test_a_file_that_changed_on_its_way_is_found(board, tmp_path, monkeypatch):
    """The board compares what it has with what was sent, before anything is there to start it."""
    check = scripts.check
    monkeypatch.setattr(scripts, "check", lambda files: check({**files, "a/board/x.mpy": b"y"}))
    with pytest.raises(CampusError, match=r"did not keep a/board/x\.mpy"):
        usb.Usb(board.port, tmp_path).copy({"board/x.mpy": b"x"})
    assert board.files == {"a/board/x.mpy": b"x"}

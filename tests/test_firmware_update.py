"""A signed update on a real MicroPython: received, tried, confirmed or taken back; and the power cut in the middle."""

import json
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from slots import RESTARTED, ROOT, SHIMS, Slots, compiled, manifest

GET_UPDATE = """
    try:
        update = Update(nvs, slot)
        for line in open("steps.txt"):
            asyncio.run(update.step(json.loads(line)))
        machine.reset()
    except Refused as error:
        print("refused", error.args[0])
    except OSError:
        pass
"""
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def board(tmp_path, micropython):
    return Slots(tmp_path / "flash", micropython)


def steps(files, version=2, signer=KEY, tamper=lambda path, content: content):
    """The args of the commands that bring a program."""
    listed = manifest(files, version)
    signature = signer.sign(listed, padding.PKCS1v15(), hashes.SHA256())
    yield {"begin": {"size": len(listed), "signature": signature.hex()}}
    for path, content in {"manifest.json": listed, **files}.items():
        sent = tamper(path, content)
        for at in range(0, len(sent), 1024):
            yield {"file": path, "at": at, "data": b64encode(sent[at : at + 1024]).decode()}
    yield {"finish": True}


def offer(board, files, **how):
    board.nvs(update_key=f"{KEY.public_key().public_numbers().n:x}", version=1)
    (board.folder / "steps.txt").write_text("".join(json.dumps(step) + "\n" for step in steps(files, **how)))


def running(board):
    return {path.name: path.read_bytes() for path in (board.folder / "a").rglob("*.mpy")}


def test_a_signed_update_is_received_tried_and_confirmed(board):
    """From the first step to the floor that rose, by the real modules on MicroPython."""
    board.install("a", at_start=GET_UPDATE)
    offer(board, compiled("new"))
    assert board.life() == ["old in a", "new in b", "settled"]
    held = board.nvs()
    assert (held["slot"], held["version"], held.get("trial"), held.get("tried")) == ("b", "2", None, None)
    assert board.life() == ["new in b", "settled"]


def test_an_update_that_crashes_is_taken_back_and_a_better_one_works(board):
    """The same version number again: the floor had not risen."""
    board.install("a", at_start=GET_UPDATE)
    before = running(board)
    offer(board, compiled("bad", at_start="raise RuntimeError"))
    lines = []
    for _ in range(2):
        said, code = board.start()
        lines += said
        assert code == RESTARTED
    (board.folder / "steps.txt").unlink()
    assert lines + board.life() == ["old in a", "bad in b", "old in a update-reverted", "settled"]
    assert running(board) == before
    offer(board, compiled("good"))
    assert board.life()[-2:] == ["good in b", "settled"]


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"signer": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, "signature"),
        ({"tamper": lambda path, held: held.replace(b'"0"', b'"1"') if path == "manifest.json" else held}, "signature"),
        ({"tamper": lambda path, held: held[:-1] + b"?" if path == "board/app.mpy" else held}, "hash"),
        ({"tamper": lambda path, held: held[:-1] if path == "board/app.mpy" else held}, "size"),
        ({"tamper": lambda path, held: held + b"?" if path == "board/app.mpy" else held}, "size"),
        ({"version": 1}, "version"),
        ({"version": 0}, "version"),
    ],
)  # fmt: skip
def test_an_update_that_is_not_right_is_refused_and_the_board_works_on(board, how, code):
    """Another key, a changed manifest, a changed, short or long file, an equal or older version."""
    board.install("a", at_start=GET_UPDATE)
    before = running(board)
    offer(board, compiled("new"), **how)
    assert board.life() == ["old in a", f"refused {code}", "settled"]
    assert running(board) == before and board.nvs().get("trial") is None


def cut(micropython, *how):
    program = [SHIMS / "update_cuts.py", "7", *how]
    ran = micropython.run(program, path=[ROOT, ROOT / "tests" / "board_suite"], timeout=120, heap_kib=2048)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_power_cuts_on_littlefs_leave_the_running_program_and_no_half_one(micropython):
    """40 cuts in the middle of writes of the flash, each followed by another update from the beginning."""
    told = cut(micropython, "40")
    print(told)
    assert told["cuts"] == 40 and told["done"] > 0 and told["broken"] == 0


def test_control_a_manifest_written_first_leaves_half_programs_on_littlefs(micropython):
    """The same cuts with the defect put back are noticed."""
    assert cut(micropython, "12", "hasty")["broken"] > 0

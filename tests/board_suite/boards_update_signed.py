"""Who may bring a program, and which: a signature, a version that only rises, a list that stays inside its slot."""

from binascii import unhexlify
from hashlib import sha256

from boards_update import Board, golden, held, number, put, signed

from firmware.board.refused import Refused
from firmware.board.update import listed, verified


def test_a_signature_counts_only_as_the_library_makes_it():
    """One of a real library is right; of the others each is wrong in its own way."""
    known = golden()
    digest = sha256(signed()).digest()
    for name in known:
        if name[:7] != "modulus" and name[-4:] not in ("1024", "3072"):
            assert verified(digest, known[name], number("modulus")) is (name == "good"), name
    for bits in ("1024", "3072"):
        assert not verified(digest, known["good-" + bits], number("modulus-" + bits))
    for n in (0, 1, (1 << 2048) - 1):
        assert not verified(digest, known["good"], n)
        assert not verified(digest, bytes(256), n)


def test_a_flipped_bit_of_signature_or_text_is_refused():
    """Every 8th byte of the one, a few of the other."""
    good, digest, n = golden()["good"], sha256(signed()).digest(), number("modulus")
    for at in list(range(0, 256, 8)) + [255]:
        flipped = bytearray(good)
        flipped[at] ^= 1 << at % 8
        assert not verified(digest, bytes(flipped), n), at
    for at in range(0, len(signed()), 100):
        flipped = bytearray(signed())
        flipped[at] ^= 1
        assert not verified(sha256(flipped).digest(), good, n), at
    for length in (0, 1, 128, 255, 257):
        assert not verified(digest, (good + b"\x00")[:length], n), length
    assert not verified(digest, b"\x00" + good, n)


def test_a_board_without_a_good_key_takes_no_update():
    for key in (None, "", "0", "1", "%x" % number("modulus-1024"), "%x" % number("modulus-3072")):
        board = Board(update_key=key)
        try:
            assert board.offer() == ("signature", None)
        except ValueError:  # a key that is no number
            assert key == ""
        assert board.untouched()


def test_a_version_only_rises():
    """An equal one is as old as an older one."""
    for floor in (3, 4, 99):
        board = Board(version=floor)
        assert board.offer() == ("version", None)
        assert board.nvs.number("version") == floor and held("flash/b") == {}


def manifest(version=3, **files):
    return {"version": version, "firmware": "0", "files": files or {"board/app.mpy": [1, "00"]}}


def refusal(document, floor=2):
    files = {path: (size, unhexlify(digest)) for path, (size, digest) in document["files"].items()}
    try:
        assert listed(document, floor) == (document["version"], files)
    except Refused as error:
        return error.args[0]


def test_a_signed_manifest_is_checked_all_the_same():
    """A mistake where it is made must not reach out of the slot, nor fill the flash."""
    assert refusal(manifest()) is None
    for version in (2, 0, -1, "4", 4.0, None, True):
        assert refusal(manifest(version)) == "version", version
    for path in ("../main.py", "board/../../main.py", "/board/x", "main.py", "config.json", "board", "board/", "",
                 "board//x", "board/./x", "a/board/x", "campus/X.mpy", "campus/a b", "board/é"):  # fmt: skip
        assert refusal(manifest(**{path: [1, "00"]})) == "file", path
    for size in (-1, 1.0, "1", None, True):
        assert refusal(manifest(**{"board/x": [size, "00"]})) == "size", size
    assert refusal(manifest(**{"board/x": [204801, "00"]})) == "size"
    assert refusal(manifest(**{"board/x": [204800, "00"], "board/y": [1, "00"]})) == "size"
    assert refusal(manifest(**{"board/x": [204800, "00"]})) is None
    assert refusal(manifest(**{"board/x%d" % n: [1, "00"] for n in range(81)})) == "size"
    assert refusal(manifest(**{"board/x%d" % n: [1, "00"] for n in range(80)})) is None
    assert refusal({"version": 3, "files": {}}) == "size"
    for broken in ({}, {"version": 3}, {"version": 3, "files": []}, manifest(**{"board/x": [1]})):
        try:
            listed(broken, 2)
        except Refused:
            raise AssertionError(broken)
        except Exception:  # any other, which the remote reports as "failed"
            continue
        raise AssertionError(broken)


def test_a_forged_manifest_changes_nothing_and_the_true_one_works_after_it():
    """Refused with the code `signature`; not even the other slot, to fall back on, is lost."""
    board = Board()
    put("flash/b/manifest.json", b"{}")
    known = golden()
    for name in ("other-key", "rubbish-behind", "pss"):
        assert board.offer(signature=known[name]) == ("signature", None)
    text = signed()
    for forged in (text[:-1] + b" ", text.replace(b'"version":3', b'"version":9'), text + b" "):
        assert board.offer(forged) == ("signature", None)
        assert board.step("finish")[0] == "state"
        assert board.step("file", "board/app.mpy", 0, b"x")[0] == "state"
    assert held("flash/b") == {"manifest.json": b"{}"}
    assert board.untouched()
    assert board.whole_update() == ("ok", None) and board.updated()

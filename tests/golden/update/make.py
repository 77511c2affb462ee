"""Make these files anew, with a key that nobody keeps: `python tests/golden/update/make.py`, from the checkout."""

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HERE = Path(__file__).parent
PREFIX = bytes.fromhex(
    "3031300d060960864801650304020105000420"
)  # DigestInfo of SHA-256, RFC 8017, 9.2, note 1
PREFIX_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201" + "0420")
SIZES = {
    "board/__init__.mpy": 40,
    "board/app.mpy": 2500,
    "board/sensors/pir.mpy": 700,
    "campus/__init__.mpy": 0,
    "campus/wire/remote.mpy": 1024,
}


def content(path: str, size: int) -> bytes:
    """What a file of the program holds; tests/board_suite/boards_update.py has the same function."""
    return (path * (size // len(path) + 1))[:size].encode()


def manifest() -> bytes:
    files = {
        path: [size, hashlib.sha256(content(path, size)).hexdigest()] for path, size in sorted(SIZES.items())
    }
    document = {"files": files, "firmware": "0.2.0", "version": 3}
    return json.dumps(document, separators=(",", ":")).encode()


def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def raw(signer: rsa.RSAPrivateKey, block: bytes) -> bytes:
    """The signature from which `block` comes out, whatever it is: what a forger with the key could make."""
    numbers = signer.private_numbers()
    return pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(len(block))


def filled(prefix: bytes, tail: bytes = b"", kind: int = 1) -> bytes:
    """A block of 256 bytes around `prefix` and the hash of the manifest."""
    inner = b"\x00" + prefix + hashlib.sha256(manifest()).digest() + tail
    return bytes((0, kind)) + b"\xff" * (254 - len(inner)) + inner


def lines() -> dict[str, bytes]:
    signed, whole = manifest(), filled(PREFIX)
    digest = hashlib.sha256(signed).digest()
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    twice = 1 << 2048
    while twice >= 1 << 2048:  # until the good signature can be written in a second way
        signer = key()
        good, public = signer.sign(signed, pkcs1, sha256), signer.public_key().public_numbers().n
        twice = int.from_bytes(good) + public
    other, short, long = key(), key(1024), key(3072)
    return {
        "modulus": public.to_bytes(256),
        "good": good,
        "good-plus-modulus": twice.to_bytes(256),
        "other-key": other.sign(signed, pkcs1, sha256),
        "other-text": signer.sign(signed + b" ", pkcs1, sha256),
        "sha1": signer.sign(signed, pkcs1, hashes.SHA1()),
        "sha512": signer.sign(signed, pkcs1, hashes.SHA512()),
        "pss": signer.sign(signed, padding.PSS(padding.MGF1(sha256), 32), sha256),
        "rubbish-behind": raw(signer, b"\x00\x01" + b"\xff" * 8 + b"\x00" + PREFIX + digest + b"\x5a" * 194),
        "hole-in-padding": raw(signer, whole[:100] + b"\x00" + whole[101:]),
        "type-2": raw(signer, filled(PREFIX, kind=2)),
        "type-0": raw(signer, filled(PREFIX, kind=0)),
        "without-null": raw(signer, filled(PREFIX_WITHOUT_NULL)),
        "hash-alone": raw(signer, filled(b"")),
        "one-byte-behind": raw(signer, filled(PREFIX, b"\x00")),
        "modulus-1024": short.public_key().public_numbers().n.to_bytes(128),
        "good-1024": short.sign(signed, pkcs1, sha256),
        "modulus-3072": long.public_key().public_numbers().n.to_bytes(384),
        "good-3072": long.sign(signed, pkcs1, sha256),
    }


if __name__ == "__main__":
    (HERE / "good.manifest").write_bytes(manifest())
    (HERE / "signatures.txt").write_text("".join(f"{name} {held.hex()}\n" for name, held in lines().items()))

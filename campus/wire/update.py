"""What a board reads of an update: its steps, each the args of a command, and which files it may bring."""

from binascii import a2b_base64, b2a_base64, hexlify, unhexlify

from campus.wire.parsing import check
from campus.wire.remote import read_number, read_object

MANIFEST = "manifest.json"
MANIFEST_BYTES = 12288
PROGRAM_BYTES = 204800  # of all files of a program together
CHUNK_BYTES = 1024


def decode_update(args):
    """One step of an update: ("begin", (bytes of the manifest, signature)), ("file", (path, offset, bytes)) or
    ("finish", ()). Raises WireError.
    """
    get = args.get
    if "begin" in args:
        get = read_object("begin", get).get
        signature = _bytes("signature", get, unhexlify, hexlify)
        check(len(signature) == 256, "shape", "signature")
        return "begin", (read_number("size", get, MANIFEST_BYTES), signature)
    path = get("file")
    if path is None:
        check(get("finish") is True, "shape", "finish")
        return "finish", ()
    check(path == MANIFEST or valid_path(path), "shape", "file")
    data = _bytes("data", get, a2b_base64, b2a_base64)
    check(len(data) <= CHUNK_BYTES, "shape", "data")
    return "file", (path, read_number("at", get, PROGRAM_BYTES), data)


def valid_path(path):
    """Whether `path` may be a file of a program: below board/ or campus/, of [a-z0-9_./], and nothing leads out."""
    return (
        type(path) is str
        and len(path) <= 64
        and not path.strip("abcdefghijklmnopqrstuvwxyz0123456789_./")
        and (path[:6] == "board/" or path[:7] == "campus/")
        and "/." not in path
        and "//" not in path + "/"
    )


def _bytes(key, get, decode, encode):
    """The bytes a text stands for. Only one way to write them is right: the decoders forgive, each something else.
    Written again in pieces and compared: a board has no memory to hold it all twice.
    """
    text = get(key)
    data = b""
    try:
        data = decode(text)
        right = text.find("=", 0, len(text) - 2) < 0
        for at in range(0, len(text), 64):
            piece = text[at : at + 64]
            right = right and encode(decode(piece)).strip() == piece.encode()
    except (ValueError, TypeError, AttributeError):
        right = False
    check(right, "shape", key)
    return data

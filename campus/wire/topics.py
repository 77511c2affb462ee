"""The topics of a board. Those of rooms and services, and how a topic is read: campus/wire/server.py."""

from campus.wire.parsing import check

PREFIX = "campus/v1/"
LEAVES = "availability birth telemetry committed command reply config/desired config/reported".split()
RESERVED = ("room", "service")

_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def valid_id(text):
    """Whether `text` is an id: [a-z0-9-]{1,64}, and not a reserved word."""
    return type(text) is str and 1 <= len(text) <= 64 and not text.strip(_SIGNS) and text not in RESERVED


def check_id(text):
    check(valid_id(text), "id", repr(text))
    return text


def board_topic(site, board, leaf):
    """`campus/v1/{site}/{board}/{leaf}`. Raises WireError for a bad id or an unknown leaf."""
    check(leaf in LEAVES, "topic", leaf)
    return PREFIX + check_id(site) + "/" + check_id(board) + "/" + leaf

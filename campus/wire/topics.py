"""Every topic of the contract, built and parsed here only."""

from collections import namedtuple

from campus.wire.errors import WireError

PREFIX = "campus/v1/"
LEAVES = (
    "availability",
    "birth",
    "telemetry",
    "committed",
    "command",
    "reply",
    "config/desired",
    "config/reported",
)
RESERVED = ("room", "service")

Topic = namedtuple("Topic", ("site", "kind", "name", "leaf"))
"""kind is "board", "room" or "service"; name is its id; leaf is one of LEAVES, or "state" for a room."""

_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def valid_id(text):
    """Whether `text` is an id: [a-z0-9-]{1,64}, and not a reserved word."""
    return type(text) is str and 1 <= len(text) <= 64 and not text.strip(_SIGNS) and text not in RESERVED


def _id(text):
    if not valid_id(text):
        raise WireError("id", "not an id of 1 to 64 signs a-z, 0-9 or -, or a reserved word: %r" % (text,))
    return text


def board_topic(site, board, leaf):
    """`campus/v1/{site}/{board}/{leaf}`. Raises WireError for a bad id or an unknown leaf."""
    if leaf not in LEAVES:
        raise WireError("topic", "a board has no topic %r" % (leaf,))
    return PREFIX + _id(site) + "/" + _id(board) + "/" + leaf


def room_topic(site, room):
    """`campus/v1/{site}/room/{room}/state`."""
    return PREFIX + _id(site) + "/room/" + _id(room) + "/state"


def service_topic(site, name):
    """`campus/v1/{site}/service/{name}/availability`."""
    return PREFIX + _id(site) + "/service/" + _id(name) + "/availability"


def subscription(leaf, site=None):
    """The MQTT filter for one leaf of every board, of one site or of all."""
    if leaf not in LEAVES:
        raise WireError("topic", "a board has no topic %r" % (leaf,))
    return PREFIX + ("+" if site is None else _id(site)) + "/+/" + leaf


def parse(topic):
    """The Topic of a topic string. Raises WireError: topic, id."""
    parts = topic.split("/", 4)
    if len(parts) == 5 and parts[0] == "campus" and parts[1] == "v1":
        site, second, rest = parts[2:]
        if second in RESERVED:
            name, _, leaf = rest.partition("/")
            if leaf == ("state" if second == "room" else "availability"):
                return Topic(_id(site), second, _id(name), leaf)
        elif rest in LEAVES:
            return Topic(_id(site), "board", _id(second), rest)
    raise WireError("topic", "not a topic of the contract: %r" % (topic[:200],))

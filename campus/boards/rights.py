"""Who may do what on the broker: the access rules of the wire contract, once, for every broker.

Identity is the topic: a board's user name is its id, and its rules name its site and its id literally.
"""

from campus.wire.server import subscription
from campus.wire.topics import PREFIX, board_topic

COLLECTOR = "collector"
OPERATOR = "operator"
BOARD = "board"
FOREIGN = "foreign"
"""A device that is none of our boards: below campus/ext/{site}/{its id} it may write and read what it likes."""
READER = "reader"
"""Another program that reads live states, such as Home Assistant: what those with the live-view right may see."""
DISCOVERED = ("binary_sensor", "sensor")
"""What discovery messages for Home Assistant tell of: {prefix}/{one of these}/{site}/{id}/config, any prefix."""
SERVICES = (COLLECTOR, OPERATOR)
"""Users of this server itself; each is also its own kind, and no board may be called so."""

WRITES = {
    BOARD: ("availability", "birth", "telemetry", "reply", "config/reported"),
    OPERATOR: ("command", "config/desired"),
}
"""kind -> leaves that it publishes to: a board to its own topics, the operator to those of every board."""
READS = {
    BOARD: ("committed", "command", "config/desired"),
    # config/desired too: a change for a board that is away must not undo the one before it.
    OPERATOR: ("availability", "birth", "reply", "config/reported", "config/desired"),
}


def rules(kind: str, site: str, user: str) -> list[str]:
    """The lines of mosquitto's access file for one user."""
    if kind == COLLECTOR:
        # Discovery messages also while they are off, or below another prefix now: it clears what it once wrote.
        discovery = [f"topic write +/{component}/+/+/config" for component in DISCOVERED]
        return [f"user {user}", "topic readwrite campus/#", *discovery]
    if kind == READER:
        return [
            f"user {user}",
            f"topic read campus/v1/{site}/room/+/state",
            f"topic read campus/v1/{site}/+/availability",
            "topic read campus/v1/+/service/+/availability",
            *(f"topic read +/{component}/{site}/+/config" for component in DISCOVERED),
        ]
    if kind == FOREIGN:
        return [f"user {user}", f"topic readwrite campus/ext/{site}/{user}/#"]

    def topic(leaf: str) -> str:
        return board_topic(site, user, leaf) if kind == BOARD else subscription(leaf)

    return [
        f"user {user}",
        *(f"topic write {topic(leaf)}" for leaf in WRITES[kind]),
        *(f"topic read {topic(leaf)}" for leaf in READS[kind]),
    ]


def allowed(user: str, topic: str, writes: bool) -> bool:
    """May `user` publish to (`writes`), or subscribe to and receive, `topic`? For a broker that knows no sites."""
    if user == COLLECTOR:
        return topic.startswith("campus/")
    site, _, rest = topic.removeprefix(PREFIX).partition("/")
    board, _, leaf = rest.partition("/")
    leaves = (WRITES if writes else READS)[OPERATOR if user == OPERATOR else BOARD]
    own = user == OPERATOR or (board == user and site != "+")
    return topic.startswith(PREFIX) and own and leaf in leaves

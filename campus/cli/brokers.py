"""Which broker a command means: this folder's mosquitto, the embedded one, or the one that --mqtt names."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from campus.boards.accounts import Accounts
from campus.boards.rights import OPERATOR
from campus.boards.setup import Setup
from campus.cli.running import running
from campus.errors import UsageError
from campus.settings import Settings
from collector.address import BrokerAddress
from collector.broker import load_secret, password

MOSQUITTO, EMBEDDED, NAMED = "mosquitto", "embedded", "named"

Credential = Callable[[str], tuple[str, str] | None]
"""Board id -> (user, password), None where the broker asks for neither."""


def broker_kind(settings: Settings) -> str:
    """MOSQUITTO, EMBEDDED, or NAMED for a URL.

    Raises UsageError where mosquitto is asked for and not prepared, or prepared by halves, which no other broker
    replaces silently; StoreError where its setup cannot be read.
    """
    if settings.mqtt not in ("auto", MOSQUITTO):
        return EMBEDDED if settings.mqtt == EMBEDDED else NAMED
    if Setup.load(Setup.folder(settings.data)) is not None:
        return MOSQUITTO
    if settings.mqtt == MOSQUITTO or Setup.folder(settings.data).is_dir():
        raise UsageError(
            f"No mosquitto is prepared in {settings.data}, or not to the end: run `campus init`."
        )
    return EMBEDDED


def operator_url(settings: Settings) -> str:
    """The broker's URL for commands to boards: signed in with the operator's rights, or --mqtt as it is.

    Raises UsageError when the folder's own broker is meant and is not running.
    """
    kind = broker_kind(settings)
    if kind == NAMED:
        return settings.mqtt
    port = _own_port(settings)
    if kind == EMBEDDED:
        secret = load_secret(settings.data / "broker.secret")
        return f"mqtt://{OPERATOR}:{password(secret, OPERATOR)}@127.0.0.1:{port}?protocol=3.1.1"
    return f"mqtt://{OPERATOR}:{Accounts(Setup.folder(settings.data)).service_password(OPERATOR)}@127.0.0.1:{port}"


def find_broker(settings: Settings) -> tuple[str, int, Credential]:
    """(host, port, credential of a board id) for virtual boards: of --mqtt, or of the running embedded broker.

    Raises CampusError when there is neither, or nothing answers there.
    """
    kind = broker_kind(settings)
    if kind == MOSQUITTO:
        raise UsageError(
            f"The broker of {settings.data} is for enrolled boards only: use the folder of a `campus demo`, "
            "or name another broker with --mqtt."
        )
    if kind == EMBEDDED:
        port = _own_port(settings)
        secret = load_secret(settings.data / "broker.secret")
        return "127.0.0.1", port, lambda board: (board, password(secret, board))
    parts = urlsplit(settings.mqtt)
    try:
        port = parts.port or 1883
    except ValueError:
        port = 0
    if parts.scheme != "mqtt" or not parts.hostname or not port:
        raise UsageError("--mqtt must be mqtt://user:password@host:1883 for virtual boards.")
    BrokerAddress(parts.hostname, port).probe()
    own = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return parts.hostname, port, lambda _: own


def _own_port(settings: Settings) -> int:
    owner = running(settings.data)
    if owner is None or owner.mqtt_port is None:
        raise UsageError(
            f"No system with a broker of its own is running on {settings.data}: start `campus demo` or "
            "`campus up` and name its folder with --data, or name a broker with --mqtt."
        )
    return owner.mqtt_port

"""Where a command's virtual boards connect, and as whom."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from campus.cli.running import running
from campus.errors import UsageError
from campus.settings import Settings
from collector.address import BrokerAddress
from collector.broker import load_secret, password

Credential = Callable[[str], tuple[str, str] | None]
"""Board id -> (user, password), None where the broker asks for neither."""


def find_broker(settings: Settings) -> tuple[str, int, Credential]:
    """(host, port, credential of a board id): of --mqtt, or of the embedded broker of the system that is running.

    Raises CampusError when there is neither, or nothing answers there.
    """
    if settings.mqtt == "embedded":
        owner = running(settings.data)
        if owner is None or owner.mqtt_port is None:
            raise UsageError(
                f"No system with an embedded broker is running on {settings.data}: start `campus demo` or "
                "`campus up` and name its folder with --data, or name a broker with --mqtt."
            )
        secret = load_secret(settings.data / "broker.secret")
        return "127.0.0.1", owner.mqtt_port, lambda board: (board, password(secret, board))
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

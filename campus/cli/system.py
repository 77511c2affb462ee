"""What one process runs: stores, broker, collector, API; opened in order, closed in reverse."""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version

import uvicorn
from collector.service import CollectorService

from api.app import Context, create_app
from campus.cli.running import DataFolder, Running
from campus.errors import UsageError
from campus.live import Live
from campus.records import Records, open_records
from campus.settings import Settings
from campus.telemetry import TelemetryStore
from campus.telemetry.stores import open_telemetry
from collector.broker import EmbeddedBroker, load_secret

log = logging.getLogger(__name__)


def now() -> datetime:
    return datetime.now(UTC)


class System:
    """The running system of one data folder; `with System(settings) as system` opens and closes it.

    `collector` and `api` choose the services. Raises CampusError before anything is half open: a port in use,
    a data folder in use or unreadable, a store of a newer version, a wrong URL.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        collector: bool = True,
        api: bool = True,
        prepare: Callable[["System"], None] | None = None,
    ):
        self.settings = settings
        self.live = Live()
        self.broker: EmbeddedBroker | None = None
        self.collector: CollectorService | None = None
        self.records: Records
        self.telemetry: TelemetryStore
        self.running: Running
        self._with_collector, self._with_api, self._prepare = collector, api, prepare
        self._stack = ExitStack()
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> "System":
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self) -> None:
        settings, stack = self.settings, self._stack
        listening = _listen(*settings.address()) if self._with_api else None
        if listening is not None:
            stack.callback(listening.close)
        folder = DataFolder(settings.data)
        folder.claim()
        stack.callback(folder.release)
        self.records = open_records(settings.records, settings.data)
        stack.callback(self.records.close)
        self.telemetry = open_telemetry(settings.telemetry, settings.data)
        stack.callback(self.telemetry.close)
        if self._prepare is not None:
            self._prepare(self)
        mqtt = settings.mqtt
        if self._with_collector and mqtt == "embedded":
            self.broker = EmbeddedBroker(load_secret(settings.data / "broker.secret"))
            self.broker.start()
            stack.callback(self.broker.stop)
            mqtt = self.broker.url()
        if self._with_collector:
            self.collector = CollectorService(
                mqtt=mqtt, data=settings.data, records=self.records, telemetry=self.telemetry, live=self.live
            )
            self.collector.start()
            stack.callback(self.collector.stop)
        self.running = folder.announce(
            _address(listening) if listening is not None else None,
            self.broker.port if self.broker else None,
            None,
        )
        if listening is not None:
            self._serve(listening)

    def _serve(self, listening: socket.socket) -> None:
        context = Context(
            records=self.records,
            telemetry=self.telemetry,
            live=self.live,
            health=self.health,
            local_token=self.running.token,
            version=version("campus-monitor"),
            now=now,
        )
        config = uvicorn.Config(
            create_app(context),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        self._server = server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="http", daemon=True
        )
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(8)

        self._stack.callback(stop)

    @property
    def address(self) -> str:
        return self.running.http or ""

    def health(self) -> dict:
        """What /health answers: ready, reasons, counters."""
        if self.collector is None:
            return {"ready": True, "reasons": [], "counters": {}}
        health = self.collector.health()
        return {"ready": health.ready, "reasons": list(health.reasons), "counters": dict(health.counters)}


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"The address {host}:{port} cannot be used ({error.strerror}). Choose another with --http, "
            "such as --http 127.0.0.1:0 for any free port."
        ) from error
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - told apart, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def sole_site(records: Records, site: str | None) -> str:
    """The site a command means: the one named, or the only one there is. Raises UsageError."""
    known = [s.id for s in records.sites()]
    if site is not None:
        if site not in known:
            raise UsageError(f"There is no site '{site}'; known are: {', '.join(known) or 'none'}.")
        return site
    if len(known) != 1:
        raise UsageError(f"Name the site with --site; known are: {', '.join(known) or 'none'}.")
    return known[0]

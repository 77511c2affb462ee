"""What one process runs: stores, broker, collector, API; opened in order, closed in reverse."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from importlib.metadata import version

from api.app import create_app
from api.context import Context, Rates
from api.oidc import Provider
from api.server import ApiServer
from campus.boards.setup import Setup
from campus.cli.archive import JOURNAL
from campus.cli.brokers import EMBEDDED, MOSQUITTO, broker_kind
from campus.cli.copies import copies
from campus.cli.running import DataFolder
from campus.errors import NotFound, UsageError
from campus.heap import settled
from campus.live import Live
from campus.records import Records, open_records
from campus.records.ownership import Ownership
from campus.settings import Settings
from campus.telemetry import TelemetryStore
from campus.telemetry.stores import open_telemetry
from collector.broker import EmbeddedBroker, load_secret
from collector.journal import Journal
from collector.mosquitto import ManagedMosquitto
from collector.service import CollectorService


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
        sites: Sequence[str] = (),
        share: str | None = None,
    ):
        self.settings = settings
        self.live = Live()
        self.broker: EmbeddedBroker | ManagedMosquitto | None = None
        self.collector: CollectorService | None = None
        self.records: Records
        self.telemetry: TelemetryStore
        self.address = ""
        self._with_collector, self._with_api, self._prepare = collector, api, prepare
        self._sites, self._share = tuple(sites), share
        self._stack = ExitStack()

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
        folder = DataFolder(settings.data)
        # An API over a server's time series shares the folder: only records may lie in it, and SQLite takes two.
        owns = self._with_collector or settings.telemetry == "duckdb"
        if owns:
            folder.claim()
            stack.callback(folder.release)
        self.records = open_records(settings.records, settings.data)
        stack.callback(self.records.close)
        self.telemetry = open_telemetry(
            settings.telemetry, settings.data, settings.raw_days, settings.mean_months, self._journal()
        )
        stack.callback(self.telemetry.close)
        token = secrets.token_urlsafe(32)
        server = self._server(token, owns) if self._with_api else None
        if server is not None:
            stack.callback(server.stop)
        if self._prepare is not None:
            self._prepare(self)
        if self._with_collector:
            self._start_collector()
        self.address = server.url if server is not None else ""
        if owns:
            folder.announce(self.address or None, self.broker.port if self.broker else None, token)
        if server is not None:
            server.start()
        stack.enter_context(settled())

    def _server(self, token: str, owns: bool) -> ApiServer:
        service = self.settings.sign_in_service()
        context = Context(
            records=self.records,
            telemetry=self.telemetry,
            live=self.live,
            health=self.health,
            now=now,
            local_token=token,
            version=version("campus-monitor"),
            language=self.settings.language,
            hosts=self.settings.host_names(),
            backup=self._backup if owns else None,
            oidc=Provider(*service, now) if service else None,
            rates=Rates(
                self.settings.requests_per_second,
                self.settings.requests_at_once,
                self.settings.strangers_per_second,
            ),
        )
        return ApiServer(create_app(context), *self.settings.address())

    def _journal(self) -> str | None:
        """The name of the journal of one of several collectors, None for one alone."""
        if not self._sites:
            return None
        with closing(Journal(self.settings.data / JOURNAL)) as journal:
            return journal.identity

    def _own(self) -> Callable[[], None] | None:
        """Be the one collector of these sites, where that can be known. Raises UsageError, NotFound."""
        known = [site.id for site in self.records.sites()]
        for site in self._sites:
            if site not in known:
                raise NotFound(f"There is no site '{site}'; known are: {', '.join(known) or 'none'}.")
        if self.settings.records == "sqlite":
            return None
        ownership = Ownership(self.settings.records, self._sites, self._share is not None)
        self._stack.callback(ownership.release)
        ownership.take()
        return ownership.keep

    def _start_collector(self) -> None:
        owned = self._own()
        data, kind = self.settings.data, broker_kind(self.settings)
        if kind == EMBEDDED:
            self.broker = EmbeddedBroker(load_secret(data / "broker.secret"))
        elif kind == MOSQUITTO:
            self.broker = ManagedMosquitto(Setup.folder(data))
        discovery = self.settings.discovery()
        if discovery and isinstance(self.broker, EmbeddedBroker):
            raise UsageError(
                "home_assistant needs a broker that others can reach, and the embedded one is not: run `campus init` "
                "and use mosquitto, or set home_assistant to off (docs/home-assistant.md)."
            )
        if self.broker is not None:
            self.broker.start()
            self._stack.callback(self.broker.stop)
        self.collector = CollectorService(
            mqtt=self.broker.url() if self.broker else self.settings.mqtt,
            data=data,
            records=self.records,
            telemetry=self.telemetry,
            live=self.live,
            accounts=self.mosquitto.accounts if self.mosquitto else None,
            discovery=discovery,
            sites=self._sites,
            share=self._share,
            owned=owned,
        )
        self.collector.start()
        self._stack.callback(self.collector.stop)

    @property
    def mosquitto(self) -> ManagedMosquitto | None:
        """The broker for real boards, where this process runs it."""
        return self.broker if isinstance(self.broker, ManagedMosquitto) else None

    def _backup(self) -> tuple[int, Iterator[bytes]]:
        data, collector = self.settings.data, self.collector
        with ExitStack() as stack:
            if collector is None:
                journal = stack.enter_context(closing(Journal(data / JOURNAL)))
            else:
                journal = collector.pipeline.journal
            made = copies(self.settings, self.records, self.telemetry, journal)
        return made.size, made.pieces()

    def health(self) -> dict:
        """What /health answers: ready, reasons, counters."""
        if self.collector is None:
            return {"ready": True, "reasons": [], "counters": {}}
        health, broken = self.collector.health(), self.mosquitto.problem if self.mosquitto else None
        reasons = [*([broken] if broken else []), *health.reasons]
        return {"ready": not reasons, "reasons": reasons, "counters": dict(health.counters)}

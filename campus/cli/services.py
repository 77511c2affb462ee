"""`campus up`, `campus collector`, `campus api`: the system with real settings."""

import logging
import signal
import threading

from rich.console import Console

from campus.cli.brokers import EMBEDDED, broker_kind
from campus.cli.options import with_settings
from campus.cli.system import System
from campus.errors import UsageError
from campus.settings import Settings

console = Console(highlight=False, soft_wrap=True)


@with_settings()
def up(settings: Settings) -> None:
    """Run everything: collector, stores, API and pages. Ctrl-C stops it cleanly.

    Real boards need a broker on the network: `campus init` prepares one, or name yours with --mqtt. Without either the
    embedded broker serves this machine only.
    """
    serve(settings, collector=True, api=True)


@with_settings()
def collector(settings: Settings) -> None:
    """Run the collector alone: MQTT to stores. The API beside it needs server stores."""
    if broker_kind(settings) == EMBEDDED:
        raise UsageError(
            "The collector alone needs a broker: prepare one with `campus init`, or name one with "
            "--mqtt mqtt://user:password@host:1883."
        )
    serve(settings, collector=True, api=False)


@with_settings()
def api(settings: Settings) -> None:
    """Run the API and the pages alone, over stores that another machine's collector fills, or over a copy."""
    serve(settings, collector=False, api=True)


def serve(settings: Settings, *, collector: bool, api: bool) -> None:
    """Run until a signal; print where to sign in."""
    logging.getLogger().setLevel(settings.log.upper())
    stop = stop_on_signal()
    with System(settings, collector=collector, api=api) as system:
        password = system.records.ensure_admin() if api else None
        if api:
            console.print(f"Campus Monitor is up: [bold]{system.address}[/bold]")
        else:
            console.print("The collector is up.")
        if password:
            console.print(
                f"Sign in as [bold]admin[/bold], password [bold]{password}[/bold]"
                " (shown this once; `campus password` sets another)"
            )
        if system.mosquitto is not None:
            setup = system.mosquitto.setup
            console.print(f"Boards connect to [bold]{setup.board_host()}:{setup.port}[/bold] with TLS.")
        if api and not system.records.sites():
            console.print(
                "No school is set up yet: stop, run `campus inventory FILE`, start again. See docs/records.md."
            )
        stop.wait()
        console.print("Stopping ...")


def stop_on_signal() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop

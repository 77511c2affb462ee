"""`campus up`, `campus collector`, `campus api`: the system with real settings."""

import logging
import signal
import threading
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from campus.cli.brokers import EMBEDDED, broker_kind
from campus.cli.options import with_settings
from campus.cli.system import System
from campus.errors import UsageError
from campus.settings import Settings
from campus.wire.topics import valid_id

console = Console(highlight=False, soft_wrap=True)


@with_settings()
def up(settings: Settings) -> None:
    """Run everything: collector, stores, API and pages. Ctrl-C stops it cleanly.

    Real boards need a broker on the network: `campus init` prepares one, or name yours with --mqtt. Without either the
    embedded broker serves this machine only.
    """
    serve(settings, collector=True, api=True)


@with_settings()
def collector(
    settings: Settings,
    sites: Annotated[
        str | None,
        typer.Option(help="Take in these sites only, a,b,c: other collectors take in others; docs/scale.md"),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            help="Name of a shared subscription to join, on a clustered broker that sends all of a board to one member"
        ),
    ] = None,
) -> None:
    """Run the collector alone: MQTT to stores. The API beside it needs server stores."""
    chosen = _own_sites(settings, sites, share)
    if broker_kind(settings) == EMBEDDED:
        raise UsageError(
            "The collector alone needs a broker: prepare one with `campus init`, or name one with "
            "--mqtt mqtt://user:password@host:1883."
        )
    serve(settings, collector=True, api=False, sites=chosen, share=share)


@with_settings()
def api(settings: Settings) -> None:
    """Run the API and the pages alone, over stores that another machine's collector fills, or over a copy."""
    serve(settings, collector=False, api=True)


def _own_sites(settings: Settings, sites: str | None, share: str | None) -> tuple[str, ...]:
    """The sites named. Raises UsageError for what cannot be meant, and for stores that only one process can have."""
    if sites is None:
        if share is not None:
            raise UsageError("--share needs --sites: name the sites that its members take in together.")
        return ()
    chosen = tuple(dict.fromkeys(site.strip() for site in sites.split(",") if site.strip()))
    if wrong := [site for site in chosen if not valid_id(site)]:
        raise UsageError(f"--sites has '{wrong[0]}': an id is of a-z, 0-9 and -, at most 64 of them.")
    if not chosen:
        raise UsageError("--sites is empty: write ids, such as --sites le-loi,tran-phu.")
    if share is not None and not valid_id(share):
        raise UsageError(f"--share is '{share}': write a name of a-z, 0-9 and -, at most 64 of them.")
    if settings.telemetry == "duckdb" or settings.records == "sqlite":
        raise UsageError(
            "Collectors of some sites each need stores that all of them reach: name an InfluxDB with --telemetry "
            "and a PostgreSQL with --records."
        )
    return chosen


def serve(
    settings: Settings, *, collector: bool, api: bool, sites: Sequence[str] = (), share: str | None = None
) -> None:
    """Run until a signal; print where to sign in."""
    logging.getLogger().setLevel(settings.log.upper())
    stop = stop_on_signal()
    with System(settings, collector=collector, api=api, sites=sites, share=share) as system:
        password = system.records.ensure_admin() if api else None
        if api:
            console.print(f"Campus Monitor is up: [bold]{system.address}[/bold]")
        else:
            console.print(f"The collector is up{_of(sites)}.")
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


def _of(sites: Sequence[str]) -> str:
    return (
        f" for {len(sites)} sites: {', '.join(sites[:5])}{' ...' if len(sites) > 5 else ''}" if sites else ""
    )


def stop_on_signal() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop

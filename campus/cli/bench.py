"""`campus bench`: figures, measured by commands, never by tests."""

import typer

from campus.cli.bench_api import api
from campus.cli.bench_equipment import equipment
from campus.cli.bench_freshness import freshness
from campus.cli.bench_indicators import indicators
from campus.cli.bench_inference import presence
from campus.cli.bench_ingest import ingest
from campus.cli.bench_peers import peers
from campus.cli.bench_rooms import rooms
from campus.cli.bench_scale import scale
from campus.cli.bench_soak import soak

bench_app = typer.Typer(no_args_is_help=True, help="Measure; machines are noisy, so compare within one run.")
for command in (ingest, peers, freshness, soak, scale, rooms, presence, equipment, indicators, api):
    bench_app.command()(command)


@bench_app.callback()
def _group() -> None:
    """Measure; machines are noisy, so compare within one run."""

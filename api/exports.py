"""Readings as a file that is streamed: memory does not grow with the range."""

import tempfile
from collections.abc import Iterator
from itertools import chain
from typing import IO

from starlette.responses import StreamingResponse

from campus.telemetry import TelemetryStore
from campus.telemetry.export import MEAN_COLUMNS, csv_text, means
from campus.telemetry.export import export as write_file

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_PIECE = 256 * 1024


def export(
    store: TelemetryStore,
    format: str,
    site: str | None,
    board: str | None,
    start_ms: int | None,
    end_ms: int | None,
) -> StreamingResponse:
    """The response. What can fail, fails before the first byte: a broken store is a 503, not half a file."""
    if format == "csv":
        pieces = csv_text(store.rows(site, board, start_ms, end_ms))
        body: Iterator[bytes] = chain([next(pieces, b"")], pieces)
    else:
        made = tempfile.TemporaryFile()  # noqa: SIM115 closed by _pieces; a Parquet file's index is written last
        try:
            write_file(store, made, format, site=site, board=board, start_ms=start_ms, end_ms=end_ms)
        except BaseException:
            made.close()
            raise
        body = _pieces(made)
    return _attachment(body, "readings", site, board, format)


def export_means(
    store: TelemetryStore, site: str | None, board: str | None, start_ms: int, end_ms: int
) -> StreamingResponse:
    """The response, as CSV; fails before its first byte too."""
    pieces = csv_text(means(store, site, board, start_ms, end_ms), MEAN_COLUMNS)
    return _attachment(chain([next(pieces, b"")], pieces), "means", site, board, "csv")


def _attachment(
    body: Iterator[bytes], what: str, site: str | None, board: str | None, format: str
) -> StreamingResponse:
    name = f"{what}-{board or site or 'all'}.{format}"
    return StreamingResponse(
        body, media_type=MEDIA[format], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece

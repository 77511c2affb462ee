"""Files that are streamed: memory does not grow with the rows, and what can fail fails before the first byte."""

import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from threading import BoundedSemaphore
from typing import IO, Annotated, BinaryIO

from fastapi import Query
from starlette.responses import StreamingResponse

from api.problems import ProblemError
from campus.table_files import MEDIA
from campus.telemetry import TelemetryStore
from campus.telemetry.export import MEAN_COLUMNS, csv_text, means, readings_csv
from campus.telemetry.export import export as write_file

AT_ONCE = 4
"""Files that are being made at one time: each takes a processor and room on the disk."""
Bom = Annotated[bool, Query(description="A CSV begins with a byte order mark, as Excel wants it")]
_PIECE = 256 * 1024
_turns = BoundedSemaphore(AT_ONCE)


def export(
    store: TelemetryStore,
    format: str,
    site: str | None,
    board: str | None,
    start_ms: int | None,
    end_ms: int | None,
    bom: bool = False,
) -> StreamingResponse:
    """The response. A broken store is a 503, not half a file; more than a sheet holds a 422."""
    name = f"readings-{board or site or 'all'}"
    if format == "csv":
        pieces = readings_csv(store.batches(site, board, start_ms, end_ms), bom)
        return _attachment(chain([next(pieces, b"")], pieces), name, format)
    return made(
        lambda file: write_file(
            store, file, format, site=site, board=board, start_ms=start_ms, end_ms=end_ms
        ),
        name,
        format,
    )


def export_means(
    store: TelemetryStore, site: str | None, board: str | None, start_ms: int, end_ms: int
) -> StreamingResponse:
    """The response, as CSV; fails before its first byte too."""
    pieces = csv_text(means(store, site, board, start_ms, end_ms), MEAN_COLUMNS)
    return _attachment(chain([next(pieces, b"")], pieces), f"means-{board or site or 'all'}", "csv")


def made(write: Callable[[BinaryIO], object], name: str, format: str) -> StreamingResponse:
    """The response with a file that is made first, on the disk: it is there as a whole, or there is an error.

    Raises ProblemError 429 where AT_ONCE others are being made, and what `write` raises.
    """
    if not _turns.acquire(blocking=False):
        raise ProblemError(
            429, f"{AT_ONCE} exports are being made already. Ask again in a minute.", {"Retry-After": "60"}
        )
    file = tempfile.TemporaryFile()  # noqa: SIM115 closed by _pieces, or when the answer is thrown away
    try:
        write(file)
        size = file.tell()
    except BaseException:
        file.close()
        raise
    finally:
        _turns.release()
    answer = _attachment(_pieces(file), name, format)
    answer.headers["Content-Length"] = str(size)
    return answer


def _attachment(body: Iterator[bytes], name: str, format: str) -> StreamingResponse:
    return StreamingResponse(
        body,
        media_type=MEDIA[format],
        headers={"Content-Disposition": f'attachment; filename="{name}.{format}"'},
    )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece

"""What may become a series: the wire contract's ids and points, in every store alike."""

from campus.errors import StoreError
from campus.telemetry import SeriesKey
from campus.wire.names import valid_point
from campus.wire.topics import valid_id


def valid_key(key: SeriesKey) -> bool:
    """Whether `key` can be a series at all."""
    return bool(valid_id(key.site) and valid_id(key.board) and valid_point(key.point))


def check_keys(keys: list[SeriesKey]) -> None:
    """Raise StoreError, naming the first key that cannot be a series."""
    for key in keys:
        if not valid_key(key):
            raise StoreError(f"{tuple(key)!r} is no series of the wire contract; the batch was not stored.")

"""A typed client of the API: `Client(url, token)`. docs/client.md."""

from campus.client import shapes
from campus.client.client import Client
from campus.client.errors import (
    ApiError,
    Away,
    Changed,
    Conflicting,
    Forbidden,
    Invalid,
    NotSignedIn,
    NotThere,
    TooMany,
    Unreachable,
)
from campus.client.transport import Event

__all__ = [
    "ApiError",
    "Away",
    "Changed",
    "Client",
    "Conflicting",
    "Event",
    "Forbidden",
    "Invalid",
    "NotSignedIn",
    "NotThere",
    "TooMany",
    "Unreachable",
    "shapes",
]

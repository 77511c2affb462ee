"""What the server refused, by its status; what it says stands in `detail`, field by field in `errors`."""

from collections.abc import Mapping
from typing import Any


class Unreachable(Exception):
    """No whole answer came, also after trying again."""


class ApiError(Exception):
    """An answer that is an error (RFC 9457). `errors`: (field, message) pairs; `retry_after` in seconds."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", "")) or f"The server answered {status}."
        self.errors = tuple((str(one["field"]), str(one["message"])) for one in problem.get("errors") or ())
        self.retry_after = retry_after
        super().__init__(f"{status}: {self.detail}")


class NotSignedIn(ApiError):
    """401: the token is unknown, revoked or over."""


class Forbidden(ApiError):
    """403: not a right of this token."""


class NotThere(ApiError):
    """404: no such thing, or not for you."""


class Conflicting(ApiError):
    """409: not in this state."""


class Changed(ApiError):
    """412: somebody changed it since it was read; read it again."""


class Invalid(ApiError):
    """422: the request; `errors` names the fields."""


class TooMany(ApiError):
    """429, also after waiting as told."""


class Away(ApiError):
    """503, also after waiting: a store is away, or there is too much to do."""


KINDS: dict[int, type[ApiError]] = {
    401: NotSignedIn,
    403: Forbidden,
    404: NotThere,
    409: Conflicting,
    412: Changed,
    422: Invalid,
    429: TooMany,
    503: Away,
}

"""HTTP to an InfluxDB: its URL, lines in, InfluxQL out, and what went wrong as a sentence."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from campus.errors import StoreError, UsageError

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
FORM = "influxdb://user:password@host:8086/database, with ?api=v1 for InfluxDB before 1.8 and for openGemini"


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Where an InfluxDB is. Without a user the password is a token (2.x and later)."""

    server: str
    database: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    api: str = "v2"
    org: str = "-"

    @classmethod
    def parse(cls, url: str) -> "InfluxAddress":
        """Read `FORM` (influxdbs:// for TLS; ?org= where a token spans several). Raises UsageError, without secrets."""
        try:
            parts = urlsplit(url)
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
            host, port = parts.hostname, parts.port or 8086
        except ValueError as error:
            raise UsageError(f"The telemetry URL is not valid ({error}): write {FORM}.") from error
        database = unquote(parts.path[1:])
        if (
            not host
            or not database
            or set(options) - {"api", "org"}
            or options.get("api") not in (None, "v1", "v2")
        ):
            raise UsageError(f"The telemetry URL is not complete: write {FORM}.")
        scheme = "https" if parts.scheme == "influxdbs" else "http"
        host = f"[{host}]" if ":" in host else host
        return cls(
            server=f"{scheme}://{host}:{port}",
            database=database,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            api=options.get("api", "v2"),
            org=options.get("org", "-"),
        )

    @property
    def token(self) -> str:
        """What the v2 interface takes; 1.8 reads user:password from it."""
        return f"{self.user}:{self.password}" if self.user else self.password


class InfluxLink:
    """One server and database. Safe from any thread."""

    def __init__(self, address: InfluxAddress) -> None:
        """Raises UsageError when the v2 client is needed and not installed. Connects to nothing yet."""
        self.address = address
        self._closed = False
        secret = httpx.BasicAuth(address.user, address.password) if address.user else None
        headers = (
            {"Authorization": f"Token {address.password}"} if address.password and not address.user else {}
        )
        # A proxy named in the environment is for the internet, not for a database in the house.
        self._http = httpx.Client(
            base_url=address.server, auth=secret, headers=headers, timeout=TIMEOUT_S, trust_env=False
        )
        try:
            from influxdb_client.client.influxdb_client import InfluxDBClient
            from influxdb_client.client.write_api import SYNCHRONOUS
            from influxdb_client.domain.write_precision import WritePrecision
        except ImportError as error:
            raise UsageError(
                "InfluxDB needs an extra package: pip install 'campus-monitor[influx]', or use --telemetry duckdb."
            ) from error
        self._client = InfluxDBClient(
            url=address.server, token=address.token or "none", org=address.org, timeout=int(TIMEOUT_S * 1000)
        )
        self._ms: Any = WritePrecision.MS  # a plain string, whatever the client's annotations say
        self._writes = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: str) -> None:
        """Store line protocol, times in ms; returns when the server has it. Raises StoreError."""
        if not lines:
            return
        address = self.address
        with self._failing("write to"):
            try:
                if address.api == "v1":
                    parameters = {"db": address.database, "precision": "ms"}
                    _check(self._http.post("/write", params=parameters, content=lines.encode()))
                else:
                    self._writes.write(bucket=address.database, record=lines, write_precision=self._ms)
            except Exception as error:
                status, text = _answer(error)
                # Older than the server keeps: sending it again would hold up everything behind it for ever.
                if status in (400, 422) and ("beyond retention" in text or "outside retention" in text):
                    log.warning("InfluxDB dropped readings older than its retention: %s", text[:200])
                    return
                raise

    def query(self, statements: Sequence[str]) -> Iterator[tuple[int, dict[str, str], list[list[Any]]]]:
        """Run InfluxQL; yields (statement, tags, rows) pieces as they arrive, times in ms. Raises StoreError."""
        form = {"db": self.address.database, "q": "; ".join(statements), "epoch": "ms"}
        form |= {"chunked": "true", "chunk_size": "10000"}
        with self._failing("read from"), self._http.stream("POST", "/query", data=form) as answer:
            if answer.status_code != 200:
                answer.read()
            _check(answer)
            for line in answer.iter_lines():
                if not line.strip():
                    continue
                piece = json.loads(line)
                for result in [piece, *piece.get("results", ())]:
                    if "error" in result:
                        raise StoreError(self._refused(str(result["error"])))
                    for series in result.get("series", ()):
                        yield result["statement_id"], series.get("tags", {}), series["values"]

    def close(self) -> None:
        self._closed = True
        self._http.close()
        self._client.close()

    @property
    def _name(self) -> str:
        return f"{self.address.server}/{self.address.database}"

    def _refused(self, text: str) -> str:
        if "database not found" in text:
            return f"{self.address.server} has no database '{self.address.database}': create it there first."
        return f"InfluxDB at {self._name} refused a query: {text[:200]}"

    @contextmanager
    def _failing(self, doing: str) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"InfluxDB at {self._name} was closed.")
        try:
            yield
        except (StoreError, GeneratorExit):
            raise
        except Exception as error:  # two HTTP clients, each with its own family of errors
            status, text = _answer(error)
            if status in (401, 403):
                raise StoreError(
                    f"InfluxDB at {self._name} does not accept the user or token given."
                ) from error
            if status == 404 and "page not found" in text:
                raise StoreError(
                    f"InfluxDB at {self._name} has no {self.address.api} interface; add ?api=v1 to the telemetry URL "
                    "for a server before 1.8, or take it away."
                ) from error
            if status:
                raise StoreError(
                    f"Could not {doing} InfluxDB at {self._name}: {status} {text[:200]}"
                ) from error
            raise StoreError(
                f"No InfluxDB answers at {self._name} ({type(error).__name__}): start it, or correct --telemetry."
            ) from error


def _check(answer: httpx.Response) -> None:
    if answer.status_code >= 300:
        raise httpx.HTTPStatusError("refused", request=answer.request, response=answer)


def _answer(error: Exception) -> tuple[int, str]:
    """(HTTP status, text) of an error of either client; status 0 where no answer came."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code, error.response.text.strip()
    return int(getattr(error, "status", None) or 0), str(getattr(error, "body", None) or error).strip()

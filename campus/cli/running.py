"""Who owns a data folder, and how other commands reach the owner: DIR/run.json and the API behind it."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from campus.errors import CampusError, NotFound, StoreError, UsageError
from campus.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """What DIR/run.json says: where the owner answers, and a token that is its own for this run."""

    pid: int
    http: str | None  # base address of the API, None for a collector alone
    token: str
    mqtt_port: int | None  # of the broker that it runs, on loopback; None where it runs none


class DataFolder:
    """The one process that may write here. `claim()` before anything is opened, `release()` at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Create the folder and own it. Raises UsageError when it is taken, StoreError when it cannot be used."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.path / "lock").open("a")
        except OSError as error:
            raise StoreError(
                f"The data folder {self.path} cannot be used: {error.strerror}. Choose another with --data."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            owner = running(self.path)
            who = f"process {owner.pid}" if owner else "another process"
            where = f" (it answers on {owner.http})" if owner and owner.http else ""
            raise UsageError(
                f"The data folder {self.path} is in use by {who}{where}. Stop it, or choose another with --data; "
                "a separate collector and API need a server store (--telemetry influxdb://...)."
            ) from error
        self._lock = lock

    def announce(self, http: str | None, mqtt_port: int | None, token: str) -> Running:
        """Write run.json, readable by its owner only."""
        told = Running(os.getpid(), http, token, mqtt_port)
        draft = self.path / "run.json.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(told), file)
        draft.replace(self.path / "run.json")
        return told

    def release(self) -> None:
        if self._lock is not None:
            (self.path / "run.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


def running(data: Path) -> Running | None:
    """The live owner of a data folder, or None; a run.json left by a crash does not count."""
    try:
        told = Running(**json.loads((data / "run.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    with suppress(OSError), (data / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return None  # nobody holds it
    return told


def reader(settings: Settings) -> Running | None:
    """The running system to read through; None: open the stores. A server's stores may be opened beside a collector."""
    owner = running(settings.data)
    beside = settings.telemetry != "duckdb" and owner is not None and owner.http is None
    return None if beside else owner


class Api:
    """Asks the running system's API. Raises CampusError with the API's own sentence."""

    def __init__(self, owner: Running) -> None:
        if owner.http is None:
            raise UsageError(
                f"Process {owner.pid} owns this data folder and has no API; stop it, or start `campus up` in its place."
            )
        self._client = httpx.Client(
            base_url=owner.http,
            headers={"Authorization": f"Bearer {owner.token}", "Accept-Language": "en"},
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of one resource."""
        return self._ask("GET", path, params={k: v for k, v in query.items() if v is not None})

    def items(self, path: str, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        after = None
        while True:
            page = self.get(path, **query, limit=500, after=after)
            found += page["items"]
            after = page["next"]
            if after is None:
                return found

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to a write."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise CampusError(
                f"The running system did not answer: {error}. Is it still up? See `campus doctor`."
            ) from error
        _refuse(answer)
        return answer.json()

    def sites(self) -> list[str]:
        """The ids of all sites."""
        return [site["id"] for site in self.items("/api/v1/sites")]

    def download(self, path: str, into: IO[bytes], **query: Any) -> int:
        """Stream a resource into `into`; returns the number of bytes."""
        size = 0
        try:
            with self._client.stream(
                "GET", path, params={k: v for k, v in query.items() if v is not None}
            ) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    _refuse(answer)
                for chunk in answer.iter_bytes():
                    size += into.write(chunk)
        except httpx.HTTPError as error:
            raise CampusError(f"The download broke off: {error}. Run the command again.") from error
        return size


def choose_site(known: list[str], site: str | None = None) -> str:
    """The site a command means: the one named, or the only one there is. Raises UsageError."""
    if site is not None and site not in known:
        raise NotFound(f"There is no site '{site}'; known are: {', '.join(known) or 'none'}.")
    if site is None and len(known) != 1:
        raise UsageError(f"Name the site with --site; known are: {', '.join(known) or 'none'}.")
    return site or known[0]


def _refuse(answer: httpx.Response) -> None:
    if answer.status_code < 400:
        return
    try:
        problem = answer.json()
        detail = problem.get("detail") or problem.get("title")
    except ValueError:
        detail = None
    message = detail or f"The API answered {answer.status_code}."
    raise (
        NotFound if answer.status_code == 404 else UsageError if answer.status_code == 422 else CampusError
    )(message)

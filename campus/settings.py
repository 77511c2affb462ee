"""One table of settings: name, default, help. An option beats CAMPUS_NAME, that beats the TOML file."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from campus.errors import UsageError

PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")
SWITCHES = ("on", "yes", "no", "true", "false", "0", "1")  # meant as one, and no prefix


def _setting(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of the system; `Settings.load()` reads them, `table()` lists them for docs and help."""

    data: Path = _setting(Path("data"), "Folder of everything the system keeps")
    mqtt: str = _setting(
        "auto",
        "Broker: mqtt://user:password@host:1883, mqtts://..., 'mosquitto' (as `campus init` prepared it), "
        "'embedded' (loopback), or 'auto': mosquitto where it is prepared, else embedded",
    )
    telemetry: str = _setting(
        "duckdb", "Time series: 'duckdb' (in the data folder) or influxdb://user:password@host:8086/db"
    )
    raw_days: int = _setting(
        30,
        "Days that DuckDB keeps readings after their day last received any, then 15-minute means; 0 for ever",
    )
    mean_months: int = _setting(
        13, "Months of 31 days that DuckDB keeps 15-minute means, then daily ones; 0 for ever"
    )
    records: str = _setting(
        "sqlite", "Records: 'sqlite' (in the data folder) or postgresql://user:password@host/db"
    )
    http: str = _setting("127.0.0.1:8080", "Address of the pages and the API, HOST:PORT")
    hosts: str = _setting(
        "", "Further names the pages are reached by, comma-separated (addresses and .local work anyway)"
    )
    requests_per_second: int = _setting(
        100, "Requests that one session or token may make each second in the long run"
    )
    requests_at_once: int = _setting(300, "Requests that one session or token may make at once after a pause")
    strangers_per_second: int = _setting(
        20,
        "Requests each second from an address that shows no valid session or token; three times as many at once",
    )
    oidc_issuer: str = _setting(
        "", "Sign-in service by OpenID Connect, its https address; people's accounts name who they are there"
    )
    oidc_client_id: str = _setting("", "The id under which this server is registered there")
    oidc_client_secret: str = _setting("", "Its secret there: better file:PATH, a file that holds it")
    oidc_redirect: str = _setting(
        "", "The address registered there to lead back to: https://NAME/sign-in/oidc, exactly"
    )
    tz: str = _setting("Asia/Ho_Chi_Minh", "Time zone of a school that names none")
    language: str = _setting("vi", "Language of the pages before a reader chooses: vi or en")
    home_assistant: str = _setting(
        "off", "Prefix of discovery messages for Home Assistant, there 'homeassistant'; 'off': none"
    )
    log: str = _setting("warning", "Least level that is logged: debug, info, warning or error")

    @classmethod
    def load(
        cls,
        options: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        file: Path | None = None,
    ) -> "Settings":
        """Merge options, CAMPUS_* and a TOML file (`file`, or CAMPUS_CONFIG). Raises UsageError, naming the source."""
        environ = os.environ if environ is None else environ
        if file is None and environ.get("CAMPUS_CONFIG"):
            file = Path(environ["CAMPUS_CONFIG"])
        known = {f.name for f in fields(cls)}
        merged: dict[str, Any] = _read_toml(file, known) if file else {}
        merged |= {
            name: environ[f"CAMPUS_{name.upper()}"] for name in known if environ.get(f"CAMPUS_{name.upper()}")
        }
        merged |= {name: value for name, value in (options or {}).items() if value is not None}
        if "data" in merged:
            merged["data"] = Path(merged["data"]).expanduser()
        for name in ("raw_days", "mean_months"):
            if name in merged:
                merged[name] = _whole(name, str(merged[name]).strip())
        for name in ("requests_per_second", "requests_at_once", "strangers_per_second"):
            if name in merged:
                merged[name] = _often(name, str(merged[name]).strip())
        settings = cls(**merged)
        settings.address()
        settings.discovery()
        if settings.language not in ("vi", "en"):
            raise UsageError(f"language is '{settings.language}': choose vi or en.")
        return settings

    @classmethod
    def table(cls) -> list[tuple[str, str, str]]:
        """(name, default, help) of every setting."""
        return [(f.name, str(f.default), f.metadata["help"]) for f in fields(cls)]

    def discovery(self) -> str | None:
        """`home_assistant` as a prefix of topics, None for off. Raises UsageError."""
        prefix = self.home_assistant.strip()
        if prefix.lower() == "off":
            return None
        if not PREFIX.fullmatch(prefix) or prefix.lower() in SWITCHES or prefix == "campus":
            raise UsageError(
                f"home_assistant is '{prefix}': write off, or one word as prefix, such as homeassistant; not campus."
            )
        return prefix

    def sign_in_service(self) -> tuple[str, str, str, str] | None:
        """(issuer, client id, secret, redirect) of OpenID Connect; None: not set up. Raises UsageError."""
        names = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_redirect")
        given = [getattr(self, name).strip() for name in names]
        if not any(given):
            return None
        if missing := [name for name, value in zip(names, given, strict=True) if not value]:
            raise UsageError(f"{missing[0]} is missing: OpenID Connect needs {', '.join(names)}.")
        issuer, client_id, secret, redirect = given
        if secret.startswith("file:"):
            try:
                secret = Path(secret.removeprefix("file:")).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"oidc_client_secret: the file cannot be read ({error}).") from error
            if not secret:
                raise UsageError(
                    "oidc_client_secret: the file is empty; put the secret of the service into it."
                )
        return issuer, client_id, secret, redirect

    def host_names(self) -> tuple[str, ...]:
        """`hosts` one by one."""
        return tuple(name.strip() for name in self.hosts.split(",") if name.strip())

    def address(self) -> tuple[str, int]:
        """(host, port) of `http`. Raises UsageError."""
        host, _, port = self.http.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise UsageError(f"http is '{self.http}': write HOST:PORT, such as 127.0.0.1:8080.")
        return host.strip("[]"), int(port)


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise UsageError(f"{name} is '{text}': write a whole number from 1 to 9999, or 0 to keep for ever.")
    return int(text)


def _often(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise UsageError(f"{name} is '{text}': write a whole number from 1 to 999999.")
    return int(text)


def _read_toml(file: Path, known: set[str]) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the settings file {file}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid TOML: {error}.") from error
    if unknown := sorted(set(table) - known):
        raise UsageError(
            f"{file} has an unknown setting '{unknown[0]}'; known are: {', '.join(sorted(known))}."
        )
    for name, value in table.items():
        if not isinstance(value, str):
            raise UsageError(f"{file}: '{name}' must be text in quotes.")
    return table

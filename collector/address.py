"""Where the broker is: the parsed mqtt:// or mqtts:// address."""

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from campus.errors import CampusError, UsageError

PORTS = {"mqtt": 1883, "mqtts": 8883}
HOW = "write mqtt://user:password@host:1883, or mqtts:// for TLS"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`ca`: a file of certificate authorities for TLS, None = those of the system. `protocol`: "3.1.1" or "5" where it
    is known, None = found out. `str()` shows no password."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    protocol: str | None = None

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """mqtt[s]://[user:password@]host[:port][?ca=FILE&protocol=3.1.1]. Raises UsageError, without the password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"The broker's address is not valid: {HOW}.") from error
        if parts.scheme not in PORTS:
            raise UsageError(f"The broker's address starts with '{parts.scheme or url[:20]}': {HOW}.")
        if not parts.hostname or port == 0:
            raise UsageError(f"The broker's address names no host or no valid port: {HOW}.")
        query = parse_qs(parts.query)
        if parts.path not in ("", "/") or set(query) - {"ca", "protocol"}:
            raise UsageError(f"The broker's address has a part that is not understood after the port: {HOW}.")
        ca = Path(query["ca"][0]) if "ca" in query else None
        protocol = query["protocol"][0] if "protocol" in query else None
        if protocol not in (None, "3.1.1", "5"):
            raise UsageError(f"The broker's protocol is '{protocol}': leave it out, or write 3.1.1 or 5.")
        if ca is not None and not ca.is_file():
            raise UsageError(f"There is no certificate file {ca}; name the broker's authority with ?ca=FILE.")
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca=ca,
            protocol=protocol,
        )

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """Certificate and host name are always checked. Raises UsageError for a file that holds no certificate."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(f"{self.ca} is not a file of PEM certificates.") from error

    def explain(self, error: BaseException) -> str:
        """One sentence on why a connection to this address failed."""
        if isinstance(error, socket.gaierror):
            return f"There is no host '{self.host}': check the broker's address and the name server."
        if isinstance(error, ssl.SSLCertVerificationError):
            why = error.verify_message
            return f"The certificate of {self} is not trusted ({why}): name its authority with ?ca=FILE."
        if isinstance(error, ssl.SSLError):
            return f"{self} does not speak TLS as expected: check the port, or use mqtt://."
        if isinstance(error, ConnectionRefusedError):
            return f"Nothing answers on {self}: is the broker running?"
        if isinstance(error, TimeoutError):
            return f"{self} did not answer in time: check the address and the network."
        return f"The connection to {self} failed: {error}."

    def probe(self, timeout: float = 5.0) -> None:
        """Connect and hang up. Raises CampusError saying what is wrong; says nothing of user and password."""
        context = self.context()
        try:
            with socket.create_connection((self.host, self.port), timeout) as plain:
                if context is not None:
                    context.wrap_socket(plain, server_hostname=self.host).close()
        except OSError as error:
            raise CampusError(self.explain(error)) from error


def free_port() -> int:
    """A TCP port of loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

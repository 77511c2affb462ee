"""What `campus init` settled about a data folder's own broker: by which names boards reach it, and where it listens."""

import fcntl
import ipaddress
import json
import re
import socket
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

from campus.boards.files import locked, replace
from campus.errors import StoreError, UsageError

PORT = 8883
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (boards come over the school's network)
SERVER_NAME = "campus-monitor"  # a name that every server certificate is for
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_SIOCGIFADDR = 0x8915


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """`named`: names and addresses that were given; `hosts`: those and this machine's own, all in the certificate."""

    named: tuple[str, ...] = ()
    hosts: tuple[str, ...]
    listen: str = EVERYWHERE[0]
    port: int = PORT

    @staticmethod
    def folder(data: Path) -> Path:
        """DIR/broker of a data folder."""
        return data / "broker"

    @classmethod
    def load(cls, folder: Path) -> "Setup | None":
        """What was settled, None before the first `campus init`. Raises StoreError."""
        try:
            told = json.loads((folder / "setup.json").read_text())
            names = {name: tuple(map(checked_host, told[name])) for name in ("named", "hosts")}
            setup = cls(**told | names)
            if not setup.hosts or not is_address(setup.listen) or setup.port not in range(1, 65536):
                raise ValueError(told)
            return setup
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"Cannot read {folder / 'setup.json'}: {error.strerror}.") from error
        except (ValueError, TypeError, KeyError, UsageError) as error:
            raise StoreError(
                f"{folder / 'setup.json'} is spoilt: delete it, and run `campus init`."
            ) from error

    def save(self, folder: Path) -> None:
        """Raises StoreError."""
        with locked(folder):
            replace(folder / "setup.json", json.dumps(asdict(self), indent=1).encode())

    def board_host(self) -> str:
        """How boards name this server: as it was given first, else by an address, which needs no look-up."""
        addresses = [host for host in self.hosts if is_address(host)]
        one = () if self.listen in EVERYWHERE else (self.listen,)
        return (*self.named, *one, *addresses, SERVER_NAME)[0]


def is_address(host: str) -> bool:
    """Whether `host` is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def checked_host(text: str) -> str:
    """A name or an address in its one form. Raises UsageError for anything else, such as a URL or HOST:PORT."""
    form = text.lower()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        good = _NAME.fullmatch(form) is not None and not re.fullmatch(r"[\d.]+", form)
    else:
        good, form = not address.is_unspecified and _of_one_machine(address), str(address)
    if not good:
        raise UsageError(f"'{text}' is neither a name nor an address of a machine, such as 192.168.1.10.")
    return form


def checked_listen(text: str) -> str:
    """An address of this machine, or 0.0.0.0 or :: for all of them. Raises UsageError."""
    try:
        address = ipaddress.ip_address(text)
        if not _of_one_machine(address):
            raise ValueError(text)
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6) as probe:
            probe.bind((text, 0))
    except (ValueError, OSError):
        raise UsageError(f"'{text}' is no address of this machine: write one, or 0.0.0.0 for all.") from None
    return str(address)


def _of_one_machine(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Not of many, and not one that counts on a single link only: a certificate cannot name that."""
    return not (address.is_multicast or str(address) == "255.255.255.255" or "%" in str(address))


def own_hosts(listen: str = EVERYWHERE[0]) -> list[str]:
    """This machine's names, with `.local` as multicast DNS has it, and the addresses it answers on. Sends nothing."""
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    names = dict.fromkeys((SERVER_NAME, full, short, f"{short}.local"))
    addresses = _addresses() if listen in EVERYWHERE else [listen]
    return [name for name in names if _NAME.fullmatch(name)] + addresses


def _addresses() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, interface in socket.if_nameindex():
            try:
                told = fcntl.ioctl(asked, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
            except OSError:  # it has no address
                continue
            address = ipaddress.IPv4Address(told[20:24])
            if not address.is_loopback and not address.is_link_local:
                found.append(str(address))
    return found

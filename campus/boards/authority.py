"""What boards trust: this server's own certificate authority, its server certificate, the key that signs updates.

DIR/broker/ holds ca.key and ca.pem, server.pem (certificate and key in one file, so that both change in one step) and
update.key. Keys are made once and never overwritten: boards in the field carry their public halves.
"""

import ipaddress
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from campus.boards.files import create, locked, replace
from campus.errors import CampusError, StoreError

CA_DAYS = 20 * 365
SERVER_DAYS = 2 * 365
RENEW_DAYS = 60
BACKDATED = timedelta(days=1)  # a board whose clock is a little behind accepts a new certificate too
SERVER_PEM = "server.pem"
EARLIEST = datetime(2024, 1, 1, tzinfo=UTC)  # a clock before this was never set

CA, SERVER, UPDATE_KEY = "certificate authority", "server certificate", "update key"


class Authority:
    """The keys of one broker's folder. Every method raises StoreError when a file cannot be used."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._now = now
        self.ca_file = folder / "ca.pem"
        self.server_file = folder / SERVER_PEM
        self._ca_key = folder / "ca.key"
        self._update_key = folder / "update.key"

    def missing(self, hosts: Iterable[str]) -> list[str]:
        """What `ensure` would make: some of CA, SERVER and UPDATE_KEY.

        The server certificate is due when it is not there or spoilt, is for other hosts, has less than RENEW_DAYS left,
        or begins in the future.
        """
        due = [] if self.ca_file.exists() else [CA]
        if due or not self._serves(hosts):
            due.append(SERVER)
        return due if self._update_key.exists() else [*due, UPDATE_KEY]

    def ensure(self, hosts: Iterable[str]) -> list[str]:
        """Make what is missing or due, and return it. `hosts`: names and addresses that boards connect to.

        Raises CampusError where this machine's clock was never set: certificates begin and end by it.
        """
        hosts = list(hosts)
        make = {
            CA: self._make_ca,
            SERVER: lambda: self._make_server(hosts),
            UPDATE_KEY: self._make_update_key,
        }
        with locked(self.folder):
            made = self.missing(hosts)
            for name in made:
                make[name]()
        return made

    def check(self) -> None:
        """Raises StoreError for a key that is gone or spoilt, or an authority that is not good at this moment.

        Its key and the update key are needed seldom, and then it is too late to find them lost.
        """
        self._signer()
        authority, _ = self._pair()
        begins, ends = authority.not_valid_before_utc, authority.not_valid_after_utc
        if not begins <= self._now() < ends:
            raise StoreError(
                f"{self.ca_file} is good from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}, and this machine's clock says "
                f"{self._now():%Y-%m-%d}: boards trust it at no other time."
            )

    def ca_pem(self) -> str:
        """The authority's certificate, which every board carries."""
        return _certificate(self.ca_file).public_bytes(serialization.Encoding.PEM).decode()

    def server_hosts(self) -> list[str]:
        """The names and addresses that the server certificate is for; none when there is no certificate."""
        if not self.server_file.exists():
            return []
        names = _certificate(self.server_file).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return [str(name.value) for name in names.value]

    def days_left(self) -> int:
        """Whole days until the server certificate ends; negative when it has."""
        return (_certificate(self.server_file).not_valid_after_utc - self._now()).days

    def update_modulus(self) -> str:
        """The modulus of the update key in hex, 512 signs: all that a board needs to check an update (e = 65537)."""
        return f"{self._signer().public_key().public_numbers().n:0512x}"

    def sign_update(self, manifest: bytes) -> bytes:
        """256 bytes: RSA-2048, PKCS#1 v1.5, SHA-256."""
        return self._signer().sign(manifest, padding.PKCS1v15(), hashes.SHA256())

    def _serves(self, hosts: Iterable[str]) -> bool:
        authority = _certificate(self.ca_file)
        try:
            server, key = _certificate(self.server_file), _load_ec(self.server_file)
        except StoreError:  # nobody carries it: it is made anew
            return False
        # One that was made by a clock in the future is good again only then. An unset clock tells nothing.
        begun = server.not_valid_before_utc <= max(self._now(), authority.not_valid_before_utc)
        return (
            begun
            and self.days_left() >= RENEW_DAYS
            and {str(_subject(host).value) for host in hosts} == set(self.server_hosts())
            and server.public_key() == key.public_key()
            and _signed_by(authority, server)
        )

    # making

    def _make_ca(self) -> None:
        key = _load_ec(self._ca_key) if self._ca_key.exists() else ec.generate_private_key(ec.SECP256R1())
        if not self._ca_key.exists():
            create(self._ca_key, _private_pem(key))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Campus Monitor authority")])
        public = key.public_key()
        usage = _usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            self._begin(name, name, public, CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        create(self.ca_file, certificate.public_bytes(serialization.Encoding.PEM))

    def _pair(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """The authority's certificate and its key."""
        if not self._ca_key.exists():
            raise StoreError(
                f"{self._ca_key} is gone: bring it back from a backup. Boards trust no other authority."
            )
        authority, key = _certificate(self.ca_file), _load_ec(self._ca_key)
        if authority.public_key() != key.public_key():
            raise StoreError(f"{self._ca_key} does not belong to {self.ca_file}: take both from one backup.")
        return authority, key

    def _make_server(self, hosts: list[str]) -> None:
        authority, authority_key = self._pair()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Campus Monitor broker")])
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        certificate = (
            self._begin(name, authority.subject, key.public_key(), SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_subject(host) for host in hosts]), critical=False)
            .add_extension(issuer_id, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        replace(self.server_file, certificate.public_bytes(serialization.Encoding.PEM) + _private_pem(key))

    def _make_update_key(self) -> None:
        create(self._update_key, _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))

    def _begin(
        self, subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        now = self._now()
        if now < EARLIEST:
            raise CampusError(
                f"This machine's clock says {now:%Y-%m-%d}: set it first, certificates begin by it."
            )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    def _signer(self) -> rsa.RSAPrivateKey:
        key = _load(self._update_key)
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != 2048:
            raise StoreError(
                f"{self._update_key} holds no RSA key of 2048 bits: bring it back from a backup."
            )
        return key


def _subject(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.lower())


def _usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{file} is gone: bring it back from a backup, or run `campus init`.") from error
    except OSError as error:
        raise StoreError(f"Cannot read {file}: {error.strerror}.") from error


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(file))
    except ValueError as error:
        advice = "run `campus init`" if file.name == SERVER_PEM else "bring it back from a backup"
        raise StoreError(f"{file} holds no certificate: {advice}.") from error


def _signed_by(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load(file: Path) -> object:
    try:
        return serialization.load_pem_private_key(_read(file), password=None)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{file} holds no key: bring it back from a backup.") from error


def _load_ec(file: Path) -> ec.EllipticCurvePrivateKey:
    key = _load(file)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StoreError(f"{file} holds no key of this authority: bring it back from a backup.")
    return key

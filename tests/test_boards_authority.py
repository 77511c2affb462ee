"""The boards' certificate authority and the update key: real handshakes, validity, what is kept and what is renewed."""

import hashlib
import shutil
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from campus.boards.authority import CA, SERVER, UPDATE_KEY, Authority
from campus.errors import CampusError, StoreError

HOSTS = ["campus-monitor", "pi.school.lan", "127.0.0.1", "2001:db8::1"]
NOW = datetime.now(UTC)


@pytest.fixture(scope="session")
def _made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("authority") / "broker"
    Authority(folder).ensure(HOSTS)
    return folder


@pytest.fixture
def authority(_made: Path, tmp_path: Path) -> Authority:
    """With every key made, in a folder of this test's own."""
    shutil.copytree(_made, tmp_path / "broker")
    return Authority(tmp_path / "broker")


def later(authority: Authority, days: float) -> Authority:
    """The same folder, some days on."""
    return Authority(authority.folder, lambda: NOW + timedelta(days=days))


def keys(authority: Authority) -> dict[str, bytes]:
    return {name: (authority.folder / name).read_bytes() for name in ("ca.key", "ca.pem", "update.key")}


@contextmanager
def serving(authority: Authority):
    """The port of a TLS server with the server certificate; it greets each client once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_file)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                plain.settimeout(10)
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.sendall(b"welcome")
                except OSError:
                    plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def greeting(port: int, ca: str, name: str) -> bytes:
    """What a client hears that trusts `ca` alone and expects `name`. Raises ssl.SSLCertVerificationError."""
    context = ssl.create_default_context(cadata=ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.recv(7)


def test_clients_accept_every_name_and_address_of_the_server(authority: Authority):
    """A strict check of the chain by OpenSSL, by name, by IPv4 and by IPv6 address."""
    with serving(authority) as port:
        for name in HOSTS:
            assert greeting(port, authority.ca_pem(), name) == b"welcome"


def test_clients_refuse_another_name_and_another_authority(authority: Authority, tmp_path: Path):
    """Neither a server of another name nor one of a stranger's authority is let through."""
    stranger = Authority(tmp_path / "stranger")
    stranger.ensure(HOSTS)
    with serving(authority) as port:
        for ca, name in [
            (authority.ca_pem(), "other"),
            (authority.ca_pem(), "127.0.0.2"),
            (stranger.ca_pem(), HOSTS[0]),
        ]:
            with pytest.raises(ssl.SSLCertVerificationError):
                greeting(port, ca, name)


BOARD = """
import socket
from firmware.board import secure
context = secure.context(open("ca.pem").read())
for name in ("campus-monitor", "127.0.0.1", "other"):
    plain = socket.socket()
    plain.connect(socket.getaddrinfo("127.0.0.1", {port})[0][-1])
    try:
        print(context.wrap_socket(plain, server_hostname=name).read(7).decode())
    except (OSError, ValueError):
        print("refused")
    plain.close()
"""


def test_a_boards_own_tls_accepts_the_certificate(authority: Authority, micropython):
    """mbedTLS under MicroPython takes it by name and by address, and refuses another name."""
    with serving(authority) as port:
        done = micropython.run(["-c", BOARD.format(port=port)], cwd=authority.folder)
    assert done.stdout.split() == ["welcome", "welcome", "refused"], done.stderr


def test_the_authority_signs_servers_and_nothing_else_below_it(authority: Authority):
    """20 years, path length 0, its key for signing certificates; the server's for TLS servers, 2 years."""
    ca = x509.load_pem_x509_certificate(authority.ca_pem().encode())
    server = x509.load_pem_x509_certificate(authority.server_file.read_bytes())
    server.verify_directly_issued_by(ca)
    basic, usage = (
        ca.extensions.get_extension_for_class(kind) for kind in (x509.BasicConstraints, x509.KeyUsage)
    )
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert server.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    for certificate, years in ((ca, 20), (server, 2)):
        assert certificate.not_valid_before_utc < NOW - timedelta(hours=23)
        assert abs((certificate.not_valid_after_utc - NOW).days - 365 * years) <= 1


def test_a_board_checks_an_update_with_the_modulus_alone(authority: Authority):
    """What `sign_update` makes is PKCS#1 v1.5 over SHA-256, checked by pow() as boards do it."""
    signature = authority.sign_update(b"manifest")
    block = pow(int.from_bytes(signature, "big"), 65537, int(authority.update_modulus(), 16)).to_bytes(
        256, "big"
    )
    algorithm = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = algorithm + hashlib.sha256(b"manifest").digest()
    assert block == b"\0\1" + b"\xff" * (253 - len(digest)) + b"\0" + digest
    assert len(authority.update_modulus()) == 512


def greeting_of(authority: Authority) -> bytes:
    """What a client hears that trusts this authority."""
    with serving(authority) as port:
        return greeting(port, authority.ca_pem(), "campus-monitor")


def test_a_second_run_makes_nothing(authority: Authority):
    """Every file stays as it is, also when the hosts come in another order or form."""
    before = {file.name: file.read_bytes() for file in authority.folder.iterdir()}
    assert authority.ensure([*reversed(HOSTS[:3]), "2001:DB8:0::1"]) == []
    assert {file.name: file.read_bytes() for file in authority.folder.iterdir()} == before


def test_the_server_certificate_is_renewed_before_it_ends(authority: Authority):
    """With 60 days left not yet, with less it is; the authority and the update key never change."""
    before = keys(authority)
    assert later(authority, 730 - 60.5).ensure(HOSTS) == []
    near = later(authority, 730 - 59.5)
    assert near.days_left() == 59
    assert near.ensure(HOSTS) == [SERVER]
    assert near.days_left() >= 729
    assert keys(authority) == before


def test_other_hosts_are_another_certificate(authority: Authority):
    """More names or fewer: it has to say exactly what was settled."""
    for hosts in ([*HOSTS, "more"], HOSTS[:1]):
        assert authority.ensure(hosts) == [SERVER]
        assert sorted(authority.server_hosts()) == sorted(hosts)
    assert authority.ca_file.read_text() == authority.ca_pem()


def test_a_certificate_of_another_authority_is_renewed(authority: Authority, tmp_path: Path):
    """A folder put together from two backups mends what it can."""
    stranger = Authority(tmp_path / "stranger")
    stranger.ensure(HOSTS)
    shutil.copy(stranger.server_file, authority.server_file)
    assert authority.ensure(HOSTS) == [SERVER]


@pytest.mark.parametrize("spoil", [lambda held: b"", lambda held: held[:500], lambda held: held[:-90]])
def test_a_spoilt_server_certificate_is_made_anew(authority: Authority, spoil):
    """No board carries it, so nobody has to delete it first."""
    authority.server_file.write_bytes(spoil(authority.server_file.read_bytes()))
    assert authority.ensure(HOSTS) == [SERVER]
    assert greeting_of(authority) == b"welcome"


def test_one_with_the_key_of_another_is_made_anew(authority: Authority, tmp_path: Path):
    """TLS would not start with it."""
    stranger = Authority(tmp_path / "stranger")
    stranger.ensure(HOSTS)
    begin = b"-----BEGIN PRIVATE KEY-----"
    own, foreign = (each.server_file.read_bytes().partition(begin) for each in (authority, stranger))
    authority.server_file.write_bytes(own[0] + begin + foreign[2])
    assert authority.ensure(HOSTS) == [SERVER]


def test_a_certificate_from_the_future_is_renewed(authority: Authority):
    """One that was made while the clock was wrong: boards, whose clocks are right, would refuse it until then."""
    assert later(authority, 900).ensure(HOSTS) == [SERVER]
    assert authority.ensure(HOSTS) == [SERVER]
    assert authority.ensure(HOSTS) == []


def test_an_unset_clock_makes_and_renews_nothing(authority: Authority, tmp_path: Path):
    """A computer without a battery starts in 1970; what it makes then ended long ago."""

    def unset() -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC)

    assert Authority(authority.folder, unset).ensure(HOSTS) == []
    with pytest.raises(CampusError, match="clock says 1970-01-01: set it first"):
        Authority(tmp_path / "fresh", unset).ensure(HOSTS)
    assert not (tmp_path / "fresh" / "ca.pem").exists()


def test_a_check_finds_what_is_needed_seldom(authority: Authority):
    """A lost key is known before the certificate ends, an authority that no board trusts now is named."""
    authority.check()
    for at in (-3, 20 * 365 + 1):
        with pytest.raises(StoreError, match="boards trust it at no other time"):
            later(authority, at).check()
    (authority.folder / "ca.key").rename(authority.folder / "away")
    with pytest.raises(StoreError, match=r"ca\.key is gone"):
        authority.check()
    (authority.folder / "away").rename(authority.folder / "ca.key")
    (authority.folder / "update.key").write_bytes(b"")
    with pytest.raises(StoreError, match=r"update\.key holds no key"):
        authority.check()


def test_keys_are_never_overwritten(authority: Authority):
    """Even asked to, by a second process that has not seen the first one's work."""
    before = keys(authority)
    for make in (authority._make_ca, authority._make_update_key):
        with pytest.raises(StoreError, match="File exists"):
            make()
    assert keys(authority) == before


def test_a_start_that_broke_off_is_continued(authority: Authority, tmp_path: Path):
    """The key was made and its certificate was not: the same key is used."""
    key = (authority.folder / "ca.key").read_bytes()
    for name in ("ca.pem", "update.key"):
        (authority.folder / name).unlink()
    assert authority.ensure(HOSTS) == [CA, SERVER, UPDATE_KEY]
    assert (authority.folder / "ca.key").read_bytes() == key


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"ca.key": None}, "ca.key is gone: bring it back"),
        ({"ca.key": b"x"}, "ca.key holds no key"),
        ({"ca.key": "update.key"}, "no key of this authority"),
        ({"ca.pem": b"x"}, "ca.pem holds no certificate: bring it back"),
    ],
)
def test_a_lost_or_spoilt_file_is_named(authority: Authority, spoil: dict, said: str):
    """One sentence with the way out; nothing is made in its place behind a person's back."""
    for name, content in spoil.items():
        file = authority.folder / name
        if content is None:
            file.unlink()
        else:
            file.write_bytes(
                (authority.folder / content).read_bytes() if isinstance(content, str) else content
            )
    with pytest.raises(StoreError, match=said):
        authority.ensure(["new"])


def test_the_key_of_another_authority_is_noticed(authority: Authority, tmp_path: Path):
    """A certificate signed with it would be refused by every board."""
    stranger = Authority(tmp_path / "stranger")
    stranger.ensure(HOSTS)
    shutil.copy(stranger.folder / "ca.key", authority.folder)
    with pytest.raises(StoreError, match="does not belong to"):
        authority.ensure(["new"])


def test_a_spoilt_update_key_signs_nothing(authority: Authority):
    """Neither no key nor a key of another kind."""
    for content in (b"x", (authority.folder / "ca.key").read_bytes()):
        (authority.folder / "update.key").write_bytes(content)
        with pytest.raises(StoreError, match=r"update\.key"):
            authority.sign_update(b"manifest")


def test_files_are_their_owners_alone(authority: Authority):
    """Folder 0700, files 0600."""
    fresh = Authority(authority.folder.parent / "fresh")
    fresh.ensure(HOSTS)
    assert fresh.folder.stat().st_mode & 0o777 == 0o700
    made = {file.name: file.stat().st_mode & 0o777 for file in fresh.folder.iterdir() if file.name != "lock"}
    assert made == dict.fromkeys(["ca.key", "ca.pem", "server.pem", "update.key"], 0o600)

"""The Python client over TLS, as behind a school's reverse proxy: whom it trusts with its token, and whom not."""

import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from api_school import SITE, TOKEN, running
from processes import free_port

from campus.boards.authority import Authority
from campus.client import Client, Unreachable

HERE = "127.0.0.1"


@contextmanager
def encrypted(app, authority, host=HERE):
    """The app over TLS with a certificate of `authority` for `host`; its URL, and the paths that were asked for."""
    authority.ensure([host])
    asked = []

    async def noted(scope, receive, send):
        if scope["type"] == "http":
            asked.append(scope["path"])
        await app(scope, receive, send)

    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            noted, HERE, port, lifespan="off", log_level="critical", ssl_certfile=authority.server_file
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"https://{HERE}:{port}", asked
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus.app


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "own")


def sites(url):
    with Client(url, TOKEN, tries=1) as client:
        return [one.id for one in client.sites.sites()]


def test_a_schools_own_authority_is_trusted_where_it_is_named(app, authority, monkeypatch):
    with encrypted(app, authority) as (url, asked):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        assert SITE in sites(url)
    assert asked


@pytest.mark.parametrize("wrong", ["nobody's authority", "another authority", "another host"])
def test_who_cannot_be_trusted_gets_no_request(app, authority, monkeypatch, tmp_path, wrong):
    """Neither with a certificate that no authority signed which this machine knows, nor with one for another host."""
    with encrypted(app, authority, "campus.example" if wrong == "another host" else HERE) as (url, asked):
        if wrong == "another authority":
            other = Authority(tmp_path / "other")
            other.ensure([HERE])
            monkeypatch.setenv("SSL_CERT_FILE", str(other.ca_file))
        elif wrong == "another host":
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            sites(url)
    assert asked == []


def test_there_is_no_way_to_leave_certificates_unchecked():
    with pytest.raises(TypeError):
        Client("https://127.0.0.1", TOKEN, verify=False)

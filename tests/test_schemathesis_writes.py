"""Schemathesis on everything that changes something, as a program with an administrator's token."""

import pytest
from api_school import running
from schemathesis_run import CASES, run_part, token_of

SIGN_INS = ("/api/v1/sessions", "/api/v1/tokens")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield run_part(campus, "writes", token_of(campus), _writes)


def _writes(method: str, path: str) -> bool:
    return method != "GET" and not path.startswith(SIGN_INS)


def test_no_write_breaks_what_the_openapi_says(outcome):
    """No 5xx, undeclared status, wrong schema or content type, accepted nonsense, or ignored authentication."""
    assert not outcome.told(), outcome.told()
    assert outcome.total >= CASES["writes"]


def test_every_write_also_succeeded(outcome):
    """Each operation was answered 2xx at least once, but for what no random data gets right."""
    assert outcome.only_refused() == []

"""Schemathesis on sessions, tokens and one's own password, as somebody who signed in: a token may not do these."""

import pytest
from api_school import running
from schemathesis_run import CASES, run_part, session_of

SIGN_INS = ("/api/v1/sessions", "/api/v1/tokens")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield run_part(campus, "sign-ins", session_of(campus), _sign_ins)


def _sign_ins(method: str, path: str) -> bool:
    return path.startswith(SIGN_INS)


def test_no_sign_in_breaks_what_the_openapi_says(outcome):
    """No 5xx, undeclared status, wrong schema or content type, accepted nonsense, or ignored authentication."""
    assert not outcome.told(), outcome.told()
    assert outcome.total >= CASES["sign-ins"]


def test_every_operation_also_succeeded(outcome):
    """Each operation was answered 2xx at least once, but for what no random data gets right."""
    assert outcome.only_refused() == []

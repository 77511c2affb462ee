"""Schemathesis on everything that only reads, as a program with an administrator's token."""

import pytest
from api_school import running
from schemathesis_run import CASES, run_part, token_of

SIGN_INS = ("/api/v1/sessions", "/api/v1/tokens")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield run_part(campus, "reads", token_of(campus), _reads)


def _reads(method: str, path: str) -> bool:
    return method == "GET" and not path.startswith(SIGN_INS)


def test_no_read_breaks_what_the_openapi_says(outcome):
    """No 5xx, undeclared status, wrong schema or content type, accepted nonsense, or ignored authentication."""
    assert not outcome.told(), outcome.told()
    assert outcome.total >= CASES["reads"]


def test_every_read_was_also_answered(outcome):
    """Each operation was answered 2xx at least once, but for what no random data gets right."""
    assert outcome.only_refused() == []

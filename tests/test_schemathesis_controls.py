"""The controls of Schemathesis: a route with a fault is found to have it, by the check that is there for it."""

from typing import Annotated

import pytest
from api_school import running
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import AfterValidator, BaseModel
from schemathesis_run import run, session_of, token_of, unhurried

from api.problems import PROBLEMS
from api.security import signed_in


class Answer(BaseModel):
    number: int


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("only even numbers")
    return number


def _faults(router: APIRouter, private: list) -> None:
    """One route for each kind of fault, and one without."""

    @router.get("/sound", dependencies=private, response_model=Answer)
    def sound(number: int = 1):
        return {"number": number % 100}

    @router.get("/fails", dependencies=private, response_model=Answer)
    def fails(number: int = 1):
        return {"number": 1 // 0}

    @router.get("/other-schema", dependencies=private, response_model=Answer)
    def other_schema(number: int = 1):
        return JSONResponse({"number": "one"})

    @router.get("/other-status", dependencies=private, response_model=Answer)
    def other_status(number: int = 1):
        return JSONResponse({"number": 1}, 202)

    @router.get("/other-type", dependencies=private, response_model=Answer)
    def other_type(number: int = 1):
        return PlainTextResponse("1")

    @router.get("/open", response_model=Answer, openapi_extra={"security": [{"HTTPBearer": []}]})
    def is_open(number: int = 1):
        return {"number": 1}

    told = {
        "name": "number",
        "in": "query",
        "required": True,
        "schema": {"type": "integer"},
        "description": "One",
    }

    @router.get(
        "/takes-all", dependencies=private, response_model=Answer, openapi_extra={"parameters": [told]}
    )
    def takes_all():
        return {"number": 1}

    @router.get("/untold-rule", dependencies=private, response_model=Answer)
    def untold_rule(number: Annotated[int, AfterValidator(_even)] = 2):
        return {"number": 2}

    @router.get(
        "/no-problem", dependencies=private, response_model=Answer, responses={409: {"model": Answer}}
    )
    def no_problem(number: int = 1):
        return JSONResponse({"number": 1}, 409)


FOUND = {
    "fails": "not_a_server_error",
    "other-schema": "response_schema_conformance",
    "other-status": "status_code_conformance",
    "other-type": "content_type_conformance",
    "open": "ignored_auth",
    "takes-all": "negative_data_rejection",
    "untold-rule": "field_rules_are_told",
    "no-problem": "errors_are_problems",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        app = unhurried(campus)
        router = APIRouter(prefix="/api/v1/control", tags=["health"], responses=PROBLEMS)
        _faults(router, [Depends(signed_in)])
        app.include_router(router)
        yield run(campus, app, token_of(campus), lambda method, path: "/control/" in path, 10)


@pytest.mark.parametrize(("route", "check"), FOUND.items())
def test_a_fault_is_found(outcome, route, check):
    """A 500, a broken schema, an undeclared status or type, an open door, accepted nonsense, an untold rule."""
    assert any(key.startswith(f"GET /api/v1/control/{route} {check} ") for key in outcome.failures), (
        outcome.told()
    )


def test_what_is_sound_passes(outcome):
    """The same route without a fault breaks no check."""
    assert not [key for key in outcome.failures if "/control/sound " in key]
    assert outcome.succeeded("GET /api/v1/control/sound")


def test_the_same_seed_gives_the_same_cases(tmp_path):
    """Two runs over schools that are alike ask and are answered alike; another seed asks something else."""
    ran = []
    for number, name in ((1, "a"), (1, "b"), (2, "c")):
        with running(tmp_path / name) as campus:
            app = unhurried(campus)
            found = run(
                campus, app, session_of(campus), lambda method, path: path == "/api/v1/sites", 20, number
            )
            ran.append((found.cases, found.answers))
            assert not found.told()
    assert ran[0] == ran[1]

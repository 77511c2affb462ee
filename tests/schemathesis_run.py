"""Runs Schemathesis over the real app: a school in real stores, a credential that cannot be lost, every case counted.

`CAMPUS_SCHEMATHESIS_SEED=n` draws other cases than the usual ones, the same for the same n; `random` draws new ones.
"""

import io
import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import schemathesis
from api_school import SITE, Campus
from fastapi import FastAPI
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import Status, events, from_schema

from api.app import create_app
from api.context import Rates
from api.idempotency import KEY
from api.security import COOKIE
from campus.errors import NotFound
from campus.records.entities import ADMINISTRATOR, Grant

CASES = {"reads": 6_500, "writes": 3_000, "sign-ins": 500}
"""The least number of cases of each part of a run, together 10,000."""
EXAMPLES = {"reads": 35, "writes": 60, "sign-ins": 60}
"""Drawn for each operation and kind of data, beside those at the bounds of each field."""
SECONDS = 900
"""A part that takes longer stops, and fails for want of cases. (With `max-time` it would go on until then.)"""
MEANT = {
    # "facts" is also an id that a record of equipment could have, and this may be changed and removed.
    ("GET /api/v1/sites/{site}/equipment/facts", "allow_header_conformance"),
}
"""(operation, check) that fails and is right so."""
UNLIKELY = {
    "GET /api/v1/readings",  # of a board or of a room, never both
    "GET /api/v1/sites/{site}/calendar/exams/{id}",  # this and the next four: the school has none
    "GET /api/v1/sites/{site}/calendar/make-up-days/{date}",
    "GET /api/v1/sites/{site}/incidents/{id}",
    "GET /api/v1/sites/{site}/months/{month}",
    "GET /api/v1/sites/{site}/tariffs/{valid_from}",
    "POST /api/v1/sites/{site}/inventory/import",  # a whole inventory, a whole timetable
    "POST /api/v1/sites/{site}/timetable/import",
    "POST /api/v1/sites/{site}/stocktakings/{id}/scans",  # while it is open
    "DELETE /api/v1/people/{name}/sessions",  # of somebody there is
    "POST /api/v1/sites/{site}/rooms",  # of a type there is
    "DELETE /api/v1/sites/{site}/buildings/{building}",  # with nothing in it
    "DELETE /api/v1/sites/{site}/rooms/{room}",
    "POST /api/v1/sessions",  # with the password
    "PUT /api/v1/sessions/current/password",
    "GET /api/v1/sessions/{id}",  # with one of 2**64 ids
    "DELETE /api/v1/sessions/{id}",
}
"""What random data seldom gets right: here mostly refused, and done right by tests of their own."""
WHO = "tester"
TOKENS = 30  # of somebody who signs in: so many small numbers are ids that there are


def seed() -> int:
    """The seed of this run, printed with its result."""
    told = os.environ.get("CAMPUS_SCHEMATHESIS_SEED", "1")
    return random.randrange(2**32) if told == "random" else int(told)


SEED = seed()

if (
    find_spec("urllib3_future") is not None
):  # it takes the place of urllib3, which Schemathesis needs as it is
    raise RuntimeError(
        "urllib3-future is installed: make a new .venv, or pip uninstall it and reinstall urllib3"
    )


@dataclass
class Outcome:
    """What a run found. `cases`: requests whose answer was checked, by operation."""

    cases: Counter = field(default_factory=Counter)
    answers: dict[str, Counter] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    phases: Counter = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.cases.total()

    def succeeded(self, operation: str) -> bool:
        """Whether any case of an operation was answered 2xx: else nothing but its refusals were tested."""
        return any(200 <= status < 300 for status in self.answers.get(operation, ()))

    def only_refused(self) -> list[str]:
        """Operations that never succeeded, though they should have."""
        return [one for one in self.answers if one not in UNLIKELY and not self.succeeded(one)]

    def told(self) -> str:
        """All failures, one each of operation, check and kind."""
        return "\n\n".join([*self.errors[:5], *self.failures.values()])


class RuleNotTold(Failure):
    """A value that the OpenAPI allows was refused for itself."""


@schemathesis.check
def field_rules_are_told(ctx, response, case) -> bool | None:
    """No field that keeps to the OpenAPI is refused by a rule about this field alone.

    Left out is what OpenAPI cannot say: the first and last date and time, that 3.0 is no whole number to us, and which
    cursors there are. What several fields must be together (`to` after `from`) is refused without naming fields.
    """
    if case.meta is None or case.meta.generation.mode.is_negative or response.status_code != 422:
        return None
    unsaid = ("write a date as", "write a time from", "Input should be a valid integer", "this is no cursor")
    refused = [one for one in response.json().get("errors", ()) if not one["message"].startswith(unsaid)]
    if refused:
        raise RuleNotTold(
            operation=case.operation.label, title="A rule of a field is not told", message=str(refused)[:500]
        )
    return None


@schemathesis.check
def errors_are_problems(ctx, response, case) -> bool | None:
    """Every error is problem+json, also for methods that there are not and for bodies that cannot be read."""
    if response.status_code < 400 or case.operation.path == "/health":
        return None
    kind = response.headers.get("content-type", [""])[0]
    if kind != "application/problem+json" or response.json()["status"] != response.status_code:
        raise RuleNotTold(
            operation=case.operation.label,
            title="An error is not a problem",
            message=f"{kind}: {response.text[:300]}",
        )
    return None


def _files() -> list[bytes]:
    picture, workbook = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "PNG")
    sheet = Workbook()
    for row in (["Mã cá biệt", "Tên thiết bị", "Loại thiết bị"], ["MC.77", "Máy chiếu", "projector"]):
        sheet.active.append(row)
    sheet.save(workbook)
    return [picture.getvalue(), workbook.getvalue()]


# Random bytes are never a workbook or a picture: without these, uploads would be tested on their refusals alone.
schemathesis.openapi.media_type(
    "application/octet-stream", st.one_of(st.sampled_from(_files()), st.binary(max_size=200))
)


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Keys are new for each request, as a client's are: random data has the same short ones again and again."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{uuid.uuid4().hex}{key}"[:255]


@contextmanager
def changing(campus: Campus) -> Iterator[None]:
    """The live state changes all the time meanwhile, so that who reads the stream of events gets some at once."""
    over = threading.Event()
    states = list(campus.live.rooms(SITE))

    def change() -> None:
        number = 0
        while not over.wait(0.02):
            number += 1
            state = states[number % len(states)]
            campus.live.set_room(replace(state, values={"co2_ppm": 400.0 + number % 1000}))

    thread = threading.Thread(target=change, name="changing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def token_of(campus: Campus):
    """A provider of an administrator's token that is made anew where a case before took it away."""

    class Token:
        def __init__(self) -> None:
            self.token = ""

        def get(self, case, context):
            if campus.records.token(self.token or "none") is None:
                self.token = campus.records.create_token(_person(campus), "schemathesis")
            return self.token

        def set(self, case, token, context) -> None:
            case.headers["Authorization"] = f"Bearer {token}"

    return Token


def session_of(campus: Campus):
    """The same for a session of somebody who signed in, as a browser of this server sends it."""

    class Session:
        def __init__(self) -> None:
            self.session = ""

        def get(self, case, context):
            if campus.records.session(self.session or "none") is None:
                person = _person(campus)
                if len(campus.records.tokens(person)) < TOKENS:
                    campus.records.create_token(person, "to revoke")
                self.session = campus.records.create_session(person, 12)
            return self.session

        def set(self, case, session, context) -> None:
            case.cookies[COOKIE] = session
            case.headers["Origin"] = "http://testserver"

    return Session


def _person(campus: Campus):
    try:
        person = campus.records.person(WHO)
        if person.grants == (Grant(ADMINISTRATOR),) and person.language == "en":
            return person
        campus.records.remove_person(WHO)
    except NotFound:
        pass
    return campus.records.add_person(WHO, [Grant(ADMINISTRATOR)], "en")[0]


def configuration(campus: Campus, examples: int, number: int) -> SchemathesisConfig:
    """Everything is checked that Schemathesis can check, except that every valid request is accepted: what several
    fields must be together OpenAPI cannot say. `field_rules_are_told` checks what it can.
    """
    ids = {
        "site": [SITE],
        "room": [campus.room, campus.silent],
        "board": [campus.board],
        "building": [campus.records.buildings(SITE)[0].id],
    }
    often = {
        f"{where}.{name}": {"dictionary": name, "probability": 0.8}
        for where in ("path", "query", "body")
        for name in ids
    }
    return SchemathesisConfig.from_dict(
        {
            "seed": number,
            "continue-on-failure": True,
            "dictionaries": {name: {"values": values} for name, values in ids.items()},
            "parameters": often,
            "phases": {"stateful": {"enabled": False}},
            "checks": {"positive_data_acceptance": {"enabled": False}},
            "max-stream-events": 3,
            "request-timeout": 30,
            "generation": {
                "mode": "all",
                "max-examples": examples,
                "no-shrink": True,
                "database": "none",
                "with-security-parameters": False,  # a generated cookie beside a good token proves nothing
            },
            "cache": {"enabled": False},
        }
    )


def run(campus: Campus, app: FastAPI, provider: type, wanted, examples: int, number: int = SEED) -> Outcome:
    """One run over the operations for which `wanted(method, path)`; nothing is raised, see Outcome."""
    schema = schemathesis.openapi.from_dict(app.openapi(), config=configuration(campus, examples, number))
    schema.app = app
    schema = schema.include(lambda context: wanted(context.operation.method.upper(), context.operation.path))
    schema.auth(refresh_interval=None)(provider)
    outcome = Outcome()
    with changing(campus):
        stream, over = from_schema(schema).execute(), time.monotonic() + SECONDS
        for event in stream:
            if time.monotonic() > over:
                stream.stop()
            if isinstance(event, events.ScenarioFinished):
                _take(outcome, event)
            elif isinstance(event, events.NonFatalError):
                outcome.errors.append(f"{event.label}: {event.value}")
            elif isinstance(event, events.FatalError):
                raise event.exception
    return outcome


def _take(outcome: Outcome, event) -> None:
    recorder = event.recorder
    outcome.cases[event.label] += len(recorder.checks)
    outcome.phases[event.phase.value] += len(recorder.checks)
    statuses = outcome.answers.setdefault(event.label, Counter())
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            statuses[interaction.response.status_code] += 1
    for id, checks in recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE and (event.label, check.name) not in MEANT:
                failure, answer = check.failure_info.failure, recorder.interactions[id].response
                key = f"{event.label} {check.name} {failure.title}"
                told = f"{key}\n{failure.message}\n{check.failure_info.code_sample[:1000]}"
                outcome.failures.setdefault(key, f"{told}\n{answer and answer.text[:500]}")


def unhurried(campus: Campus) -> FastAPI:
    """The same app over the same stores, which lets one reader ask as often as it likes."""
    limitless = Rates(per_second=10**6, at_once=10**6, strangers_per_second=10**6)
    return create_app(replace(campus.app.state.context, rates=limitless, language="en"))


def furnish(campus: Campus) -> None:
    """What is known by its number, so that small numbers are there to be read."""
    records, piece = campus.records, campus.records.equipment_records(SITE)[0].id
    records.lend(SITE, {"equipment": piece, "borrower": "Cô Hoa"}, WHO)
    records.begin_upkeep(SITE, piece, {"kind": "maintenance", "symptom": "Lau ống kính"}, WHO)
    records.begin_stocktaking(SITE, campus.room, WHO)
    records.attach(SITE, piece, "anh.png", _files()[0], WHO)
    for _ in range(TOKENS):
        records.create_token(_person(campus), "to revoke")


def run_part(campus: Campus, part: str, provider: type, wanted) -> Outcome:
    """A part of the run; prints how many cases there were."""
    furnish(campus)
    outcome = run(campus, unhurried(campus), provider, wanted, EXAMPLES[part])
    print(
        f"\nSchemathesis, {part}: {outcome.total} cases over {len(outcome.cases)} operations, seed {SEED}, "
        f"{', '.join(f'{count} {phase}' for phase, count in outcome.phases.items())}"
    )
    return outcome

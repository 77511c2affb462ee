"""The OpenAPI document: valid, and as a linter wants it, so that people and generators can work from it alone."""

import copy
import re
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from api_school import running
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from api.app import create_app
from api.context import Rates
from api.server import ApiServer

# The rules are those of Spectral's `oas` set and of Redocly's recommended one that bear on this document; both
# linters need Node, which a server for schools has no other use for.


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus, campus.program() as program:
        return program.get("/api/v1/openapi.json").raise_for_status().json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def schemas(node, where=""):
    """Every schema with examples, with the place where it stands."""
    if isinstance(node, dict):
        if "examples" in node and isinstance(node["examples"], list):
            yield where, node
        for name, child in node.items():
            yield from schemas(child, f"{where}/{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from schemas(child, f"{where}/{number}")


def lint(document) -> list[str]:
    """Everything that breaks a rule, one line each."""
    found = []
    info = document["info"]
    found += [
        f"info has no {key}"
        for key in ("title", "version", "description", "contact", "license")
        if not info.get(key)
    ]
    found += [] if document.get("servers") else ["no servers"]
    tags = {tag["name"]: tag.get("description") for tag in document.get("tags", ())}
    found += [f"tag {name} has no description" for name, description in tags.items() if not description]
    if list(tags) != sorted(tags):
        found.append("tags are not in order")
    ids = set()
    for name, operation in operations(document):
        found += [f"{name}: {one}" for one in _of_operation(name, operation, tags, document)]
        if operation.get("operationId") in ids:
            found.append(f"{name}: operationId is not unique")
        ids.add(operation.get("operationId"))
    text = str(document)
    for schema in document["components"]["schemas"]:
        if f"'#/components/schemas/{schema}'" not in text:
            found.append(f"component {schema} is not used")
    return [*found, *_examples(document)]


def _of_operation(name, operation, tags, document):
    if not re.fullmatch(r"[a-z][a-z0-9_]*", operation.get("operationId", "")):
        yield "operationId is no name"
    for key in ("summary", "description"):
        if not operation.get(key):
            yield f"no {key}"
    if len(operation.get("tags", ())) != 1 or operation["tags"][0] not in tags:
        yield "needs one tag that is declared"
    in_path = set(re.findall(r"{(\w+)}", name))
    told = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
    if in_path != told:
        yield f"parameters of the path are {in_path}, told are {told}"
    for one in operation.get("parameters", ()):
        if not one.get("description"):
            yield f"parameter {one['name']} is not described"
        if "schema" not in one:
            yield f"parameter {one['name']} has no schema"
    if "requestBody" in operation and not operation["requestBody"].get("content"):
        yield "a body without content"
    answers = operation["responses"]
    if not any(status.startswith("2") for status in answers):
        yield "no success is told"
    if "security" not in operation:
        yield "does not say who may ask"
    if operation.get("security") and not {"401", "403", "404", "422"} <= set(answers):
        yield "the refusals of a private operation are not told"
    for status, answer in answers.items():
        content = answer.get("content", {})
        if not answer.get("description"):
            yield f"{status} is not described"
        if status not in ("204", "304") and not any(
            "schema" in one or "example" in one for one in content.values()
        ):
            yield f"{status} has no schema"
        if status[0] in "45" and name != "GET /health" and list(content) != ["application/problem+json"]:
            yield f"{status} is no problem"


def _examples(document):
    for where, schema in schemas(document):
        whole = {**{key: value for key, value in schema.items()}, "components": document["components"]}
        checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in schema["examples"]:
            for error in checker.iter_errors(example):
                yield f"{where}: the example breaks its schema: {error.message[:200]}"


def test_every_write_but_signing_in_tells_of_its_idempotency_key(document):
    """And of the conflict that a key may lead to; no read does."""
    takes = {
        name
        for name, operation in operations(document)
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))
    }
    writes = {name for name, _ in operations(document) if not name.startswith("GET ")}
    assert takes == writes - {"POST /api/v1/sessions"}
    assert all("409" in operation["responses"] for name, operation in operations(document) if name in takes)


def test_the_document_is_valid(document):
    """It is OpenAPI 3.1 as the specification has it."""
    validate(document)


def test_the_document_passes_the_linter(document):
    """No rule is broken by any operation, parameter, answer, example or component."""
    assert lint(document) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda d: d["info"].pop("contact"), "contact"),
        (lambda d: d["tags"][0].pop("description"), "no description"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"].pop("description"), "no description"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"]["parameters"][0].pop("description"), "not described"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"].update(operationId="rooms"), "not unique"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"].pop("security"), "who may ask"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"]["responses"].pop("401"), "refusals"),
        (lambda d: d["paths"]["/api/v1/sites"]["get"]["responses"]["200"].pop("content"), "no schema"),
        (lambda d: d["components"]["schemas"].update(Unused={"type": "string"}), "is not used"),
        (lambda d: d["components"]["schemas"]["SiteOut"].update(examples=[{"id": 7}]), "breaks its schema"),
    ],
)  # fmt: skip
def test_each_rule_finds_what_breaks_it(document, change, found):
    """The control of the linter: a document with one fault is found to have it."""
    broken = copy.deepcopy(document)
    change(broken)
    assert any(found in one for one in lint(broken)), lint(broken)


def _somewhere(path: str, operation) -> str:
    """An address of an operation, with an id in each place."""
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            schema = one["schema"]
            numbers = schema.get("type") == "integer"
            some = schema.get(
                "enum", ["1" if numbers else "2026-10" if one["name"] == "month" else "2026-11-16"]
            )[0]
            path = path.replace(f"{{{one['name']}}}", some)
    return path


def test_every_private_operation_refuses_strangers(tmp_path):
    """Without credentials, with a token and with a cookie that nobody has: 401, before anything else is looked at."""
    strangers = (
        {},
        {"Authorization": "Bearer nobodys"},
        {"Cookie": "campus_session=nobodys"},
        {"Authorization": "x"},
    )
    with running(tmp_path) as campus:
        document, asked = campus.app.openapi(), 0
        app = create_app(replace(campus.app.state.context, rates=Rates(10**6, 10**6, 10**6)))
        server = ApiServer(app, "127.0.0.1", 0)
        server.start()
        with ExitStack() as stack, httpx.Client(base_url=server.url, timeout=30) as client:
            stack.callback(server.stop)
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    for headers in strangers if operation["security"] else ():
                        answer = client.request(method, _somewhere(path, operation), headers=headers)
                        assert answer.status_code == 401, (method, path, headers, answer.text)
                        asked += 1
    opened = [name for name, operation in operations(document) if not operation["security"]]
    assert opened == ["POST /api/v1/sessions", "GET /health"]
    assert asked > 400

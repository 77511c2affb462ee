"""The OpenAPI as it is handed out: what FastAPI writes, with what it cannot know put in."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.etags import API
from api.idempotency import KEY, SIGN_IN, WRITES

PROBLEM = "application/problem+json"
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "pattern": f"^{KEY.pattern}$",
        "examples": ["6f1e0c2a-5d0b-4c57-9f0e-2b8d6c1a9e44"],
    },
    "description": "New for each request, the same where it is sent again: then it is done once and answered the same",
}
TAGS = {
    "audit": "Who changed what.",
    "boards": "The boards that measure, and where they were placed.",
    "calendar": "School year, bell times, timetable, classes, tariffs and targets.",
    "connectivity": "Who was lost, since when and why; how good a link is.",
    "equipment": "The register: records, files, loans, upkeep, stocktaking.",
    "export": "Whole resources as files.",
    "facts": "What happened in every slot of every date.",
    "health": "Whether this server works.",
    "imports": "Timetables and inventories from files, with a dry run.",
    "indicators": "Figures with their evidence, forecasts, what was unusual.",
    "live": "What is true now, and what changes.",
    "months": "Months that were signed, and what changed afterwards.",
    "people": "Accounts, for those who administer them.",
    "places": "Changes of buildings, rooms, boards and placements.",
    "readings": "What the boards measured.",
    "sessions": "Signing in and out, one's own password.",
    "sites": "Schools with their buildings and rooms.",
    "tokens": "Personal tokens, for programs.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of all routes, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            contact={"name": "The people who run this server"},
            license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
            servers=[{"url": "/", "description": "This server"}],
        )
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                _finish(operation)
                name = f"{method.upper()} {path}"
                if method.upper() in WRITES and path.startswith(API) and name != SIGN_IN:
                    _take_key(operation)
        shapes = made["components"]["schemas"]
        for shape in shapes.values():
            for example in shape.get("examples", ()):
                _put_nulls_back(example, shape, shapes)
        used = {tag for operation in _operations(made) for tag in operation["tags"]}
        made["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in sorted(used)]
        app.openapi_schema = made
    return app.openapi_schema


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for path in document["paths"].values() for one in path.values()]


def _finish(operation: dict[str, Any]) -> None:
    operation["tags"] = operation["tags"][-1:]  # the nearest; those of the router come first
    operation.setdefault("security", [])
    for answer in operation["responses"].values():
        content = answer.get("content", {})
        if PROBLEM in content:  # FastAPI writes the model of every answer under application/json
            content[PROBLEM] = content.pop("application/json", content[PROBLEM])


def _take_key(operation: dict[str, Any]) -> None:
    """What `api.idempotency` takes of every write, and answers before any of them."""
    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    conflict = {**operation["responses"]["422"], "description": HTTPStatus(409).phrase}
    operation["responses"].setdefault("409", conflict)


def _put_nulls_back(example: Any, shape: dict[str, Any], shapes: dict[str, Any]) -> None:
    """FastAPI drops every null of the document, also those that an example needs to keep to its schema."""
    if "$ref" in shape:
        _put_nulls_back(example, shapes[shape["$ref"].rpartition("/")[2]], shapes)
    elif isinstance(example, list):
        for one in example:
            _put_nulls_back(one, shape.get("items", {}), shapes)
    elif isinstance(example, dict):
        properties = shape.get("properties", {})
        for name in shape.get("required", ()):
            if {"type": "null"} in properties.get(name, {}).get("anyOf", ()):
                example.setdefault(name, None)
        for name, value in example.items():
            of = properties.get(name, {})
            for choice in of.get("anyOf", [of]):
                _put_nulls_back(value, choice, shapes)

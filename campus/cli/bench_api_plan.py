"""Part of `campus bench api`: what is asked of each read operation, from the OpenAPI and from what the lists hold."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from campus.cli.bench_indicators_latency import ranges
from campus.cli.bench_indicators_school import BEGIN, SITE

FILES = (
    "/readings/export", "/readings/means", "/export/{resource}", "/register/export", "/register/labels", "/files/{id}",
    "/live/events", "/backup",
)  # fmt: skip
"""Whole files and what never ends: not a page's reads."""
MOST_VALUES = 12
_WIDE = ("/indicators", "/equipment-reliability")
_FIELDS = ("id", "number", "name", "start", "valid_from", "date", "subject")
_PARAMETER = re.compile(r"\{(\w+)\}")

Ask = Callable[[str], Any]
"""The JSON of an address."""


def plan(openapi: Mapping[str, Any], ask: Ask, today: date) -> tuple[dict[str, list[str]], list[str]]:
    """(operation -> addresses that take turns, operations that cannot be asked: there is nothing of that kind)."""
    paths = openapi["paths"]
    found: dict[str, list[str]] = {}
    left_out: list[str] = []
    for path, operations in paths.items():
        if "get" not in operations or path.endswith(FILES):
            continue
        filled = _filled(path, paths, ask, today)
        if not filled:
            left_out.append(path)
            continue
        needs = {
            one["name"]
            for one in operations["get"].get("parameters", ())
            if one["in"] == "query" and one["required"]
        }
        for name, queries in _queries(path, needs, ask, today).items():
            turns = max(len(filled), len(queries))
            found[name] = [
                filled[n % len(filled)]
                + (f"?{urlencode(query)}" if (query := queries[n % len(queries)]) else "")
                for n in range(turns)
            ]
    return found, left_out


def _filled(path: str, paths: Mapping[str, Any], ask: Ask, today: date) -> list[str]:
    """Addresses of a path, its parameters from the list that stands before each."""
    filled = [""]
    at = 0
    for match in _PARAMETER.finditer(path):
        before = path[at : match.start()]
        values = (
            [SITE]
            if match[1] == "site"
            else _values(path[: match.start()].rstrip("/"), match[1], paths, ask, today)
        )
        filled = [f"{one}{before}{quote(value, safe='')}" for value in values for one in filled[:1]]
        at = match.end()
    return [f"{one}{path[at:]}" for one in filled]


def _values(listed: str, name: str, paths: Mapping[str, Any], ask: Ask, today: date) -> list[str]:
    """Some of what a list holds, by the field that an address takes."""
    if listed not in paths or "{" in listed.replace("{site}", ""):
        return []
    needs = {one["name"] for one in paths[listed]["get"].get("parameters", ()) if one["required"]}
    span = {"from": str(BEGIN), "to": str(today)} if "from" in needs else {}
    query = f"?{urlencode(span)}" if span else ""
    told = ask(listed.replace("{site}", SITE) + query)
    items = told if isinstance(told, list) else next((v for v in told.values() if isinstance(v, list)), [])
    values = []
    for item in items[:MOST_VALUES]:
        field = next((one for one in (name, *_FIELDS) if item.get(one) is not None), None)
        if field is not None:
            value = str(item[field])
            values.append(value[:7] if name == "month" else value)
    return values


def _queries(path: str, needs: set[str], ask: Ask, today: date) -> dict[str, list[dict[str, str]]]:
    """Name of what is measured -> its queries."""
    spans = {
        name: {"from": str(start), "to": str(end)}
        for name, (start, end) in ranges(today + timedelta(days=1)).items()
    }
    week, month = spans["week"], spans["month"]
    if path.endswith("/readings"):
        boards = _items(ask(f"/api/v1/sites/{SITE}/boards"))
        day = {"site": SITE, "from": str(today), "to": str(today + timedelta(days=1))}
        return {path: [day | {"board": one["id"]} for one in boards[:MOST_VALUES]]}
    if path.endswith("/forecast"):
        return {path: [{"date": str(today)}]}
    if path.endswith("/anomalies"):
        return {path: [{"date": str(today - timedelta(days=n))} for n in (1, 2, 7)]}
    if path == "/api/v1/sites/{site}/indicators":
        pieces = _items(ask(f"/api/v1/sites/{SITE}/equipment"))
        kinds = sorted({one["kind"] for one in pieces})
        rooms = [one["id"] for one in _items(ask(f"/api/v1/sites/{SITE}/rooms"))][:MOST_VALUES]
        others = [{"scope": "room", "id": id} for id in rooms] + [
            {"scope": "equipment-kind", "id": id} for id in kinds
        ]
        others += [{"scope": "equipment", "id": one["id"]} for one in pieces[:MOST_VALUES]]
        every = list(spans.values())
        return {
            path: every,
            f"{path}?scope": [one | every[n % len(every)] for n, one in enumerate(others)],
        }
    if "from" not in needs:
        return {path: [{}]}
    return {path: list(spans.values()) if path.endswith(_WIDE) else [week, month]}


def _items(told: Any) -> list[dict[str, Any]]:
    return list(told["items"] if isinstance(told, dict) else told)

"""Writes campus/client/shapes.py and campus/client/operations from the OpenAPI: `python tools/make_client.py`.

Nothing in them is written by hand, so they cannot drift; a test makes them again and compares.
"""

import keyword
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "campus" / "client"
MADE = "Made by tools/make_client.py from the OpenAPI."
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
FORMATS = {"date": "date", "date-time": "datetime"}  # also names that a field would hide
LEFT_OUT = re.compile(r"Listed_.*|Problem|FieldError")
"""Shapes that no caller sees: pages come as their items, problems as errors."""

IMPORTS = """
from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from campus.client.shape import Shape
"""


def name_of(schema: str) -> str:
    return schema.removesuffix("Out")


def type_of(schema: dict[str, Any], within: str = "") -> str:
    """The annotation of a JSON schema; `within` stands before the names of shapes."""
    if "$ref" in schema:
        return within + name_of(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for some in ("anyOf", "oneOf"):
        if some in schema:
            return " | ".join(dict.fromkeys(type_of(one, within) for one in schema[some]))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}), within)}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {type_of(more, within) if isinstance(more, dict) else 'Any'}]"
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), "str")
    return PLAIN.get(str(kind), "Any")


def docstring(text: str, indent: str) -> str:
    words = " ".join(text.split()).replace("\\", "\\\\")
    return textwrap.fill(
        f'"""{words}"""', 110, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )


def spelled(name: str) -> str:
    found = re.sub(r"\W", "_", name)
    return f"{found}_" if keyword.iskeyword(found) else found


def shapes(document: dict[str, Any]) -> str:
    """The module of all shapes, by name."""
    found = [f'"""What the API takes and answers. {MADE}"""', IMPORTS]
    for schema, told in sorted(document["components"]["schemas"].items()):
        if LEFT_OUT.fullmatch(schema):
            continue
        text = docstring(told.get("description") or f"{told['title']}.", "    ")
        found.append(f"class {name_of(schema)}(Shape):\n{text}\n")
        required = set(told.get("required", ()))
        for name, of in told.get("properties", {}).items():
            kind = type_of(of)
            optional = kind if "None" in kind.split(" | ") else f"{kind} | None"
            own = f"{name}_" if name in FORMATS.values() or spelled(name) != name else name
            line = f"{own}: {kind if name in required else optional}"
            if own != name:
                line += f' = Field({"..." if name in required else "None"}, alias="{name}")'
            elif name not in required:
                line += " = None"
            found.append(f"    {line}")
        if not told.get("properties"):
            found.append("    pass")
        found.append("")
    return "\n".join(found) + "\n"


def grouped(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """tag -> (method, path, operation) of each."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def group(
    tag: str, description: str, operations: list[tuple[str, str, dict[str, Any]]], schemas: dict[str, Any]
) -> str:
    """The module of one tag."""
    bodies = "\n".join(method_of(*one, schemas) for one in operations)
    needs = [
        "from __future__ import annotations\n",
        "from collections.abc import Iterator" if "Iterator[" in bodies else "",
        "from datetime import "
        + ", ".join(one for one in ("date", "datetime") if re.search(rf"\b{one}\b", bodies))
        if re.search(r"\bdate(time)?\b", bodies)
        else "",
        "from pathlib import Path" if "Path" in bodies else "",
        f"from typing import {', '.join(one for one in ('Any', 'Literal') if one in bodies)}\n"
        if "Any" in bodies or "Literal" in bodies
        else "",
        "from campus.client.shape import Shape" if re.search(r"\bShape\b", bodies) else "",
        "from campus.client import shapes" if "shapes." in bodies else "",
        "from campus.client.transport import "
        + ", ".join(
            one
            for one in ("Event", "Transport", "part")
            if one == "Transport" or re.search(rf"\b{one}\b", bodies)
        ),
    ]
    lines = "\n".join(one for one in needs if one)
    return (
        f'"""{description} {MADE}"""\n\n{lines}\n\n\nclass {tag.title()}:\n    """{description}"""\n\n'
        f"    def __init__(self, transport: Transport) -> None:\n        self._transport = transport\n\n{bodies}"
    )


def method_of(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """One method, named as the operation is."""
    given, query = ["self"], {}
    named: list[str] = []
    for one in operation.get("parameters", ()):
        name, kind = one["name"], type_of(one["schema"])
        if one["in"] == "path":
            given.append(f"{spelled(name)}: {kind}")
        elif one["in"] == "query" and name != "after":
            argument = spelled(name)
            query[name] = argument
            if one.get("required"):
                named.insert(0, f"{argument}: {kind}")
            else:
                named.append(
                    f"{argument}: {kind if 'None' in kind.split(' | ') else kind + ' | None'} = None"
                )
    address = re.sub(r"{(\w+)}", lambda found: "{part(" + spelled(found[1]) + ")}", path)
    extra = []
    answer = next(one for status, one in operation["responses"].items() if status.startswith("2"))
    media, content = next(iter(answer.get("content", {}).items()), (None, {}))
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        form = type_of(body["application/json"]["schema"], "shapes.")
        given.append(f"form: {form}")
        extra.append("form=form")
    elif body:
        given.append("content: bytes")
        extra.append("content=content")
    if any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
        named.append("read: Shape | None = None")
        extra.append("read=read")
    asked = "{" + ", ".join(f'"{name}": {argument}' for name, argument in query.items()) + "}"
    if query:
        extra.insert(0, f"query={asked}")
    where = f'f"{address}"' if "{" in address else f'"{address}"'
    rest = "".join(f", {one}" for one in extra)
    schema = content.get("schema", {})
    of = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    if media is None:
        result, call = "None", f'self._transport.done("{method}", {where}{rest})'
    elif media == "text/event-stream":
        result, call = "Iterator[Event]", f"return self._transport.events({where}, {asked})"
    elif media != "application/json":
        given.insert(
            given.index("content: bytes") if "content: bytes" in given else len(given), "target: Path"
        )
        result, call = "Path", f'return self._transport.file(target, "{method}", {where}{rest})'
    elif set(of.get("properties", ())) == {"items", "next"}:
        kind = type_of(of["properties"]["items"]["items"], "shapes.")
        result, call = f"Iterator[{kind}]", f"return self._transport.items({kind}, {where}, {asked})"
    else:
        result = type_of(schema, "shapes.")
        call = f'return self._transport.read({result}, "{method}", {where}{rest})'
    arguments = ", ".join([*given, *(["*", *named] if named else [])])
    text = docstring(operation["description"].partition("\n\n")[0], "        ")
    return f"    def {operation['operationId']}({arguments}) -> {result}:\n{text}\n        {call}\n"


def made(document: dict[str, Any]) -> dict[Path, str]:
    """path -> text of every file, formatted."""
    files = {CLIENT / "shapes.py": shapes(document)}
    told = {one["name"]: one["description"] for one in document["tags"]}
    tags = grouped(document)
    for tag, operations in tags.items():
        files[CLIENT / "operations" / f"{tag}.py"] = group(
            tag, told[tag], operations, document["components"]["schemas"]
        )
    imports = "\n".join(f"from campus.client.operations.{tag} import {tag.title()}" for tag in sorted(tags))
    fields = "\n".join(f"        self.{tag} = {tag.title()}(transport)" for tag in sorted(tags))
    files[CLIENT / "operations" / "__init__.py"] = (
        f'"""All operations, by their tags. {MADE}"""\n\n{imports}\n'
        f"from campus.client.transport import Transport\n\n"
        f'__all__ = ["Operations"]\n\n\nclass Operations:\n'
        f'    """Every operation of the API, as `client.TAG.OPERATION`."""\n\n'
        f"    def __init__(self, transport: Transport) -> None:\n{fields}\n"
    )
    return {path: formatted(text, path) for path, text in files.items()}


def formatted(text: str, path: Path) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        text = subprocess.run(
            [str(ruff), *command, "--stdin-filename", str(path), "-"],
            input=text,
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    return text


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from api.app import create_app
    from api.context import Context

    away = cast(Any, None)  # nothing is asked of the stores: only the routes are looked at
    context = Context(records=away, telemetry=away, live=away, health=dict, now=lambda: datetime.now(UTC))
    document = create_app(context).openapi()
    for path, text in made(document).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()

"""Collects, from the source, every sentence that the API may tell: as templates, `{name}` in place of a value."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
REACHED = (
    "api",
    "campus/records",
    "campus/calendar",
    "campus/labels.py",
    "campus/table_files.py",
    "campus/telemetry/export.py",
    "campus/indicators/definitions.py",
)
NOT_REACHED = (
    "campus/records/migrations",
    "campus/records/database.py",  # StoreError: its sentence is for the log
    "campus/records/snapshot.py",  # commands on the server alone, from here on
    "campus/records/ownership.py",
    "campus/records/spans.py",  # defects of ours, never of a request
    "campus/records/derivations.py",
    "campus/calendar/formats/writing.py",
    "api/server.py",
    "api/oidc.py",  # why a sign-in failed is for the log
)
TOLD = {
    "UsageError", "NotFound", "Conflict", "Stale", "ProblemError", "ValueError", "CalendarError", "FormatError",
}  # fmt: skip
"""What is raised with a sentence for the reader."""

SAY = {"explain", "_field", "_contradiction", "_date"}
"""Functions that return such sentences, or pass them on."""

NOT_TOLD = {
    "not a list of entity tags",  # caught where it is raised
    "no text of ours",
    "not the ids of a site and a board: {site_id}, {id}",
    "A store failed: %s",  # for the log
    "A request failed",
    "Value error, ",
    "Retry-After",
}


def modules() -> Iterator[Path]:
    for name in REACHED:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            told = file.relative_to(ROOT).as_posix()
            if not told.startswith(NOT_REACHED):
                yield file


def sentences() -> dict[str, str]:
    """template -> where it stands first."""
    found: dict[str, str] = {}
    for file in modules():
        for template, line in of(file.read_text(encoding="utf-8")):
            found.setdefault(template, f"{file.relative_to(ROOT).as_posix()}:{line}")
    return found


def of(source: str) -> Iterator[tuple[str, int]]:
    """(template, line) of each sentence in a module's source."""
    tree = ast.parse(source)
    texts = {
        target.id: text
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and (text := _constant(node.value)) is not None
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in TOLD:
            for argument in node.args:
                for leaf in _leaves(argument):
                    template = _template(leaf, texts)
                    if template and template not in NOT_TOLD:
                        yield template, node.lineno
        elif isinstance(node, ast.FunctionDef) and node.name in SAY:
            within = {
                id(part) for one in ast.walk(node) if isinstance(one, ast.JoinedStr) for part in one.values
            }
            for leaf in (leaf for line in node.body[_documented(node) :] for leaf in ast.walk(line)):
                if isinstance(leaf, ast.Constant | ast.JoinedStr) and id(leaf) not in within:
                    template = _template(leaf, texts)
                    if template and " " in template and template not in NOT_TOLD:
                        yield template, leaf.lineno


def _documented(node: ast.FunctionDef) -> int:
    return 0 if ast.get_docstring(node) is None else 1


def _leaves(node: ast.expr) -> list[ast.expr]:
    return [*_leaves(node.body), *_leaves(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def _constant(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _template(node: ast.expr, texts: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return texts.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_template(one, texts) for one in (node.left, node.right)]
        return None if None in parts else "".join(parts)
    if not isinstance(node, ast.JoinedStr):
        return _constant(node)
    seen: dict[str, int] = {}
    made = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            made += part.value
        elif isinstance(part.value, ast.Name) and part.value.id in texts:
            made += texts[part.value.id]
        else:
            name = _name(part.value).strip("_").lower()
            seen[name] = seen.get(name, 0) + 1
            made += "{" + (name if seen[name] == 1 else f"{name}_{seen[name]}") + "}"
    return made


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Call():
            return _name(node.args[0] if node.args else node.func)
        case ast.Subscript() | ast.Starred():
            return _name(node.value)
    return "value"

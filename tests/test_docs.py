"""README and docs say what is true: the commands, options, targets, files, links and settings they name exist."""

import re
import shlex
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from campus.cli.app import app as program
from campus.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("api", "campus", "collector", "dashboards", "docs", "firmware", "simulator", "tests", "tools")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
TOPICS = ("campus/v1", "campus/ext")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    """Lines of fenced and indented shell blocks, a trailing backslash joined with the next line."""
    fenced = [body for kind, body in FENCE.findall(text) if kind in ("", "sh")]
    indented = re.findall(r"^    (\S.*)$", FENCE.sub("", text), re.M)
    return "\n".join([*fenced, *indented]).replace("\\\n", " ").splitlines()


def spans(text: str) -> list[str]:
    """What stands in `code` in running text."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def commands(page: Path) -> list[list[str]]:
    """Every call of campus, make or python, in words."""
    text, found = text_of(page), []
    for line in [*blocks(text), *spans(text)]:
        for one in re.split(r"&&|\||;", line):
            if re.match(r"\s*(\.venv/bin/)?(campus|make|python)(\s|$)", one):
                words = shlex.split(one, comments=True)
                found.append([words[0].rpartition("/")[2], *words[1:]])
    return found


def campus_fault(words: list[str]) -> str | None:
    """Why `campus` would not take these words, or None."""
    command = typer.main.get_command(program)
    while words and hasattr(command, "list_commands") and not words[0].startswith("-"):
        name = words.pop(0)
        command = command.get_command(None, name)
        if command is None:
            return f"no command {name}"
    options = {name: one for one in command.params for name in one.opts if one.param_type_name == "option"}
    places = sum(one.param_type_name == "argument" for one in command.params)
    while words:
        name, _, value = words.pop(0).partition("=")
        if not name.startswith("-"):
            places -= 1
        elif name != "--help" and name not in options:
            return f"no option {name}"
        elif name != "--help" and not options[name].is_flag and not value and words:
            words.pop(0)
    return "too many words" if places < 0 else None


def make_fault(words: list[str]) -> str | None:
    makefile = text_of(ROOT / "Makefile")
    for word in words:
        name, is_variable, _ = word.partition("=")
        known = rf"\b{name}\b" if is_variable else rf"(?m)^{re.escape(name)}:"
        if not re.search(known, makefile):
            return f"the Makefile has no {name}"
    return None


def python_fault(words: list[str]) -> str | None:
    if words[:1] != ["-m"]:
        return None
    if words[1].split(".")[0] not in PACKAGES:
        return None
    spec = find_spec(words[1])
    if spec is None or spec.origin is None:
        return f"no module {words[1]}"
    source = Path(spec.origin).read_text(encoding="utf-8")
    return next(
        (f"no option {word}" for word in words[2:] if word.startswith("--") and word not in source), None
    )


@each_page
def test_every_command_exists(page):
    """Each command that a page names is one, with options that it has."""
    check = {"campus": campus_fault, "make": make_fault, "python": python_fault}
    wrong = {" ".join(words): fault for words in commands(page) if (fault := check[words[0]](words[1:]))}
    assert wrong == {}


def test_the_checks_find_what_is_wrong():
    """The control: a command, an option and a target that do not exist are found."""
    assert campus_fault(["nope"]) == "no command nope"
    assert campus_fault(["export", "readings", "--nope", "x"]) == "no option --nope"
    assert campus_fault(["replay", "a.csv", "b.csv", "--board", "x"]) == "too many words"
    assert campus_fault(["evaluate", "a.csv", "--map", "co2=co2_ppm", "--json"]) is None
    assert make_fault(["nope"]) and not make_fault(["demo", "DEMO_ARGS=--seconds 60"])
    assert python_fault(["-m", "simulator.nope"]) and python_fault(["-m", "simulator.load", "--nope"])
    assert len(commands(ROOT / "README.md")) >= 5


@each_page
def test_every_file_named_exists(page):
    """A path of the tree in `code` or in a shell line is there. (Decisions also name what was not chosen.)"""
    if page.parent.name == "decisions":
        return
    words = [word for line in [*blocks(text_of(page)), *spans(text_of(page))] for word in line.split()]
    paths = {word.rstrip(".,:)") for word in words if re.fullmatch(rf"({'|'.join(PACKAGES)})/[\w./-]+", word)}
    assert {path for path in paths if not path.startswith(TOPICS) and not (ROOT / path).exists()} == set()


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page):
    """Relative links name a file of the tree, and anchors a heading of it."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or not file.is_relative_to(ROOT) or (anchor and anchor not in anchors(file)):
            wrong.append(target)
    assert wrong == []


@each_page
def test_no_page_names_a_machine(page):
    """Pages are for every machine: no path and no address of the one they were written on."""
    assert re.findall(r"(?<![\w.])/(?:work|tmp|home|root|Users|mnt)/\S*", text_of(page)) == []


@each_page
def test_every_setting_in_the_environment_is_one(page):
    """`CAMPUS_…` in a page is a setting, or a switch of the Makefile."""
    known = {name.upper() for name, _, _ in Settings.table()} | {"CONFIG", "NAME"}
    known |= set(re.findall(r"CAMPUS_([A-Z_]+)", text_of(ROOT / "Makefile")))
    assert set(re.findall(r"CAMPUS_([A-Z_]+[A-Z])", text_of(page))) - known == set()


def test_messages_name_pages_that_exist():
    """Where the program, a page or a script sends a reader to docs/, there is such a page."""
    sources = [ROOT / "Makefile", ROOT / "docker-compose.yml", *(ROOT / "tools").iterdir()]
    for package in PACKAGES[:-2]:
        sources += [
            one for one in (ROOT / package).rglob("*") if one.suffix in (".py", ".json", ".html", ".conf")
        ]
    named = {
        name for file in sources if file.is_file() for name in re.findall(r"docs/[\w/-]+\.md", text_of(file))
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()

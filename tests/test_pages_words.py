"""The words of the pages: both languages complete, and no word outside the catalogue."""

import re
from string import Formatter

import pytest

from dashboards.web.render import STATIC, TEMPLATES
from dashboards.web.words import LANGUAGES, Words, catalogue

TEMPLATE_FILES = sorted(TEMPLATES.glob("*.html"))
API = TEMPLATES.parent.parent.parent / "api"
PYTHON = [*API.glob("*page*.py"), *TEMPLATES.parent.glob("*.py")]
BUILT = (
    "state.",
    "count.",
    "outcome.",
    "short.",
    "weekday.",
    "language.",
    "chart.key.",
    "error.",
    "room.session.",
    "cause.",
    "column.",
    "condition.",
    "done.",
    "equipment.which.",
    "finding.",
    "missing.",
    "month.group.",
    "place.",
    "places.add_",
    "places.remove_",
    "point.",
    "reason.",
    "timetable.added",
    "timetable.ended",
    "timetable.removed",
    "told.",
    "unit.",
    "word.",
)
"""Beginnings of keys that are put together with a value."""


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_in_every_language(language):
    """No text is missing or empty, and each takes the same values in both languages."""
    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert texts[language].strip(), key
        if key.startswith("told."):  # of an English sentence; the other language need not name every value
            assert fields(texts["vi"]) <= fields(texts["en"]), key
        else:
            assert fields(texts[language]) == fields(texts["vi"]), key


def test_the_two_languages_differ():
    """A text copied into the other language stays unseen otherwise; these few are the same on purpose."""
    same = {key for key, texts in catalogue().items() if texts["vi"] == texts["en"]}
    assert same == {
        "app",
        "language.vi",
        "language.en",
        "tile.co2",
        "chart.unit",
        "room.day.title",
        "point.co2_ppm",
        "unit.kWh",
    }


@pytest.mark.parametrize("template", TEMPLATE_FILES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(template):
    """Neither as text nor in an attribute that a person hears or reads."""
    text = template.read_text(encoding="utf-8")
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.S)
    for attribute in re.findall(r'(?:aria-label|title|alt|placeholder|content)="([^"]*)"', text):
        assert (
            not re.search(r"[^\W\d_]", attribute)
            or "width=device-width" in attribute
            or attribute == "light dark"
        )
    shown = re.sub(r"<[^>]*>", " ", text)
    shown = re.sub(r'data-[a-z]+(="")?', "", shown)  # a macro of attributes
    assert not re.search(r"[^\W\d_]", shown), shown.split()


def test_every_key_that_is_used_exists_and_every_key_is_used():
    """Templates and code name keys of the catalogue; nothing in it is forgotten."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in [*TEMPLATE_FILES, *PYTHON])
    used = set(re.findall(r'\bt\("([a-z_0-9.]+)"[,)]', source)) | set(
        re.findall(r"\bt\('([a-z_0-9.]+)'[,)]", source)
    )
    used |= {key for key in catalogue() if f'"{key}"' in source}
    assert used <= set(catalogue())
    script = (STATIC / "live.js").read_text(encoding="utf-8")
    for key in set(catalogue()) - used:
        if key.startswith("script."):
            name = key.removeprefix("script.")
            beginning = name.rpartition(".")[0]
            assert (
                f"words.{name}" in script
                or (beginning and f"`{beginning}." in script)
                or name
                in (
                    "live",
                    "connecting",
                    "lost",
                )
            ), key
        else:
            assert key.startswith(BUILT), key


def test_numbers_are_written_as_the_language_does():
    """Decimal comma in Vietnamese, point in English."""
    vi, en = Words("vi"), Words("en")
    assert (vi.number(1234.5, 1), en.number(1234.5, 1)) == ("1.234,5", "1,234.5")
    assert (vi.percent(0.6239), en.percent(0.6239)) == ("62,4\u00a0%", "62.4\u00a0%")
    assert vi.number(-0.01) == "0"
    assert Words("fr").language == "vi"


def test_a_key_that_is_not_there_is_an_error():
    """A page never shows a key to a person."""
    with pytest.raises(KeyError):
        Words("vi")("no.such.key")

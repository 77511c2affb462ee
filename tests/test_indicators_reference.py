"""The reference page is what the definitions say, and the indicators' page names it."""

from pathlib import Path

from campus.indicators.definitions import DEFINITIONS
from campus.indicators.reasons import CODES
from campus.indicators.reference import page

DOCS = Path(__file__).parents[1] / "docs"


def test_the_reference_page_is_current():
    """Make it again with `python -m campus.indicators.reference > docs/indicator-reference.md`."""
    assert (DOCS / "indicator-reference.md").read_text(encoding="utf-8") == page()


def test_every_definition_and_reason_is_on_it():
    """By id, with both names, formula, source and least coverage."""
    text = page()
    for id, found in DEFINITIONS.items():
        assert text.count(f"### `{id}`: {found.name_en}\n") == 1
        entry = text.split(f"### `{id}`: ")[1].split("\n#")[0]
        for part in (found.name_vi, f"version: {found.version}", found.formula, found.source):
            assert part in entry
        assert ("least coverage: 80 %" in entry) == (found.least_coverage_pct == 80)
    assert all(f"| `{code}` | {sentence} |" in text for code, sentence in CODES.items())


def test_the_indicators_page_points_to_it():
    """And names no definition that is gone."""
    assert "(indicator-reference.md)" in (DOCS / "indicators.md").read_text(encoding="utf-8")

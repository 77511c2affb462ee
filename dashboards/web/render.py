"""Templates to HTML. Everything is escaped; addresses of assets carry a hash of their content."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboards.web.words import LANGUAGES, Words, words

HERE = Path(__file__).parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"


class Pages:
    """`render(template, language, **values)`; templates see `t` (the words) and `asset(name)`."""

    def __init__(self, version: str) -> None:
        self._assets = {path.name: _address(path) for path in sorted(STATIC.iterdir()) if path.is_file()}
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals.update(asset=self._assets.__getitem__, version=version, languages=LANGUAGES)
        self._templates.filters["json"] = lambda value: json.dumps(
            value, ensure_ascii=False, separators=(",", ":")
        )

    @staticmethod
    def words(language: str) -> Words:
        """The words of a language, for sentences put into a page."""
        return words(language)

    def render(self, template: str, language: str, **values: Any) -> str:
        """One page as text."""
        return self._templates.get_template(template).render(t=words(language), **values)


def _address(path: Path) -> str:
    return f"/static/{path.name}?v={blake2b(path.read_bytes(), digest_size=6).hexdigest()}"

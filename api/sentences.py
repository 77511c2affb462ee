"""The sentences of the API in the reader's language: they are raised in English, and found again by their templates.

`sentences_vi.json` holds, for each English template with `{name}` in place of a value, the Vietnamese one. What is not
in it stays English.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ENGLISH, VIETNAMESE = "en", "vi"
LANGUAGES = (VIETNAMESE, ENGLISH)
MOST = 4000
"""A longer sentence is not looked for."""

_DEEPEST = 5
_MOST_LOOKS = 60
"""At all of the templates, for one sentence with its clauses: bounds the work that a stranger's text can cause."""

_VALUE = re.compile(r"\{(\w+)\}")
_RANGE = re.compile(r"(\*|[A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?(?:;q=([01](?:\.[0-9]{0,3})?))?")


@dataclass(frozen=True, slots=True)
class _Template:
    """What is fixed of an English sentence, its values between; and the sentence it becomes."""

    fixed: tuple[str, ...]
    names: tuple[str, ...]
    made: str

    def values(self, sentence: str) -> dict[str, str] | None:
        """What stands for each name, the leftmost and shortest; None where the sentence is another one.

        Looks for each fixed part once, so that no text of a stranger makes it slow.
        """
        first, last = self.fixed[0], self.fixed[-1]
        if not self.names:
            return {} if sentence == first else None
        end = len(sentence) - len(last)
        if end < len(first) or not sentence.startswith(first) or not sentence.endswith(last):
            return None
        at, found = len(first), {}
        for name, part in zip(self.names[:-1], self.fixed[1:-1], strict=True):
            stop = sentence.find(part, at, end)
            if stop < 0:
                return None
            found[name], at = sentence[at:stop], stop + len(part)
        found[self.names[-1]] = sentence[at:end]
        return found

    @property
    def is_bare(self) -> bool:
        """Nothing but signs is fixed, so nearly every text would fit."""
        return not any(sign.isalpha() for part in self.fixed for sign in part)

    def is_told(self, number: int) -> bool:
        """Whether a value may be words of ours: not an id in quotes, not the name of a field."""
        before, after = self.fixed[number], self.fixed[number + 1]
        return (
            not before.endswith(("'", ".", "["))
            and not after.startswith(("'", ":", "[", "]"))
            and not (after.startswith(".") and after[1:2] not in ("", " "))
        )


class Sentences:
    """Finds sentences in `catalogue`, template to template."""

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        self._whole = {one: made for one, made in catalogue.items() if not _VALUE.search(one)}
        made = []
        for english, told in catalogue.items():
            parts = _VALUE.split(english)
            if len(parts) > 1:
                made.append(_Template(tuple(parts[::2]), tuple(parts[1::2]), told))
        made.sort(key=lambda one: (-sum(map(len, one.fixed)), one.fixed))  # the most that is fixed, first
        self._templates = made

    def find(self, sentence: str) -> str | None:
        """The sentence in the other language; None for one that is not known."""
        return None if len(sentence) > MOST else self._find(sentence, 0, iter(range(_MOST_LOOKS)))

    def _find(self, sentence: str, depth: int, looks: Iterator[int]) -> str | None:
        if sentence in self._whole:
            return self._whole[sentence]
        if depth > _DEEPEST or next(looks, None) is None:
            return None
        for template in self._templates:
            values = template.values(sentence)
            if values is not None:
                told = self._told(template, values, depth, looks)
                if told is not None:
                    return told
        return None

    def _told(
        self, template: _Template, values: Mapping[str, str], depth: int, looks: Iterator[int]
    ) -> str | None:
        told = {}
        for number, name in enumerate(template.names):
            value = values[name]
            must = name == "message" or (template.is_bare and number == len(template.names) - 1)
            words = self._clause(value, depth + 1, looks) if must or template.is_told(number) else None
            if must and words is None:
                return None
            told[name] = value if words is None else words
        return _VALUE.sub(lambda found: told[found[1]], template.made)

    def _clause(self, text: str, depth: int, looks: Iterator[int]) -> str | None:
        """Words within a sentence: several with semicolons between, or one that lost its capital letter."""
        if not any(sign.isalpha() for sign in text):
            return None
        parts = text.split("; ", 20)
        for count in range(1, len(parts)):
            begin = self._find("; ".join(parts[:count]), depth, looks)
            if begin is not None:
                rest = "; ".join(parts[count:])
                return f"{begin}; {self._clause(rest, depth, looks) or rest}"
        whole = self._find(text, depth, looks)
        if whole is not None:
            return whole
        capital = self._find(text[:1].upper() + text[1:], depth, looks)
        return None if capital is None else capital[:1].lower() + capital[1:]


@cache
def vietnamese() -> Sentences:
    """The catalogue of this folder."""
    path = Path(__file__).with_name("sentences_vi.json")
    return Sentences(json.loads(path.read_text(encoding="utf-8")))


def in_language(language: str, sentences: Sequence[str]) -> tuple[str, list[str]]:
    """(language, sentences): all of them in it, or all in English."""
    if language == VIETNAMESE:
        found = [vietnamese().find(one) for one in sentences]
        told = [one for one in found if one is not None]
        if len(told) == len(found):
            return VIETNAMESE, told
    return ENGLISH, list(sentences)


def accepted(header: str, preferred: str) -> str:
    """The language that an Accept-Language header likes best; `preferred` where it likes both or neither."""
    weights: dict[str, float] = {}
    for part in header[:1000].split(",")[:50]:
        found = _RANGE.fullmatch(part.replace(" ", "").replace("\t", ""))
        if found:
            name = found[1].lower()
            weight = 1.0 if found[2] is None else min(1.0, float(found[2]))
            weights[name] = max(weight, weights.get(name, 0.0))
    others = weights.get("*")
    liked = {one: weights.get(one, others) for one in LANGUAGES}
    best = max((weight for weight in liked.values() if weight is not None), default=0.0)
    if best == 0.0:
        refused = [one for one, weight in liked.items() if weight == 0.0]
        left = [one for one in LANGUAGES if one not in refused]
        return left[0] if preferred in refused and left else preferred
    chosen = [one for one, weight in liked.items() if weight == best]
    return preferred if preferred in chosen else chosen[0]

"""What the pages with forms share: what was sent, the form again with what was wrong, and where saving leads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from starlette.responses import RedirectResponse

from api.sent_forms import SentForms, new_mark
from api.sentences import in_language
from campus.errors import NotFound, UsageError
from campus.records.entities import Person
from campus.records.register import Conflict, Stale
from campus.records.register_words import slug
from campus.wire.topics import valid_id
from dashboards.web.forms import NEWEST_TEXT, Field, Form, read, texts_of
from dashboards.web.words import Words

DONE = (
    "added",
    "changed",
    "removed",
    "placed",
    "taken",
    "retired",
    "restored",
    "closed",
    "imported",
    "subjects",
)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_TRIES = 50
_MARK = 40  # letters of it that are looked at
Made = TypeVar("Made")


async def _texts(request: Request) -> Mapping[str, str]:
    if not request.headers.get("content-type", "").lower().startswith(_FORMS):
        return {}
    async with request.form(max_files=0, max_fields=200) as form:
        return {name: text[:NEWEST_TEXT] for name, text in form.items() if isinstance(text, str)}


TextsDep = Annotated[Mapping[str, str], Depends(_texts)]
"""The texts of a form, by field; none where something else was sent."""


def _done(done: Annotated[str | None, Query()] = None) -> str | None:
    return done if done in DONE else None


DoneDep = Annotated[str | None, Depends(_done)]
"""What was just done, to be said at the top of the page: one of DONE."""


def gone_on(path: str, done: str) -> RedirectResponse:
    """After a write: to a page that can be loaded again without writing again."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}done={done}", 303)


def sent(words: Words, fields: Sequence[Field], texts: Mapping[str, str]) -> tuple[dict[str, Any], Form]:
    """(the values, the form as it was sent with what is wrong in it)."""
    values, problems = read(fields, texts)
    shown = {
        name: words(key, **{one: words.number(number) for one, number in more.items()})
        for name, (key, more) in problems.items()
    }
    return values, Form(
        fields, texts, shown, version=_version(texts), mark=texts.get("mark", "")[:_MARK] or None
    )


def empty(fields: Sequence[Field], texts: Mapping[str, str]) -> Form:
    """The form that adds a record."""
    return Form(fields, texts, mark=new_mark())


def of_record(words: Words, fields: Sequence[Field], record: Any) -> Form:
    """The form that holds a record."""
    return Form(fields, texts_of(fields, record, words.language == "vi"), version=record.version)


def versioned(words: Words, form: Form, version: int) -> Form:
    """The form of something that is there; one that does not say which version it saw is refused, with this one."""
    if form.version is not None or form.problems:
        return form if form.version is not None else replace(form, version=version)
    return replace(form, problem=words("form.no_version"), version=version)


def again(words: Words, fields: Sequence[Field], record: Any, refused: Form) -> Form:
    """The form of a record, with what was wrong with another of its page, such as the button that removes it."""
    return replace(of_record(words, fields, record), problem=refused.problem)


def attempt_new(
    request: Request, person: Person, words: Words, form: Form, write: Callable[[], Made]
) -> tuple[Made | None, Form, int]:
    """`attempt` for what is not there yet; a form that is sent twice adds one thing."""
    sent_forms: SentForms = request.app.state.sent_forms
    return attempt(
        words, form, lambda: sent_forms.once(person.id, form.mark, form.texts, write), lambda: None
    )


def attempt(
    words: Words, form: Form, write: Callable[[], Made], stored: Callable[[], Any]
) -> tuple[Made | None, Form, int]:
    """Write, unless the form is wrong: (what was made, the form, the status of the page that shows it again).

    Where somebody else was faster nothing is written, and the form tells what of `stored()` differs from it.
    """
    if form.problems or form.problem:
        return None, form, 422
    try:
        return write(), form, 200
    except Stale:
        record = stored()
        now = of_record(words, form.fields, record).texts
        differs = {
            one.name: _shown(one, now[one.name]) or words("form.nothing")
            for one in form.fields
            if now[one.name] != form.texts.get(one.name, "").strip()
        }
        return None, replace(form, problem=words("form.stale"), stored=differs, version=record.version), 409
    except NotFound:
        raise
    except UsageError as error:
        return None, refused(words, form, error), 409 if isinstance(error, Conflict) else 422


def refused(words: Words, form: Form, error: UsageError) -> Form:
    """The form with a sentence of the records, beside its field where it names one."""
    name, found, sentence = str(error).partition(": ")
    names = {one.name for one in form.fields}
    if found and name in names:
        return replace(form, problems={name: told(words, sentence)})
    return replace(form, problem=told(words, str(error)))


def told(words: Words, sentence: str) -> str:
    """A sentence of the records in the reader's language; one that nobody translated stays as it is."""
    return retold(words, sentence) or words("form.refused", sentence=sentence)


def retold(words: Words, sentence: str) -> str | None:
    """The same, None where nobody translated it; what a page says better than the API, it says in its own words."""
    language, (found,) = in_language(words.language, [sentence])
    return words.retold(sentence) or (found if language == words.language else None)


def with_new_id(name: str, taken: Iterable[str], create: Callable[[str], Made], fallback: str) -> Made:
    """`create` with an id made of a name, and another one where it is taken, also by somebody at the same time."""
    try:
        base = slug(name)[:56].strip("-")
    except ValueError:
        base = fallback
    used, number = set(taken), 1
    for _ in range(_TRIES):
        made = base if number == 1 else f"{base}-{number}"
        number += 1
        if made in used or not valid_id(made):
            continue
        try:
            return create(made)
        except Conflict:
            used.add(made)
    raise UsageError(f"name: no id could be made of '{name[:40]}'; choose another name.")


def _version(texts: Mapping[str, str]) -> int | None:
    text = texts.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _shown(field: Field, text: str) -> str:
    return dict(field.choices).get(text, text)

"""What every page has: its frame, its reader and their language, the menu of what they may, errors as pages."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.context import Context, ContextDep
from api.oidc import PATH
from api.problems import ProblemError
from api.rights import FIGURES, LINKS, LIVE, PLACES, TIMETABLE, may, reach
from api.security import WHO, address_of, identify
from campus.acting import act_as
from campus.records.entities import Person, Site
from dashboards.web.render import Pages
from dashboards.web.words import LANGUAGES, Words

LANGUAGE_COOKIE = "campus_language"
_SAFE_NEXT = re.compile(r"/(?![/\\])[^\x00-\x20\\]*", re.ASCII)
_NO_LANDING = ("/sign-in", "/sign-out", "/language", PATH, f"{PATH}/start")
_OWN_SENTENCE = (401, 403, 404, 409, 413, 422, 429, 503)


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the menu: the key of its word, where it is, whether it is the one that is shown."""

    key: str
    path: str
    is_current: bool = False


def menu(person: Person, site: str, path: str = "") -> list[Entry]:
    """The pages of a site that the person's roles allow, in the order of the menu."""
    base = f"/sites/{site}"
    found = []
    for key, where, rights in (
        ("nav.rooms", f"/?site={site}", (LIVE,)),
        ("nav.places", f"{base}/places", (PLACES,)),
        ("nav.boards", f"{base}/boards", (PLACES,)),
        ("nav.equipment", f"{base}/equipment", (PLACES,)),
        ("nav.timetable", f"{base}/timetable", (TIMETABLE,)),
        ("nav.month", f"{base}/month", (FIGURES,)),
        ("nav.connectivity", f"{base}/connectivity", (LINKS, LIVE)),
    ):
        if any(may(person, right, site) for right in rights):
            is_here = path == where or path.startswith(f"{where}/")
            if key == "nav.rooms":
                is_here = path == "/" or path.startswith("/rooms/")
            if key == "nav.places":
                is_here |= path.startswith((f"{base}/rooms/", f"{base}/buildings/"))
            found.append(Entry(key, where, is_here))
    return found


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def language_of(request: Request, context: Context, person: Person | None = None) -> str:
    """The language chosen on this browser, or the person's, or the installation's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE) or (person.language if person else context.language)
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def words_of(request: Request, context: Context, person: Person | None = None) -> Words:
    """The words of the reader's language."""
    return pages_of(request).words(language_of(request, context, person))


def safe_next(path: str | None) -> str:
    """A path on this server to go on to, and nothing else."""
    return path if path and len(path) < 500 and _SAFE_NEXT.fullmatch(path) else "/"


def landing(path: str | None) -> str:
    """Where signing in leads: the page that was asked for, never the sign-in itself or an address that only writes."""
    safe = safe_next(path)
    return "/" if urlsplit(safe).path in _NO_LANDING else safe


def sign_in_address(path: str | None) -> str:
    return f"/sign-in?next={quote(landing(path), safe='/')}"


def _identified(request: Request, context: ContextDep) -> Person:
    person = identify(request, context)
    if person is None:
        raise ProblemError(401, WHO, {"Location": sign_in_address(_here(request))})
    return person


async def _reader(request: Request, person: Annotated[Person, Depends(_identified)]) -> Person:
    act_as(person.name, address_of(request), reach(person))
    return person


ReaderDep = Annotated[Person, Depends(_reader)]


def _here(request: Request) -> str:
    """The address of the page, to come back to; of the answer to a form, that of the page it stands on."""
    query = request.url.query
    if request.method == "POST":
        sent_from = urlsplit(request.headers.get("referer", ""))
        if sent_from.netloc.lower() == request.headers.get("host", "").lower():
            return safe_next(sent_from.path + (f"?{sent_from.query}" if sent_from.query else ""))
    return request.url.path + (f"?{query}" if query else "")


def show(
    request: Request,
    context: Context,
    template: str,
    person: Person | None,
    status: int = 200,
    site: Site | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page in the reader's language; `site` is the school it is about, for its menu."""
    values = {
        "here": _here(request),
        "oidc": context.oidc is not None,
        "site": site,
        "menu": menu(person, site.id, request.url.path) if person and site else [],
        **values,
    }
    html = pages_of(request).render(template, language_of(request, context, person), person=person, **values)
    return HTMLResponse(html, status)


def error_page(request: Request, status: int, detail: str) -> Response | None:
    """The HTML answer to an error outside /api: sign-in for a stranger, else a sentence to read."""
    if "text/html" not in request.headers.get("accept", ""):
        return None
    if status == 401:
        return RedirectResponse(
            "/sign-in", 303
        )  # its Location, with where to go on to, is in the error's headers
    if "app" not in request.scope:
        return None
    context: Context = request.app.state.context
    known = status if status in _OWN_SENTENCE else 404 if status == 405 else 422 if status == 400 else 500
    language = language_of(request, context)
    html = pages_of(request).render(
        "error.html",
        language,
        person=None,
        here="/",
        site=None,
        menu=[],
        sentence=pages_of(request).words(language)(f"error.{known}"),
    )
    return HTMLResponse(html, status)

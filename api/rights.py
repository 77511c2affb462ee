"""The single place where roles decide. Presence joined with a timetable is personal data."""

from collections.abc import Iterable

from api.problems import ProblemError
from campus.records.entities import Grant, Limits, Person

PLACES = "places"  # sites, buildings, rooms, boards
LIVE = "live"  # what a room is like now
LINKS = "links"  # which boards were lost, since when and why
FIGURES = "figures"  # indicators; what tells about single teachers is withheld from those without PERIODS
CLOSE = "close"  # sign a month
PERIODS = "periods"  # what happened in one period of one room: intervals, facts, readings, one room's figures
REGISTER = "register"  # the records of equipment, loans and who borrowed, upkeep, stocktaking
EDIT_PLACES = "edit-places"  # add, change and remove buildings and rooms
PLACE_BOARDS = "place-boards"  # say where boards are and what they meter, and what they are called
TIMETABLE = "timetable"  # put another timetable in place of the stored one
PEOPLE = "people"  # accounts, and what they may
AUDIT = "audit"  # who changed what

RIGHTS: dict[str, frozenset[str]] = {
    "administrator": frozenset(
        {
            PLACES,
            LIVE,
            LINKS,
            PERIODS,
            FIGURES,
            CLOSE,
            REGISTER,
            EDIT_PLACES,
            PLACE_BOARDS,
            TIMETABLE,
            PEOPLE,
            AUDIT,
        }
    ),
    "facilities": frozenset({PLACES, LIVE, PERIODS, FIGURES, EDIT_PLACES}),
    "it": frozenset({PLACES, LINKS, FIGURES, PLACE_BOARDS}),
    "leader": frozenset({PLACES, FIGURES, CLOSE}),
    "equipment": frozenset({PLACES, FIGURES, REGISTER}),
    "auditor": frozenset({PLACES, FIGURES, AUDIT}),
}
"""A no-show of one period is for the facilities role only; the administrator has every right of the others."""

ALL_RIGHTS = frozenset[str]().union(*RIGHTS.values())
_UNLIMITED = Limits()


def may(person: Person, right: str, site: str) -> bool:
    """Whether the person has the right at a site."""
    return any(_holds(person, grant, right) for grant in person.grants if _reaches(person, grant, site))


def somewhere(person: Person, right: str) -> bool:
    """Whether the person has the right at any site."""
    return any(_holds(person, grant, right) for grant in person.grants)


def sites_of(person: Person, right: str) -> frozenset[str] | None:
    """The sites at which the person has the right; None: at all of them."""
    sites = {grant.site for grant in person.grants if _holds(person, grant, right)}
    limit = (person.limits or _UNLIMITED).site
    if limit is not None:
        return frozenset({limit}) if may(person, right, limit) else frozenset()
    return None if None in sites else frozenset(site for site in sites if site)


def reach(person: Person) -> frozenset[str] | None:
    """The sites at which the person has any role; None: every site. The records answer of no other."""
    limit = (person.limits or _UNLIMITED).site
    sites = {grant.site for grant in person.grants if limit is None or _reaches(person, grant, limit)}
    if limit is not None:
        return frozenset({limit}) if sites else frozenset()
    return None if None in sites else frozenset(site for site in sites if site)


def knows(person: Person, site: str) -> bool:
    """Whether the person has any role at a site. To others its very existence is not told."""
    return any(_reaches(person, grant, site) for grant in person.grants)


def covers(person: Person, grants: Iterable[Grant]) -> bool:
    """Whether the person has all that these grants give, where they give it, and administers people there.

    Only such a person may hand them out, or act on an account that has them: nobody makes more of themselves.
    """
    for grant in grants:
        for right in RIGHTS.get(grant.role, ALL_RIGHTS) | {PEOPLE}:
            sites = sites_of(person, right)
            if sites is not None and grant.site not in sites:
                return False
    return True


def require(person: Person, right: str, site: str | None) -> None:
    """Raises ProblemError: 404 for a site of which the person may not know, 403 without the right there.

    `site` None: the right at any site is enough, and the route narrows its answer with `sites_of`.
    """
    if site is not None and not knows(person, site):
        raise no_site(site)
    if not (somewhere(person, right) if site is None else may(person, right, site)):
        raise ProblemError(
            403,
            f"This needs the right '{right}', which your role or this token does not have. Ask an administrator "
            "for it.",
        )


def no_site(site: str) -> ProblemError:
    """The same sentence whether there is no such site or the person may not know."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in site[:64])
    return ProblemError(404, f"There is no site '{shown}' for you. See /api/v1/sites for those there are.")


def _holds(person: Person, grant: Grant, right: str) -> bool:
    rights = (person.limits or _UNLIMITED).rights
    return right in RIGHTS.get(grant.role, frozenset()) and (rights is None or right in rights)


def _reaches(person: Person, grant: Grant, site: str) -> bool:
    limit = (person.limits or _UNLIMITED).site
    return grant.site in (None, site) and limit in (None, site)

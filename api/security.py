"""Who is asking: session cookie or bearer token, forged requests kept out, sign-in attempts slowed down."""

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from math import ceil
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.responses import Response

from api.context import Context, ContextDep
from api.problems import ProblemError
from api.rights import reach, require
from campus.acting import act_as
from campus.records.entities import ADMINISTRATOR, Grant, Person

WHO = "Sign in first, or send an API token as 'Authorization: Bearer TOKEN'."
COOKIE = "campus_session"
LOCAL = "local"  # who asks with the token of this run
SESSION_HOURS = 12  # one school day; school computers are shared
SAFE = ("GET", "HEAD", "OPTIONS")

cookie_scheme = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by signing in")
bearer_scheme = HTTPBearer(auto_error=False, description="An API token")


def bearer(request: Request) -> str | None:
    """The token of the Authorization header, or None."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and 0 < len(token.strip()) <= 512 else None


def identify(request: Request, context: Context) -> Person | None:
    """The person behind a request, or None. A cookie counts for a write only when our own page sent it."""
    person = _identified(request, context)
    if person is None:
        request.app.state.limits.forget(request)
    else:
        request.app.state.limits.recognise(request)
        request.state.speaks = person.language
    return person


def _identified(request: Request, context: Context) -> Person | None:
    if "authorization" in request.headers:
        token = bearer(request)
        if token is None:
            return None
        if context.local_token and hmac.compare_digest(token.encode(), context.local_token.encode()):
            return Person(0, LOCAL, (Grant(ADMINISTRATOR),), context.language)
        holder = context.records.token(token)
        if holder and holder.limits and holder.limits.reads_only and request.method not in SAFE:
            raise ProblemError(403, "This token only reads. Make one that may write, or sign in.")
        return holder
    session = request.cookies.get(COOKIE)
    if not session or len(session) > 512:
        return None
    person = context.records.session(session)
    if person is not None and request.method not in SAFE:
        refuse_forged(request, must_tell=True)
    return person


def address_of(request: Request) -> str:
    """Where the request comes from; behind a proxy that is the proxy."""
    return request.client.host if request.client else "unknown"


def refuse_forged(request: Request, must_tell: bool = False) -> None:
    """Raises ProblemError 403 for a write that another site's page made the browser send.

    Browsers name the sending page in Origin (and Sec-Fetch-Site) on every write; programs without a cookie need not.
    Hosts are compared, not schemes, as a proxy may end TLS before us.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None:
        genuine = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    elif site is not None:
        genuine = site in ("same-origin", "none")
    else:
        genuine = not must_tell
    if not genuine:
        raise ProblemError(
            403,
            "This change did not come from a page of this server. Open the page again and repeat it there.",
        )


def _person(request: Request, context: ContextDep) -> Person:
    person = identify(request, context)
    if person is None:
        raise ProblemError(
            401,
            WHO,
            {"WWW-Authenticate": 'Bearer realm="campus"'},
        )
    return person


async def signed_in(
    request: Request,
    person: Annotated[Person, Depends(_person)],
    _cookie: Annotated[str | None, Depends(cookie_scheme)],
    _bearer: Annotated[object, Depends(bearer_scheme)],
) -> Person:
    """The person asking; 401 for anyone else. (The two schemes are there for OpenAPI.)

    Not in a thread, so that what the route calls knows who acts, and reaches that person's sites only.
    """
    act_as(person.name, address_of(request), reach(person))
    return person


PersonDep = Annotated[Person, Depends(signed_in)]


def by_sign_in(person: PersonDep) -> Person:
    """A dependency that lets only those pass who signed in themselves: a token cannot make more of itself."""
    if person.limits is not None:
        raise ProblemError(403, "A token may not do this. Sign in with your name and password.")
    return person


SignedInDep = Annotated[Person, Depends(by_sign_in)]


def has(right: str) -> Callable[[Request, Person], Person]:
    """A dependency that lets only people pass who have a right at the site that the address or query names.

    Without a `site`, those who have it anywhere: the route then narrows its answer with `rights.sites_of`.
    """

    def check(request: Request, person: PersonDep) -> Person:
        site = request.path_params.get("site") or request.query_params.get("site")
        require(person, right, site or None)
        return person

    return check


def begin_session(request: Request, response: Response, context: Context, person: Person) -> None:
    """Begin a session and put it into a cookie that scripts cannot read.

    SameSite=Lax, not Strict: a link in a message to a room's page must open it signed in; writes are kept safe by
    `refuse_forged`. Secure whenever the browser came by https.
    """
    agent = request.headers.get("user-agent")
    token = context.records.create_session(person, SESSION_HOURS, address_of(request), agent)
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_HOURS * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def host_allowed(host: str, allowed: tuple[str, ...] = ()) -> bool:
    """Whether a Host header may be answered: DNS rebinding needs a public name, so addresses and local names pass."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "." not in name and ":" not in name:
        return name != ""
    if name.endswith(".local") or name in {one.lower() for one in allowed}:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class SignIn:
    """Sign-in with limits: after FREE failures an account waits, twice as long each time, LONGEST seconds at most.

    Memory is bounded by ACCOUNTS (the longest unused is forgotten), and so is the work: `at_once` checks at a time,
    as each needs tens of MiB by design.
    """

    FREE, FIRST, LONGEST, ACCOUNTS = 5, 5.0, 900.0, 4096

    def __init__(self, clock: Callable[[], float], at_once: int = 2) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._checks = threading.BoundedSemaphore(at_once)
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __call__(self, context: Context, name: str, password: str) -> Person:
        """The person. Raises ProblemError 401 (wrong), 429 (wait), 503 (busy)."""
        account = name.strip().casefold()[:128]
        self._count(account)  # before the check, so that parallel guesses count too
        if not self._checks.acquire(timeout=5):
            raise ProblemError(503, "Too many people are signing in just now. Try again in some seconds.")
        try:
            person = context.records.sign_in(name.strip(), password)
        finally:
            self._checks.release()
        if person is None:
            raise ProblemError(401, "The name or the password is wrong. Check both and try again.")
        with self._lock:
            self._failures.pop(account, None)
        return person

    def _count(self, account: str) -> None:
        with self._lock:
            now = self._clock()
            count, until = self._failures.get(account, (0, 0.0))
            if now < until:
                wait = ceil(until - now)
                raise ProblemError(
                    429,
                    f"Too many attempts for this account. Try again in {wait} seconds.",
                    {"Retry-After": str(wait)},
                )
            count += 1
            pause = (
                0.0 if count < self.FREE else min(self.LONGEST, self.FIRST * 2 ** min(count - self.FREE, 30))
            )
            self._failures[account] = (count, now + pause)
            self._failures.move_to_end(account)
            while len(self._failures) > self.ACCOUNTS:
                self._failures.popitem(last=False)

"""Signing in at a school's or an authority's OpenID Connect service: authorization code, PKCE, state and nonce.

https://openid.net/specs/openid-connect-core-1_0.html. Authlib is imported when it is needed: not every school has it.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from campus.errors import CampusError, UsageError

PATH = "/sign-in/oidc"
FLOW_SECONDS = 600
SCOPE = "openid email"
ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA"]
"""Signatures by a key of the service only: never `none`, nor one that the client's secret could make."""

_LEEWAY_S = 30
_AT_ONCE = 4
_KNOWN_SECONDS = 3600.0
_TIMEOUT_S = 10.0
_MOST_BYTES = 256 * 1024


class Refused(CampusError):
    """The service, or somebody in its name, did not confirm anybody."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way. It stays in the browser that began it, so that it can end in no other."""

    state: str
    nonce: str
    verifier: str
    next: str

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str | None) -> "Flow | None":
        """None for what is no flow."""
        try:
            found = json.loads(text or "")
            flow = cls(**found)
        except (ValueError, TypeError):
            return None
        values = (flow.state, flow.nonce, flow.verifier, flow.next)
        return flow if all(isinstance(value, str) and value for value in values) else None


class Provider:
    """The service as it is set up here. Every method that asks it raises Refused."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, redirect: str, now: Callable[[], datetime]
    ) -> None:
        """`redirect` is this server's address as it is registered there, up to and with PATH. Raises UsageError."""
        self.issuer, self.client_id, self.redirect = issuer, client_id, redirect
        self._secret, self._now = client_secret, now
        for name, address in (("oidc_issuer", issuer), ("oidc_redirect", redirect)):
            if not _is_safe(address):
                raise UsageError(f"{name} is '{address}': write an address that begins with https://.")
        if not redirect.endswith(PATH):
            raise UsageError(
                f"oidc_redirect is '{redirect}': it ends with {PATH}, as registered at the service."
            )
        try:
            import authlib.oidc.core  # noqa: F401
        except ImportError as error:
            raise UsageError(
                "Signing in by OpenID Connect needs Authlib: install it with pip install 'campus-monitor[oidc]'."
            ) from error
        self._metadata: dict[str, str] | None = None
        self._known_until = 0.0
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        # Proxies of the environment are not for a service on this machine.
        self._http = httpx.Client(timeout=_TIMEOUT_S, trust_env=not _is_loopback(issuer))

    def begin(self, next: str) -> tuple[str, Flow]:
        """The address to send the browser to, and what to keep in it until it comes back."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        flow = Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next)
        address = prepare_grant_uri(
            self._endpoint("authorization_endpoint"),
            self.client_id,
            "code",
            redirect_uri=self.redirect,
            scope=SCOPE,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
        )
        return str(address), flow

    def finish(self, flow: Flow | None, query: Mapping[str, str]) -> list[str]:
        """Subject, and e-mail address if the service has verified it, of who came back with `query`."""
        if flow is None or not secrets.compare_digest(flow.state.encode(), query.get("state", "").encode()):
            raise Refused("the sign-in was not begun in this browser, or more than ten minutes ago")
        if query.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise Refused("the answer is of another service")
        if "code" not in query:
            raise Refused(f"the service answered '{query.get('error', 'nothing')[:60]}'")
        claims = self._claims(flow, self._token(flow, query["code"]))
        verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
        return [str(claims["sub"]), *([claims["email"]] if verified else [])]

    def _token(self, flow: Flow, code: str) -> str:
        """The ID token, not looked at yet."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": flow.verifier,
        }
        secret = (quote(self.client_id, safe=""), quote(self._secret, safe=""))  # RFC 6749, 2.3.1
        found = self._asked("POST", self._endpoint("token_endpoint"), data=form, auth=secret)
        token = found.get("id_token")
        if not isinstance(token, str):
            raise Refused("the service gave no ID token")
        return token

    def _claims(self, flow: Flow, token: str) -> Mapping[str, Any]:
        """Of a token with a right signature, from this service, for us, of this sign-in, and not over."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = self._asked("GET", self._endpoint("jwks_uri"))
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {"iss": {"values": [self.issuer]}, "aud": {"values": [self.client_id]}},
                {"nonce": flow.nonce, "client_id": self.client_id},
            )
            claims.validate(int(self._now().timestamp()), _LEEWAY_S)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"its ID token is not right ({error})") from error
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Refused("its ID token names nobody")
        return dict(claims)

    def _endpoint(self, name: str) -> str:
        if self._metadata is None or time.monotonic() > self._known_until:
            found = self._asked("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Refused(
                    f"{self.issuer} says that it is '{found.get('issuer')}'; set oidc_issuer to that"
                )
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if wrong := [name for name in wanted if not _is_safe(str(found.get(name, "")))]:
                raise Refused(f"its {wrong[0]} is no https address")
            self._metadata = {name: str(found[name]) for name in wanted}
            self._known_until = time.monotonic() + _KNOWN_SECONDS
        return self._metadata[name]

    def _asked(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        if not self._turns.acquire(timeout=_TIMEOUT_S):  # a slow service must not take every thread of ours
            raise Refused("too many people are signing in there just now")
        try:
            return self._answer(method, address, **options)
        finally:
            self._turns.release()

    def _answer(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        try:
            with self._http.stream(
                method, address, headers={"Accept": "application/json"}, **options
            ) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise Refused(f"{urlsplit(address).path} answers more than it should")
            found = json.loads(body)
        except httpx.HTTPError as error:
            raise Refused(f"the service does not answer ({type(error).__name__})") from error
        except ValueError as error:
            raise Refused(f"{urlsplit(address).path} did not answer with JSON") from error
        if answer.status_code != 200 or not isinstance(found, dict):
            told = found.get("error", "") if isinstance(found, dict) else ""
            raise Refused(f"{urlsplit(address).path} answered {answer.status_code} {str(told)[:60]}".strip())
        return found


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_safe(address: str) -> bool:
    """https; http only on this machine."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(address))
        )
    except ValueError:
        return False

"""Passwords as Argon2id hashes, and secrets that are made by the machine."""

import hashlib
import secrets
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from campus.errors import UsageError

LEAST_PASSWORD, MOST_PASSWORD = 10, 1024
# OWASP's parameters for Argon2id: 19 MiB, so that a few sign-ins at once fit on a mini PC.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The Argon2id hash. Raises UsageError for a password too short or too long."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise UsageError(
            f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters; choose another one."
        )
    return _HASHER.hash(_bytes(password))


def matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, _bytes(password[:MOST_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def new_password() -> str:
    """96 random bits, to be shown once."""
    return secrets.token_urlsafe(12)


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def unmatched() -> str:
    """A hash of today's parameters whose password nobody knows: an unknown name costs what a known one does."""
    salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def digest(token: str) -> str:
    """What is kept of a token. It is 256 random bits, so a plain SHA-256 is enough: nothing can be guessed from it."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

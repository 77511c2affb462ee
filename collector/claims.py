"""A claim code is good for one board, once: with its first birth that board gets a lasting password, and the code ends.

The order keeps the board connected through a crash of either side at any moment. The board stores the new password
beside the old one before it answers; only its answer makes the server replace the old one; until the broker has let it
in with the new one the board tries both. docs/remote.md tells it step by step.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from campus.boards.accounts import Account, Accounts, new_password
from campus.errors import NotFound
from campus.wire.server import Reply, encode_command
from campus.wire.topics import board_topic
from collector.batch import BoardKey, Sighting

log = logging.getLogger(__name__)

OP = "credential"


@dataclass(slots=True)
class _Offer:
    """A password that a board was sent. `of`: the account it is meant to end; `accepted`: the board has stored it."""

    of: Account
    id: str
    password: str = field(repr=False)
    accepted: bool = False


class Claims:
    """`heard` only notes and may be called by any thread; `tend`, called again and again by one, does the work.

    `publish(topic, payload)` tells whether the message could be sent. A password is kept in memory only, until the
    accounts have its hash; after a restart a board that waits is sent another one.
    """

    def __init__(
        self, accounts: Accounts, publish: Callable[[str, bytes], bool], clock_ms: Callable[[], int]
    ) -> None:
        self._accounts, self._publish, self._clock_ms = accounts, publish, clock_ms
        self._lock = threading.Lock()
        self._born: dict[BoardKey, None] = {}
        self._offers: dict[BoardKey, _Offer] = {}

    def heard(self, sightings: Iterable[Sighting]) -> None:
        """Note births, also those the broker repeats (the board may be there), and answers to what was offered."""
        with self._lock:
            for sighting in sightings:
                key = (sighting.site, sighting.board)
                if sighting.birth is not None:
                    self._born[key] = None
                elif sighting.reply is not None:
                    self._answered(key, sighting.reply)

    def _answered(self, key: BoardKey, reply: Reply) -> None:
        """Only the answer to the latest offer counts: an earlier password is no longer the one the board holds."""
        offer = self._offers.get(key)
        if offer is None or reply.id != offer.id:
            return
        if reply.ok:
            offer.accepted = True
        else:
            del self._offers[key]
            log.warning("Board %s did not take a password of its own: %s", key[1], reply.error["code"])

    def tend(self) -> None:
        """Offer passwords, and replace those that boards have stored. Raises StoreError; call again then."""
        with self._lock:
            accepted = [(key, offer) for key, offer in self._offers.items() if offer.accepted]
            born = list(self._born)
        if not accepted and not born:
            return
        pending = {(one.site, one.user): one for one in self._accounts.boards() if one.claim_expires_ms}
        for key, offer in accepted:
            if pending.get(key) == offer.of:  # else it was set up anew meanwhile
                self._replace(key[1], offer.password)
                del pending[key]
            with self._lock:
                del self._offers[key]
        for key in born:
            with self._lock:
                del self._born[key]
            account = pending.get(key)
            if account is not None and account.valid(self._clock_ms()) and not self._send(key, account):
                with self._lock:
                    self._born[key] = None

    def _replace(self, board: str, password: str) -> None:
        try:
            self._accounts.replace_password(board, password)
        except NotFound:  # removed just now
            return
        log.info("Board %s has a password of its own; its claim code is no longer good.", board)

    def _send(self, key: BoardKey, account: Account) -> bool:
        """The same offer again while it is open, so that a late answer can never be to another password.

        Without an expiry, which a board that does not know the time yet would refuse: no broker keeps a command.
        """
        with self._lock:
            offer = self._offers.get(key)
            if offer is None or offer.of != account:
                offer = self._offers[key] = _Offer(account, f"{OP}-{secrets.token_hex(8)}", new_password())
        command = encode_command(offer.id, OP, {"password": offer.password})
        return self._publish(board_topic(*key, "command"), command)

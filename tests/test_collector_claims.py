"""A claim code becomes a password of the board's own: once, over crashes of either side, and told to nobody else."""

import base64
import logging
import random
import time

import pytest
from processes import free_port
from remote_board import RemoteBoard

from campus.boards.accounts import Accounts, hashed
from campus.boards.authority import Authority
from campus.boards.setup import Setup
from campus.errors import StoreError
from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.remote import decode_command
from campus.wire.server import Reply
from campus.wire.topics import board_topic
from collector import mosquitto as managed
from collector import service
from collector.batch import Sighting
from collector.claims import Claims
from collector.intake import Intake
from collector.journal import Journal
from collector.ledger import Ledger
from collector.messages import Message
from collector.mosquitto import ManagedMosquitto
from collector.service import CollectorService

AT = ("school", "board-1")
BOOT = "9f3a61c20000002a"


def opens(account, password):
    salt = account.hash.split("$")[3]
    return hashed(password, base64.b64decode(salt)) == account.hash


def account_of(accounts):
    (found,) = accounts.boards()
    return found


class Model:
    """A server, a broker and a board in one thread, where anything may happen at any moment.

    The board keeps `own`, which worked, and `offered`, which it was sent; it tries `offered` first.
    """

    def __init__(self, folder, claims=Claims, forgets=False):
        self.accounts = Accounts(folder)
        self.own, self.offered = self.accounts.claim_board(*AT).replace("-", ""), None
        self.code = self.own
        self.make, self.forgets = claims, forgets
        self.to_board, self.to_server, self.answered = [], [], {}
        self.kept = 0
        self.start_server()
        self.sign_in()

    def start_server(self):
        """Its memory is gone; the broker repeats the birth that it keeps."""
        self.claims = self.make(self.accounts, self.publish, lambda: time.time_ns() // 1_000_000)
        if self.kept:
            self.to_server.append(Sighting(*AT, 0, retained=True, birth=object()))

    def publish(self, topic, payload):
        self.to_board.append(decode_command(payload))
        return True

    def sign_in(self):
        """The board starts or reconnects: what was on its way to it is lost."""
        self.to_board.clear()
        account = account_of(self.accounts)
        if self.offered and opens(account, self.offered):
            self.own, self.offered = self.offered, None
        assert opens(account, self.own), "the board is locked out"
        self.kept += 1
        self.to_server.append(Sighting(*AT, 0, birth=object()))

    def hear_command(self):
        if self.to_board:
            command = self.to_board.pop(0)
            self.offered = command.args["password"]
            if self.forgets:
                self.own = self.offered
            self.to_server.append(Sighting(*AT, 0, reply=Reply(command.id, True, None, None)))

    def hear_board(self):
        if self.to_server:
            self.claims.heard([self.to_server.pop(0)])

    def run(self, seed, steps=60):
        chance = random.Random(seed)
        happenings = [self.hear_command, self.hear_board, lambda: self.claims.tend()] * 3
        happenings += [self.start_server, self.sign_in]
        for _ in range(steps):
            chance.choice(happenings)()
        while self.to_server or self.to_board or account_of(self.accounts).claim_expires_ms:
            if not (self.to_server or self.to_board):
                self.sign_in()
            for calm in (self.hear_board, self.claims.tend, self.hear_command):
                calm()
        self.sign_in()


class Trusting(Claims):
    """The defect: any "ok" of the board is taken for the answer to the latest offer."""

    def _answered(self, key, reply):
        if key in self._offers:
            super()._answered(key, reply._replace(id=self._offers[key].id))


def test_no_crash_of_either_side_locks_a_board_out(tmp_path):
    """200 random runs of losses, restarts and late answers: each ends with a password of its own, the code dead."""
    for seed in range(200):
        model = Model(tmp_path / str(seed))
        model.run(seed)
        account = account_of(model.accounts)
        assert opens(account, model.own) and not opens(account, model.code)
        assert account.claim_expires_ms is None


@pytest.mark.parametrize("defect", [{"claims": Trusting}, {"forgets": True}], ids=["trusting", "forgetful"])
def test_control_the_same_runs_lock_a_board_out_with_the_defect(defect, tmp_path):
    """A server that takes a late answer for the latest, and a board that keeps one password only, each lock it out."""
    with pytest.raises(AssertionError, match="locked out"):
        for seed in range(200):
            Model(tmp_path / str(seed), **defect).run(seed)


def test_an_offer_is_sent_again_until_it_is_answered_and_refusals_end_it(tmp_path, caplog):
    """The same id and password with each birth; another one after a refusal; no more than the code of it is logged."""
    accounts, sent = Accounts(tmp_path), []
    accounts.claim_board(*AT)
    claims = Claims(
        accounts, lambda topic, payload: sent.append((topic, decode_command(payload))) or True, int
    )
    for _ in range(2):
        claims.heard([Sighting(*AT, 0, birth=object())])
        claims.tend()
        claims.tend()
    (topic, first), (_, second) = sent
    assert topic == board_topic(*AT, "command") and first == second and first.exp_ms is None
    with caplog.at_level(logging.DEBUG):
        error = {"code": "unknown", "message": first.args["password"]}
        claims.heard([Sighting(*AT, 0, reply=Reply(first.id, False, error, None))])
        claims.tend()
        claims.heard([Sighting(*AT, 0, birth=object())])
        claims.tend()
    third = sent[2][1]
    assert third.id != first.id and third.args != first.args
    assert "unknown" in caplog.text and first.args["password"] not in caplog.text
    claims.heard([Sighting(*AT, 0, reply=Reply(first.id, True, None, None))])
    claims.tend()
    assert account_of(accounts).claim_expires_ms is not None, "a late answer to the first offer"


def test_nothing_is_offered_where_no_claim_waits(tmp_path):
    """Not to boards with a lasting password, with a code that ran out, of another site, or without an account."""
    now_ms, sent = [0], []
    accounts = Accounts(tmp_path, lambda: now_ms[0])
    accounts.add_board("school", "board-1")
    accounts.claim_board("school", "board-2", 1)
    accounts.claim_board("elsewhere", "board-3")
    claims = Claims(accounts, lambda *message: sent.append(message) or True, lambda: now_ms[0])
    now_ms[0] = 3_600_000
    for board in ("board-1", "board-2", "board-3", "board-4"):
        claims.heard([Sighting("school", board, 0, birth=object())])
    claims.tend()
    assert sent == []


def test_what_could_not_be_done_is_tried_again(tmp_path):
    """Without a connection the offer waits; accounts that cannot be used are a StoreError, and nothing is forgotten."""
    accounts, sent, there = Accounts(tmp_path), [], [False]
    accounts.claim_board(*AT)
    claims = Claims(
        accounts, lambda topic, payload: there[0] and not sent.append(decode_command(payload)), int
    )
    claims.heard([Sighting(*AT, 0, birth=object())])
    claims.tend()
    there[0] = True
    (tmp_path / "accounts.json").rename(tmp_path / "away")
    (tmp_path / "accounts.json").write_text("half a fi")
    with pytest.raises(StoreError):
        claims.tend()
    (tmp_path / "away").rename(tmp_path / "accounts.json")
    claims.tend()
    assert len(sent) == 1
    claims.heard([Sighting(*AT, 0, reply=Reply(sent[0].id, True, None, None))])
    (tmp_path / "accounts.json").rename(tmp_path / "away")
    (tmp_path / "accounts.json").write_text("half a fi")
    with pytest.raises(StoreError):
        claims.tend()
    (tmp_path / "away").rename(tmp_path / "accounts.json")
    claims.tend()
    assert opens(account_of(accounts), sent[0].args["password"])


def test_a_board_that_was_set_up_anew_meanwhile_keeps_that_password(tmp_path):
    """An answer to an offer that an account has overtaken changes nothing."""
    accounts, sent = Accounts(tmp_path), []
    accounts.claim_board(*AT)
    claims = Claims(accounts, lambda topic, payload: not sent.append(decode_command(payload)), int)
    claims.heard([Sighting(*AT, 0, birth=object())])
    claims.tend()
    given = accounts.add_board(*AT)
    claims.heard([Sighting(*AT, 0, reply=Reply(sent[0].id, True, None, None))])
    claims.tend()
    assert opens(account_of(accounts), given)


def test_a_command_that_came_here_by_mistake_is_not_kept(tmp_path):
    """Nor a desired configuration: their dead letters have no payload, as they may hold a password."""
    intake = Intake(Ledger([]), Journal(tmp_path / "journal.sqlite").unsynced)
    payload = b'{"v":1,"id":"x","op":"credential","args":{"password":"made-up"}}'
    for leaf in ("command", "config/desired"):
        batch = intake.prepare([Message(board_topic(*AT, leaf), payload, 0)])
        assert [(letter.cause, letter.payload) for letter in batch.dead] == [("topic", b"")]
        assert not batch.kept


@pytest.mark.mosquitto
def test_a_board_that_comes_with_a_code_leaves_it_behind(tmp_path, monkeypatch, caplog):
    """Through a real mosquitto with its rights: offered, stored, answered; then the code no longer opens the broker."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(managed, "CHECK_S", 0.1)
    monkeypatch.setattr(service, "CLAIMS_EVERY_S", 0.1)
    folder = tmp_path / "broker"
    Authority(folder).ensure(["127.0.0.1"])
    Setup(hosts=("127.0.0.1",), listen="127.0.0.1", port=free_port()).save(folder)
    code = Accounts(folder).claim_board(*AT).replace("-", "")
    broker = ManagedMosquitto(folder)
    broker.start()
    records, telemetry = open_records("sqlite", tmp_path), open_telemetry("duckdb", tmp_path)
    collector = CollectorService(broker.url(), tmp_path, records, telemetry, Live(), accounts=broker.accounts)
    collector.start()
    given = []
    url = f"mqtt://board-1@127.0.0.1:{broker.port}"
    try:
        with RemoteBoard(url, password=code, credential=lambda args: given.append(args["password"])) as board:
            until = time.monotonic() + 20
            while account_of(broker.accounts).claim_expires_ms is not None:
                assert time.monotonic() < until
                time.sleep(0.05)
            while not board.refused.wait(
                0.1
            ):  # mosquitto ends its connection, and it comes back with the old one
                assert time.monotonic() < until
        with RemoteBoard(url, password=given[-1]) as board:
            assert not board.refused.is_set()
        with RemoteBoard(url, password=code) as board:
            assert board.refused.is_set()
        assert records.board(*AT).last_reply.ok
    finally:
        collector.stop()
        telemetry.close()
        records.close()
        broker.stop()
    assert given[-1] not in caplog.text
    held = [
        file for file in tmp_path.rglob("*") if file.is_file() and given[-1].encode() in file.read_bytes()
    ]
    assert held == [], "its hash is all that is kept"

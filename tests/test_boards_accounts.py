"""Accounts of the broker: passwords that mosquitto takes, rights of one board at one site, no change is lost."""

import json
import os
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from broker_client import Client
from servers import Mosquitto

from campus.boards import accounts as module
from campus.boards.accounts import SIGNS, Accounts, hashed, new_password
from campus.errors import NotFound, StoreError, UsageError
from firmware.board.portal import claim_code

HOUR_MS = 3600 * 1000


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "broker", Clock())


def users(accounts: Accounts) -> list[str]:
    """Who mosquitto would know."""
    accounts.project()
    return [line.split(":")[0] for line in (accounts.folder / "passwords").read_text().splitlines()]


def rights(accounts: Accounts, user: str) -> list[str]:
    """The lines of mosquitto's access file for one user."""
    accounts.project()
    blocks = [block.splitlines() for block in (accounts.folder / "acl").read_text().split("\n\n")]
    return next(lines for who, *lines in blocks if who == f"user {user}")


def test_mosquitto_takes_the_passwords_and_nothing_else(accounts: Accounts, tmp_path: Path):
    """A real mosquitto lets in with the password returned, a claim code typed at the board, and no other text."""
    password = accounts.add_board("school", "esp32-1")
    code = accounts.claim_board("school", "esp32-2")
    accounts.ensure_services()
    accounts.project()
    lines = (
        f"{key} {accounts.folder / name}"
        for key, name in (("password_file", "passwords"), ("acl_file", "acl"))
    )
    broker = Mosquitto(tmp_path / "mosquitto", extra=["allow_anonymous false", *lines])
    with broker:
        for user, given, expected in [
            ("esp32-1", password, "Success"),
            ("esp32-2", claim_code(code.lower()), "Success"),
            ("operator", accounts.service_password("operator"), "Success"),
            ("esp32-1", password[:-1], "Not authorized"),
            ("esp32-1", accounts.boards()[0].hash, "Not authorized"),
            ("esp32-1", "", "Not authorized"),
            ("esp32-3", password, "Not authorized"),
            (None, None, "Not authorized"),
        ]:
            with Client(broker.port, user, given) as client:
                assert client.reason == expected, user


def test_a_boards_rights_are_its_own_topics_at_its_own_site(accounts: Accounts):
    """The rules name site and board literally: five topics to write, three to read, no wildcard."""
    accounts.add_board("school", "esp32-1")
    own = "campus/v1/school/esp32-1/"
    assert rights(accounts, "esp32-1") == [
        *(
            f"topic write {own}{leaf}"
            for leaf in ("availability", "birth", "telemetry", "reply", "config/reported")
        ),
        *(f"topic read {own}{leaf}" for leaf in ("committed", "command", "config/desired")),
    ]


def test_services_have_least_rights(accounts: Accounts):
    """The collector has campus/ and discovery; an operator commands boards and hears answers, not readings."""
    assert accounts.missing_services() == ["collector", "operator"]
    assert accounts.ensure_services() == ["collector", "operator"]
    assert accounts.ensure_services() == []
    assert rights(accounts, "collector") == [
        "topic readwrite campus/#",
        "topic write +/binary_sensor/+/+/config",
        "topic write +/sensor/+/+/config",
    ]
    operator = rights(accounts, "operator")
    assert [line for line in operator if "write" in line] == [
        "topic write campus/v1/+/+/command",
        "topic write campus/v1/+/+/config/desired",
    ]
    assert {line.rpartition("/+/")[2] for line in operator if "read" in line.split()} == {
        "availability",
        "birth",
        "reply",
        "config/reported",
        "config/desired",
    }


@pytest.mark.parametrize("spoilt", [None, b"\xff", b"", b"0123456789"])
def test_a_lost_service_password_is_made_anew(accounts: Accounts, spoilt: bytes | None):
    """Where the file is gone or holds something else, as after a crash between two writes or half a restore."""
    accounts.ensure_services()
    before = accounts.service_password("operator")
    file = accounts.folder / "operator.password"
    file.unlink()
    if spoilt is not None:
        file.write_bytes(spoilt)
    if spoilt is None or not spoilt.isascii():
        with pytest.raises(StoreError, match="campus init"):
            accounts.service_password("operator")
    assert accounts.ensure_services() == ["operator"]
    assert accounts.service_password("operator") != before
    assert accounts.ensure_services() == []


@pytest.mark.parametrize(
    "board", ["", "A", "a b", "a/b", "+", "#", "a:b", "a\nb", "room", "collector", "operator", "a" * 65]
)
def test_a_bad_id_is_refused(accounts: Accounts, board: str):
    """No id can break a line of a file or a topic, name a service, or be a wildcard."""
    with pytest.raises(UsageError, match="not the id of a board"):
        accounts.add_board("school", board)
    assert accounts.boards() == []


def test_a_bad_site_is_refused(accounts: Accounts):
    """A site is an id too."""
    with pytest.raises(UsageError, match="not the id of a site"):
        accounts.claim_board("+", "esp32-1")


def test_a_board_belongs_to_one_site(accounts: Accounts):
    """A second site cannot take a board over; removed at the first, it may come."""
    accounts.add_board("one", "esp32-1")
    with pytest.raises(UsageError, match="belongs to site 'one'"):
        accounts.add_board("two", "esp32-1")
    accounts.remove("esp32-1")
    accounts.add_board("two", "esp32-1")
    assert [(each.site, each.user) for each in accounts.boards()] == [("two", "esp32-1")]


def test_added_again_a_board_has_another_password(accounts: Accounts):
    """The old one ends: that is how a password is changed."""
    first = accounts.add_board("school", "esp32-1")
    (before,) = accounts.boards()
    assert accounts.add_board("school", "esp32-1") != first
    (after,) = accounts.boards()
    assert before.hash != after.hash


def test_a_claim_ends_by_itself(accounts: Accounts):
    """After its time it is out of what mosquitto reads, and still listed for people."""
    accounts.claim_board("school", "esp32-1", hours=2)
    clock = accounts._now_ms
    clock.ms += 2 * HOUR_MS - 1
    assert users(accounts) == ["esp32-1"]
    clock.ms += 1
    assert users(accounts) == []
    assert [account.valid(clock.ms) for account in accounts.boards()] == [False]


def test_a_claim_is_used_once(accounts: Accounts):
    """A lasting password takes its place: the code's hash is gone, and time no longer ends it."""
    accounts.claim_board("school", "esp32-1", hours=1)
    (claim,) = accounts.boards()
    accounts.replace_password("esp32-1", new_password())
    (lasting,) = accounts.boards()
    assert lasting.claim_expires_ms is None
    assert lasting.site == "school"
    assert claim.hash not in (accounts.folder / "accounts.json").read_text()
    accounts._now_ms.ms += 1000 * HOUR_MS
    assert users(accounts) == ["esp32-1"]


@pytest.mark.parametrize("hours", [0, -1, 24 * 32, float("nan")])
def test_a_claim_lasts_some_time_and_not_for_ever(accounts: Accounts, hours: float):
    """Nobody makes a claim code that never ends by a slip."""
    with pytest.raises(UsageError, match="at most 31 days"):
        accounts.claim_board("school", "esp32-1", hours)


def test_a_code_is_typed_by_people(accounts: Accounts):
    """In groups of four; the board's own check takes it in any case and spacing, and finds every single wrong sign."""
    code = accounts.claim_board("school", "esp32-1")
    assert [len(group) for group in code.split("-")] == [4] * 5
    plain = code.replace("-", "")
    assert claim_code(code) == claim_code(f" {code.lower().replace('-', ' ')} ") == plain
    for at, sign in enumerate(plain):
        for other in SIGNS.replace(sign, ""):
            assert claim_code(plain[:at] + other + plain[at + 1 :]) is None


def test_codes_and_passwords_differ(accounts: Accounts):
    """Nothing is derived from the board's id."""
    codes = {accounts.claim_board("school", "esp32-1") for _ in range(20)}
    assert len(codes) == 20
    assert len({new_password() for _ in range(20)}) == 20


def test_a_board_that_is_not_there_is_named(accounts: Accounts):
    """Removing or renewing what does not exist says so; a service is no board."""
    accounts.ensure_services()
    for user in ("esp32-9", "collector"):
        with pytest.raises(NotFound, match=user):
            accounts.remove(user)
        with pytest.raises(NotFound, match=user):
            accounts.replace_password(user, new_password())
    with pytest.raises(UsageError, match="at least 20"):
        accounts.replace_password("esp32-9", "short")


def test_files_are_their_owners_alone(accounts: Accounts):
    """Also where the folder was there with another mode, and no password stands in what is kept of boards."""
    accounts.folder.mkdir(mode=0o755)
    password = accounts.add_board("school", "esp32-1")
    accounts.ensure_services()
    accounts.project()
    assert accounts.folder.stat().st_mode & 0o077 == 0
    for file in accounts.folder.iterdir():
        assert file.name == "lock" or file.stat().st_mode & 0o777 == 0o600, file
        assert password not in file.read_text()


def test_projections_are_written_when_they_differ(accounts: Accounts):
    """So that mosquitto is asked to read them again only then; a file that was spoilt is mended."""
    accounts.add_board("school", "esp32-1")
    assert accounts.project()
    assert not accounts.project()
    (accounts.folder / "acl").write_text("topic readwrite #\n")
    assert accounts.project()
    assert "topic readwrite #" not in (accounts.folder / "acl").read_text()


def test_a_write_that_fails_leaves_what_was_there(accounts: Accounts, monkeypatch: pytest.MonkeyPatch):
    """A full disk costs the change, and no account."""
    accounts.add_board("school", "esp32-1")
    before = (accounts.folder / "accounts.json").read_bytes()

    def full(file: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left"):
        accounts.add_board("school", "esp32-2")
    assert (accounts.folder / "accounts.json").read_bytes() == before
    assert not list(accounts.folder.glob("*.draft"))


def test_drafts_of_a_killed_process_go(accounts: Accounts):
    """They hold secrets that nobody needs."""
    accounts.ensure_services()
    (accounts.folder / "operator.password.abc.draft").write_text("secret")
    accounts.add_board("school", "esp32-1")
    assert not list(accounts.folder.glob("*.draft"))


def test_what_root_writes_belongs_to_the_folders_owner(accounts: Accounts):
    """So that `sudo campus board enroll` does not lock the running system out of its own files."""
    if os.geteuid() != 0:
        pytest.skip("only root can write for others")
    accounts.folder.parent.mkdir(exist_ok=True)
    os.chown(accounts.folder.parent, 4242, 4242)
    accounts.ensure_services()
    accounts.add_board("school", "esp32-1")
    accounts.project()
    assert {path.stat().st_uid for path in (accounts.folder, *accounts.folder.iterdir())} == {4242}


def test_a_lost_file_is_not_taken_for_an_empty_one(accounts: Accounts):
    """What mosquitto reads stays, so that boards stay connected."""
    accounts.add_board("school", "esp32-1")
    accounts.ensure_services()
    before = users(accounts)
    (accounts.folder / "accounts.json").unlink()
    with pytest.raises(StoreError, match=r"accounts\.json is gone: bring it back"):
        accounts.project()
    assert [line.split(":")[0] for line in (accounts.folder / "passwords").read_text().splitlines()] == before


def an_account(**changes: object) -> str:
    """accounts.json with one account, of which something is changed."""
    account = {"user": "a", "kind": "board", "site": "s", "hash": hashed("x"), "created_ms": 0}
    return json.dumps([account | changes])


@pytest.mark.parametrize(
    "spoilt",
    [
        "{",
        "[{}]",
        '[{"user": "a"}]',
        "null",
        an_account(user="a\nb"),
        an_account(user=5),
        an_account(kind="admin"),
        an_account(site="+"),
        an_account(hash="$7$101$x\nevil:$7$101$x$y"),
        an_account(hash=None),
        an_account(claim_expires_ms="never"),
    ],
)
def test_a_spoilt_file_is_named_and_kept(accounts: Accounts, spoilt: str):
    """It is not taken for an empty one, which would shut every board out at the next change."""
    accounts.add_board("school", "esp32-1")
    (accounts.folder / "accounts.json").write_text(spoilt)
    with pytest.raises(StoreError, match=r"accounts\.json"):
        accounts.add_board("school", "esp32-2")
    assert (accounts.folder / "accounts.json").read_text() == spoilt


class Slow(Accounts):
    """Leaves others time between reading and writing."""

    def _read(self):
        accounts = super()._read()
        time.sleep(0.02)
        return accounts


def added_at_once(folder: Path) -> int:
    """How many of eight boards are there, added at the same time."""
    adding = [
        threading.Thread(target=Slow(folder).add_board, args=("school", f"esp32-{number}"))
        for number in range(8)
    ]
    for thread in adding:
        thread.start()
    for thread in adding:
        thread.join()
    return len(json.loads((folder / "accounts.json").read_text()))


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path):
    """One after the other: each has read what the one before has written."""
    assert added_at_once(tmp_path / "broker") == 8


def test_without_the_lock_they_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: the same run without the lock loses boards."""
    (tmp_path / "broker").mkdir()
    monkeypatch.setattr(module, "locked", lambda folder: nullcontext())
    assert added_at_once(tmp_path / "broker") < 8

"""Commands to boards through a real mosquitto: answered, repeated, refused, or met with silence."""

import time

import pytest
from remote_board import Refused, RemoteBoard
from servers import Mosquitto

from campus.boards.rights import rules
from campus.errors import CampusError, UsageError
from campus.wire.remote import encode_reply
from collector import operator as module
from collector.operator import NoAnswer, Operator

AT = ("school", "board-1")


@pytest.fixture
def operator(mosquitto):
    with Operator(mosquitto.url) as connected:
        yield connected


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.3)


def test_a_command_is_answered(mosquitto, operator):
    """It carries an id of its own and an expiry; the board's result comes back, and so does its refusal."""
    with RemoteBoard(mosquitto.url, look=lambda args: {"seen": args["at"]}) as board:
        assert operator.call(*AT, "look", {"at": 3}).result == {"seen": 3}
        refused = operator.call(*AT, "sing", {})
    assert (refused.ok, refused.error["code"]) == (False, "unknown")
    first, second = board.commands
    assert first.id != second.id
    assert 0 < first.exp_ms - time.time_ns() // 1_000_000 <= 20_000


def test_a_command_that_was_lost_is_sent_again_and_run_once(mosquitto, operator, impatient):
    """The same id, until the answer comes; a board that heard it twice ran it once."""
    with RemoteBoard(mosquitto.url) as board:
        board.deaf = 2
        assert operator.call(*AT, "identify", {}).ok
        assert len({command.id for command in board.commands}) == 1
        assert (len(board.commands), board.ran) == (3, ["identify"])


def test_control_a_command_that_is_sent_once_is_lost(mosquitto, operator, monkeypatch):
    """Without sending again the same loss is a command without an answer: so the test above can fail."""
    monkeypatch.setattr(module, "AGAIN_S", 60.0)
    with RemoteBoard(mosquitto.url) as board:
        board.deaf = 1
        with pytest.raises(NoAnswer):
            operator.call(*AT, "identify", {}, timeout_s=1)


def test_a_board_without_the_time_is_asked_without_an_expiry(mosquitto, operator):
    """It cannot tell whether a command is too late; we are waiting here and now, so it is not."""

    def identify(args):
        if board.commands[-1].exp_ms is not None:
            raise Refused("clock", "the board does not know the time")

    with RemoteBoard(mosquitto.url, identify=identify) as board:
        assert operator.call(*AT, "identify", {}).ok
        assert len(board.commands) == 2


def test_a_board_that_is_away_is_silence(mosquitto, operator, impatient):
    """One sentence after the time that was given, and no reply of somebody else is taken for its own."""
    with (
        RemoteBoard(mosquitto.url, board="board-2") as other,
        pytest.raises(NoAnswer, match=r"board-1 did not answer within 1 s\.$"),
    ):
        other.say("reply", encode_reply("op-1", True))
        operator.call(*AT, "identify", {}, timeout_s=1)


def test_what_is_too_large_for_a_board_is_refused_here(operator):
    """Not sent, not waited for."""
    with pytest.raises(UsageError, match=r"This cannot be sent to a board: .* more than"):
        operator.call(*AT, "update", {"data": "x" * 2000})
    with pytest.raises(UsageError, match="cannot be sent"):
        operator.desire(*AT, 1, {"sensors": ["x" * 2000]}, 0)


def test_births_and_configuration_are_read_as_the_broker_keeps_them(mosquitto):
    """Retained births of one site, the latest report, and what was desired; nothing where there is nothing."""
    boards = [RemoteBoard(mosquitto.url, board=f"board-{n}", firmware=f"0.{n}") for n in (1, 2)]
    boards.append(RemoteBoard(mosquitto.url, "elsewhere", "board-3"))
    boards[0].on_desired = lambda board, desired: board.report(desired.rev, "ntp has to be a text")
    with Operator(mosquitto.url) as operator:
        assert operator.reported(*AT) is None and operator.desired(*AT) is None
        assert operator.desire(*AT, 7, {"ntp": None}, 10).errors == ["ntp has to be a text"]
    for board in boards:
        board.close()
    with Operator(mosquitto.url) as later:
        births = later.births("school")
        assert {name: birth.firmware for name, birth in births.items()} == {
            "board-1": "0.1",
            "board-2": "0.2",
        }
        assert (later.reported(*AT).rev, later.desired(*AT).config) == (7, {"ntp": None})


def test_a_configuration_waits_for_a_board_that_is_away(mosquitto, operator):
    """It is retained: the board finds it when it comes back. A command does not wait."""
    assert operator.desire(*AT, 1, {"sample_ms": 2000}, 0) is None
    with pytest.raises(NoAnswer):
        operator.call(*AT, "identify", {}, timeout_s=0.5)
    with RemoteBoard(mosquitto.url) as board:
        assert operator.heard(*AT, "config/reported", lambda report: report.rev == 1, 10).ok
        assert (board.desires[0].config, board.commands) == ({"sample_ms": 2000}, [])


def test_messages_outside_the_contract_are_left_out(mosquitto, operator):
    """A hostile board ends no command of another, nor its own when it answers in the end."""

    def identify(args):
        board.say("reply", b"\xff" * 65536)
        board.say("reply", b'{"v":1,"id":7,"ok":"yes"}')

    with RemoteBoard(mosquitto.url, identify=identify) as board:
        board.say("birth", b"[]", True)
        assert operator.call(*AT, "identify", {}).ok
        assert operator.births("school") == {}
        assert operator.call(*AT, "rebirth", {}).ok
        assert set(operator.births("school")) == {"board-1"}


def test_a_broker_that_restarts_costs_no_command(mosquitto, operator, impatient):
    """The operator comes back and listens again."""
    with RemoteBoard(mosquitto.url) as board:
        assert operator.call(*AT, "identify", {}).ok
        mosquitto.restart()
        assert operator.call(*AT, "identify", {}, timeout_s=20).ok
        assert board.ran == ["identify"] * 2


def test_a_broker_that_is_away_is_one_sentence(mosquitto, operator, impatient):
    """Before a command, in the middle, and where nothing but TCP answers."""
    mosquitto.stop()
    with pytest.raises(CampusError, match=r"was lost .* is the broker running\?$"):
        operator.call(*AT, "identify", {}, timeout_s=1)
    with pytest.raises(CampusError, match=r"Nothing answers on mqtt://127.0.0.1"), Operator(mosquitto.url):
        pass
    with pytest.raises(UsageError, match=r"not trusted|PEM|certificate"):
        Operator(mosquitto.url.replace("mqtt:", "mqtts:") + "?ca=/nothing")


def test_rights_are_those_of_the_operator(tmp_path):
    """With its own account it may do all of this; a wrong password or a board's account is one sentence."""
    acl = "\n".join(rules("operator", "", "operator") + rules("board", "school", "board-1"))
    users = {"operator": "made-up-1", "board-1": "made-up-2"}
    with Mosquitto(tmp_path / "mosquitto", users=users, acl=acl) as broker:
        with (
            RemoteBoard(broker.url_of("board-1", "made-up-2")),
            Operator(broker.url_of("operator", "made-up-1")) as operator,
        ):
            assert operator.call(*AT, "identify", {}).ok
            assert set(operator.births("school")) == {"board-1"}
            assert operator.desire(*AT, 1, {"ntp": None}, 10).ok
        with (
            pytest.raises(CampusError, match=r"refused the user name|does not allow") as caught,
            Operator(broker.url_of("operator", "made-up-3")),
        ):
            pass
        assert "made-up" not in str(caught.value)

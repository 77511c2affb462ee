"""What is asked of boards over the network, as people see it: on boards that behave, and on boards that do not."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from cli import Running, campus
from processes import free_port
from remote_board import Refused, RemoteBoard, Slots

from campus.boards import bundle
from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.boards.bundle import Bundle
from campus.boards.setup import Setup
from campus.cli import boards_configure, boards_reach, boards_remote, boards_update
from campus.cli.app import run
from campus.records import open_records
from campus.records.entities import LastReply, Reported
from campus.records.inventory import Inventory
from campus.wire.remote import encode_reply
from collector import operator as module

NOW = datetime.now(UTC)
INVENTORY = {"site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"}}
PROGRAM = Bundle(
    26112601,
    "0.2.0",
    {"board/app.mpy": b"new" * 900, "board/clock.mpy": b"same" * 300, "campus/wire/a.mpy": b"x"},
)
BEFORE = PROGRAM.files | {"board/app.mpy": b"old"}


class School:
    """A data folder with a site and boards that were heard; `board()` runs a command on it, with its broker."""

    def __init__(self, folder, broker, capsys):
        self.data, self.broker, self._capsys = folder / "data", broker, capsys
        with open_records("sqlite", self.data) as records:
            records.import_inventory(Inventory.model_validate(INVENTORY))
        self.saw("board-1")

    def saw(self, board, **what):
        with open_records("sqlite", self.data) as records:
            records.saw_board("school", board, NOW - timedelta(minutes=125), availability="lost", **what)

    def campus_init(self, monkeypatch, keys):
        """What `campus board update` needs, with a small program."""
        folder = Setup.folder(self.data)
        folder.mkdir(parents=True)
        for file in keys.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        Setup(hosts=("127.0.0.1",), listen="127.0.0.1").save(folder)
        monkeypatch.setattr(bundle, "build", lambda version: PROGRAM)
        monkeypatch.setattr(bundle, "release", lambda folder, today: PROGRAM)
        return Authority(folder)

    def board(self, *words):
        """(exit code, what was printed, the one line of an error)"""
        code = run(["board", *map(str, words), "--data", str(self.data), "--mqtt", self.broker.url])
        told = self._capsys.readouterr()
        assert "Traceback" not in told.err
        return code, told.out, told.err.strip()


@pytest.fixture
def school(tmp_path, mosquitto, capsys, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.5)
    monkeypatch.setattr(boards_reach, "ANSWER_S", 1.5)
    return School(tmp_path, mosquitto, capsys)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys") / "broker"
    Authority(folder).ensure(["127.0.0.1"])
    return folder


@pytest.fixture
def signed(school, monkeypatch, keys):
    """The authority of a school that can sign updates."""
    return school.campus_init(monkeypatch, keys)


def test_a_board_blinks_says_anew_what_it_is_and_restarts(school):
    """Three commands, each answered; a restart is over when the board is back."""
    seen = []
    with RemoteBoard(school.broker.url, identify=seen.append) as board:
        assert school.board("identify", "board-1", "--seconds", "3") == (0, "board-1 blinks for 3 s.\n", "")
        assert school.board("rebirth", "board-1")[0] == 0
        boot = board.boot
        code, told, _ = school.board("reboot", "board-1")
        assert (code, told.partition(" after ")[0]) == (0, "board-1 is back")
        assert (seen, board.ran) == (
            [{"seconds": 3}],
            ["identify", "rebirth", "reboot"],
        ) and board.boot != boot


def test_a_board_that_does_not_come_back_is_said(school, monkeypatch):
    """It answered, and then nothing."""
    monkeypatch.setattr(boards_remote, "RESTART_S", 0.5)
    with RemoteBoard(school.broker.url, reboot=lambda args: None):
        code, _, error = school.board("reboot", "board-1")
    assert code == 1 and "did not come back" in error


def test_a_foreign_device_is_let_in_listed_and_shut_out(school, signed):
    """What to type into it is shown once, its rights are its own prefix; ids that are taken or none are refused."""
    accounts = Accounts(Setup.folder(school.data))
    accounts.ensure_services()
    code, told, _ = school.board("foreign", "plug-12", "--json")
    shown = json.loads(told)
    assert code == 0 and shown["prefix"] == "campus/ext/school/plug-12" and shown["user"] == "plug-12"
    assert (shown["server"], shown["port"]) == ("127.0.0.1", 8883) and len(shown["password"]) == 40
    accounts = Accounts(Setup.folder(school.data))
    accounts.project()
    assert (
        "user plug-12\ntopic readwrite campus/ext/school/plug-12/#\n" in (accounts.folder / "acl").read_text()
    )
    code, again, _ = school.board("foreign", "plug-12")
    assert code == 0 and "campus/ext/school/plug-12" in again and shown["password"] not in again
    assert "foreign" in school.board("list")[1]
    accounts.add_board("school", "board-1")
    for words, refusal in (
        (("foreign", "board-1"), "another kind of board"),
        (("enroll", "plug-12"), "another kind of board"),
        (("foreign", "Plug 12"), "not the id of a board"),
        (("foreign", "collector"), "not the id of a board"),
        (("foreign", "plug-13", "--site", "mars"), "no site 'mars'"),
    ):
        code, _, error = school.board(*words)
        assert code == 2 and refusal in error, error
    assert school.board("remove", "plug-12", "--yes")[0] == 0
    assert "plug-12" not in school.board("list")[1]


def test_silence_says_when_the_board_was_last_heard(school):
    """One sentence: how long was waited, the last time in the school's time zone, and as what it counts."""
    code, told, error = school.board("identify", "board-1")
    assert (code, told) == (1, "")
    assert error.startswith("campus: The board board-1 did not answer within 2 s. It was last heard ")
    assert error.endswith("(2 h ago); it counts as lost.")
    with open_records("sqlite", school.data) as records:
        records.import_inventory(Inventory.model_validate(INVENTORY | {"boards": [{"id": "board-2"}]}))
    assert school.board("identify", "board-2")[2].endswith("It was never heard.")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["identify", "board-9"], "There is no board 'board-9'"),
        (["show", "board-9"], "There is no board 'board-9'"),
        (["identify", "../board-1"], "'../board-1' is not an id"),
        (["show", "Board"], "'Board' is not an id"),
        (["reboot", "board-1", "--site", "nowhere"], "There is no site 'nowhere'"),
        (["update"], "Name one board, or say --all"),
        (["update", "board-1", "--all"], "Name one board, or say --all"),
        (["update", "a/b"], "'a/b' is not an id"),
        (["update", "board-1"], "is not prepared for real boards"),
        (["configure", "board-1"], "Name a FILE with the change"),
    ],
)
def test_a_wrong_request_is_one_sentence(school, words, error):
    """Unknown boards and sites, what is no id, too little said: nothing is sent, and the exit code tells."""
    code, told, said = school.board(*words)
    assert (code in (1, 2), told) == (True, "") and error in said and "\n" not in said


def test_a_broker_or_a_data_folder_that_is_not_there_is_one_sentence(school, tmp_path, capsys):
    """And no data folder is made on the way."""
    school.broker.stop()
    assert "Nothing answers on mqtt://127.0.0.1" in school.board("identify", "board-1")[2]
    assert run(["board", "show", "board-1", "--data", str(tmp_path / "nowhere")]) == 1
    assert "There is no data folder" in capsys.readouterr().err and not (tmp_path / "nowhere").exists()
    assert run(["board", "identify", "board-1", "--data", str(school.data)]) == 2
    assert "is running on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (("expired",), "compare the clocks"),
        (("unknown", "identify"), "update it first"),
        (("failed", "OSError(5)"), "refused: OSError(5)."),
        (("busy",), "refused: busy."),
    ],
)
def test_a_refusal_is_said_in_plain_words(school, refused, why):
    """The code becomes a sentence; a code that nobody knows is shown with what the board said."""

    def identify(args):
        raise Refused(*refused)

    with RemoteBoard(school.broker.url, identify=identify):
        code, _, error = school.board("identify", "board-1")
    assert code == 1 and error.startswith("campus: The board board-1 refused: ") and why in error


def test_show_tells_what_the_records_have(school):
    """Firmware since when, notes in words, the configuration's fate, the last answer; a board's words are no markup."""
    birth = {
        "firmware": "[bold]0.2.0[/nope]",
        "hardware": "esp32",
        "reset_cause": "watchdog",
        "points": {"motion": {}},
    }
    birth |= {"access_point": "a0b1c2d3e4f5", "notes": ["stalled:measure", "config-reverted", "new-one"]}
    school.saw("board-1", birth=birth)
    school.saw("board-1", reported=Reported(3, False, ("ntp has to be a text",), NOW))
    school.saw("board-1", reply=LastReply("op-1", False, "hash", "board/app.mpy", NOW))
    code, told, _ = school.board("show", "board-1")
    assert code == 0
    for words in (
        "lost, last heard", "(2 h ago)", "[bold]0.2.0[/nope], since", "watchdog", "a0b1c2d3e4f5", "motion",
        "stalled:measure: a part of its program stood still", "config-reverted: a configuration did not prove itself",
        "new-one: see docs/remote.md", "revision 3 refused: ntp has to be a text", "refused: board/app.mpy",
    ):  # fmt: skip
        assert words in told, told


# configuration


def tried(board, desired):
    """Taken, and confirmed after a restart."""
    board.leave()
    board.later(board.restart)
    board.later(lambda: board.report(desired.rev), 0.6)


def test_a_configuration_is_taken_tried_and_confirmed(school):
    """It says so at each step; the next change has the next revision."""
    with RemoteBoard(school.broker.url) as board:
        board.on_desired = tried
        code, told, _ = school.board(
            "configure", "board-1", "--set", "sample_ms=2000", "--set", "ntp=ntp.school.lan"
        )
        assert code == 0 and told.splitlines() == [
            '+ ntp = "ntp.school.lan"', "+ sample_ms = 2000",
            "Accepted, on trial: board-1 restarts with it.", "Confirmed: board-1 works with revision 1.",
        ]  # fmt: skip
        code, told, _ = school.board("configure", "board-1", "--set", "sample_ms=null")
        assert code == 0 and told.splitlines()[:2] == ["- sample_ms = 2000", "- sample_ms"]
    assert [(one.rev, one.config) for one in board.desires] == [
        (1, {"sample_ms": 2000, "ntp": "ntp.school.lan"}),
        (2, {"sample_ms": None}),
    ]


def test_secrets_are_sent_and_not_shown(school, tmp_path):
    """A Wi-Fi's password from a file: in the message, not on the screen, neither as it becomes nor as it was."""
    file = tmp_path / "change.json"
    with RemoteBoard(school.broker.url) as board:
        for secret in ("made-up-1", "made-up-2"):
            file.write_text(json.dumps({"wifi": {"ssid": "school", "password": secret}}))
            code, told, error = school.board("configure", "board-1", file)
            assert code == 0 and "made-up" not in told + error and '"password": "…"' in told
    assert [one.config["wifi"]["password"] for one in board.desires] == ["made-up-1", "made-up-2"]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            ["config.json: pin 6 is the flash's"],
            "did not keep revision 1: config.json: pin 6 is the flash's.",
        ),
        (["the old one is back"], "did not keep revision 1: the old one is back."),
    ],
)
def test_what_the_board_refuses_or_takes_back_is_said_with_its_reason(school, errors, said):
    """The board checks once more, and knows more of itself; a revert comes after a trial."""
    with RemoteBoard(school.broker.url) as board:
        board.on_desired = lambda board, desired: board.report(desired.rev, *errors)
        code, _, error = school.board("configure", "board-1", "--set", "sample_ms=2000")
    assert code == 1 and said in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "sample_ms=5"], "config.json: sample_ms has to be a whole number from 50 to 60000"),
        (["--set", "sample=2000"], "config.json: sample has to be one of the keys"),
        (["--set", "sensors=null"], "config.json: sensors has to be a list"),
        (["--set", "broker=null"], "config.json: broker has to be an object"),
        (["--set", "site=other"], "site cannot be changed"),
        (["--set", "board=other"], "board cannot be changed"),
        (["--set", "sample_ms"], "write KEY=VALUE"),
        (["--set", "=5"], "write KEY=VALUE"),
        (["none.json"], "Cannot read none.json"),
    ],
)
def test_what_the_board_would_refuse_is_refused_here(school, words, said):
    """By the board's own check, before anything is sent; the rest of its config.json need not be known."""
    with RemoteBoard(school.broker.url) as board:
        code, told, error = school.board("configure", "board-1", *words)
    assert (code, told, board.desires) == (2, "", []) and said in error


@pytest.mark.parametrize("text", ["[]", "{", '{"sample_ms": 2000', "\xff", ""])
def test_a_file_that_is_no_object_is_refused(school, tmp_path, text):
    """Half a file, another shape, no text at all."""
    (tmp_path / "change.json").write_text(text, encoding="latin-1")
    code, told, error = school.board("configure", "board-1", tmp_path / "change.json")
    assert (code, told) == (2, "") and "change.json" in error


def test_more_than_a_board_can_receive_is_refused(school):
    """A list of sensors beyond its packets."""
    sensors = json.dumps([{"kind": "pir", "pin": pin} for pin in range(90)])
    code, _, error = school.board("configure", "board-1", "--set", f"sensors={sensors}")
    assert code == 2 and "more than one change may be" in error


def test_a_dry_run_changes_nothing(school):
    """The difference is shown, and nothing is retained for the board."""
    with RemoteBoard(school.broker.url) as board:
        code, told, _ = school.board("configure", "board-1", "--set", "sample_ms=2000", "--dry-run")
        assert (code, told) == (0, "+ sample_ms = 2000\nNothing was changed.\n")
        time.sleep(0.2)
        assert board.desires == []


def test_changes_for_a_board_that_is_away_add_up(school):
    """It takes all of them when it comes back: the second does not undo the first that it never saw."""
    code, told, _ = school.board("configure", "board-1", "--set", "sample_ms=2000")
    assert code == 0 and "Revision 1 waits for board-1. It was last heard" in told
    code, told, _ = school.board("configure", "board-1", "--set", "ntp=null", "--no-wait")
    assert code == 0 and "  sample_ms = 2000" in told and "Revision 2 waits for board-1." in told
    with RemoteBoard(school.broker.url) as board:
        until = time.monotonic() + 30
        while not board.desires and time.monotonic() < until:
            time.sleep(0.02)
    assert [(one.rev, one.config) for one in board.desires] == [(2, {"sample_ms": 2000, "ntp": None})]


def test_a_revision_counts_on_from_what_the_records_know(school):
    """A broker that lost what it kept does not make a board ignore the next change as an old one."""
    school.saw("board-1", reported=Reported(7, True, (), NOW))
    with RemoteBoard(school.broker.url) as board:
        assert school.board("configure", "board-1", "--set", "sample_ms=2000")[0] == 0
    assert board.desires[0].rev == 8


def test_a_board_that_says_nothing_of_its_trial_is_said(school, monkeypatch):
    """Later than any trial takes."""
    monkeypatch.setattr(boards_configure, "PROOF_S", 0.5)
    with RemoteBoard(school.broker.url) as board:
        board.on_desired = lambda board, desired: None
        code, _, error = school.board("configure", "board-1", "--set", "sample_ms=2000")
    assert code == 1 and "has said nothing of revision 1" in error


# updates


def updatable(school, authority, folder, board="board-1", **more):
    """A board whose update is the boards' own code, on a folder as its flash; it starts what it was sent."""
    slots = Slots(folder, BEFORE, authority.update_modulus())

    def update(args):
        result = slots.step(args)
        if "finish" in args:
            made.later(lambda: made.restart(**{"firmware": PROGRAM.firmware, **more}))
        return result

    made = RemoteBoard(school.broker.url, board=board, update=update)
    made.slots = slots
    return made


def test_a_board_gets_what_it_lacks_and_proves_itself(school, signed, tmp_path):
    """Only files that differ are sent, in order; the command ends when the board was born with the new firmware."""
    with updatable(school, signed, tmp_path / "flash") as board:
        code, told, error = school.board("update", "board-1", "--yes")
        assert (code, error) == (0, ""), error
        assert told.splitlines() == [
            f"Firmware 0.2.0, number 26112601: 3 files, {PROGRAM.size} bytes.",
            "board-1 runs 0.1.0.",
            "board-1 runs 0.2.0 now.",
        ]
        assert board.slots.content("b") == PROGRAM.content
        pieces = [command.args for command in board.commands if "file" in command.args]
        # A piece whose answer was slow may have been sent again.
        sent = [file for file, _ in dict.fromkeys((piece["file"], piece["at"]) for piece in pieces)]
        assert sent == ["manifest.json"] + ["board/app.mpy"] * 3


def test_an_update_goes_on_where_the_board_stands(school, signed, tmp_path):
    """A piece that the board has already, and answers that were lost, cost nothing."""
    with updatable(school, signed, tmp_path / "flash") as board:
        step, refused = board.ops["update"], []

        def late(args):
            """It took the second piece, and its answer tells where it stands."""
            if args.get("at") == 1024 and not refused:
                step(args)
                refused.append(args)
                return step(args | {"at": 2047, "data": "QUJD"})
            return step(args)

        board.ops["update"] = late
        board.deaf = 1
        code, _, error = school.board("update", "board-1", "--yes")
        assert (code, error, len(refused)) == (0, "", 1), error
        assert board.slots.content("b") == PROGRAM.content


def test_a_board_that_goes_round_in_circles_is_given_up(school, signed):
    """`offset` again and again is not an endless command."""

    def update(args):
        if args.get("at"):
            raise Refused("offset", "board/app.mpy", {"at": 0})
        return {"need": ["board/app.mpy"]} if "file" in args else None

    with RemoteBoard(school.broker.url, update=update) as board:
        code, _, error = school.board("update", "board-1", "--yes")
        assert code == 1 and "arrived out of order" in error
        assert len(board.commands) < 60


@pytest.mark.parametrize("needed", [None, {"need": "all"}, {"need": [["x"]]}, {"need": ["/etc/passwd"]}])
def test_an_answer_that_cannot_be_is_no_update(school, signed, needed):
    """A board that asks for what is no file of the update gets none."""
    with RemoteBoard(school.broker.url, update=lambda args: needed) as board:
        code, _, error = school.board("update", "board-1", "--yes")
        assert code == 1 and "asks for files that the update does not have" in error
        assert len(board.commands) == 2


def test_a_wrong_signature_is_refused_by_the_board(school, signed, tmp_path):
    """One that was set up by another server says so, and works on."""
    with updatable(school, signed, tmp_path / "flash") as board:
        board.slots.nvs.set(update_key="c" * 512)
        code, _, error = school.board("update", "board-1", "--yes")
        assert code == 1 and "is not signed by the server it belongs to" in error
        assert board.boots == 1 and board.slots.content("b") == {}


def test_a_board_that_has_the_version_is_left_alone(school, signed, tmp_path):
    """Its own word for it, and no failure: --all can be said again."""
    with updatable(school, signed, tmp_path / "flash") as board:
        board.slots.nvs.set(version=PROGRAM.version)
        code, told, error = school.board("update", "--all", "--yes")
        assert (code, error) == (0, "") and "board-1 runs this version already" in told
        assert board.boots == 1


@pytest.mark.parametrize(
    "back", [{"firmware": "0.1.0", "notes": ("update-reverted",)}, {"notes": ("update-reverted",)}]
)
def test_a_program_that_does_not_prove_itself_is_said(school, signed, tmp_path, back):
    """The board comes back with the old one, also where both call themselves the same."""
    with updatable(school, signed, tmp_path / "flash", **back):
        code, told, error = school.board("update", "board-1", "--yes")
    assert code == 1 and "went back to firmware" in error and "now" not in told


def test_a_program_that_fails_within_its_trial_is_said(school, signed, tmp_path):
    """A birth with the new firmware is no proof yet: a board on trial answers no command, and this one goes back."""
    with updatable(school, signed, tmp_path / "flash") as board:
        starts = board.restart

        def on_trial(**what):
            board.deaf = 10**9
            starts(**what)
            board.later(back, 0.7)

        def back():
            board.deaf = 0
            starts(firmware="0.1.0", notes=("update-reverted",))

        board.restart = on_trial
        code, told, error = school.board("update", "board-1", "--yes")
    assert code == 1 and "went back to firmware 0.1.0" in error and "now" not in told


def test_all_boards_one_after_the_other_until_one_fails(school, signed, tmp_path, monkeypatch):
    """board-1 is confirmed, board-2 fails, board-3 is not touched, board-4 is away and left out."""
    monkeypatch.setattr(boards_update, "PROOF_S", 1.0)
    boards = [updatable(school, signed, tmp_path / str(n), f"board-{n}") for n in (1, 2, 3, 4)]
    for board in boards[1:]:
        school.saw(board.board)
    boards[1].later = lambda what: None  # it never comes back
    boards[3].leave()
    code, told, error = school.board("update", "--all", "--yes")
    for board in boards:
        board.close()
    assert code == 1 and "board-2 did not come back" in error and error.endswith("Not tried: board-3.")
    assert "board-1 runs 0.2.0 now." in told and "board-4 is left out. It was last heard" in told
    assert [len(board.commands) > 0 for board in boards] == [True, True, False, False]


def test_an_update_is_asked_for_and_can_be_looked_at_first(school, signed, tmp_path):
    """Without a terminal it needs --yes; a dry run sends nothing; a board that is away is one sentence."""
    with updatable(school, signed, tmp_path / "flash") as board:
        code, told, _ = school.board("update", "board-1", "--dry-run")
        assert code == 0 and told.endswith("Nothing was changed.\n") and f"{PROGRAM.size} bytes" in told
        code, _, error = school.board("update", "board-1")
        assert code == 2 and "--yes" in error
        assert board.commands == []
        board.leave()
        code, _, error = school.board("update", "board-1", "--yes")
        assert code == 1 and "board-1 is not there. It was last heard" in error


def test_an_answer_of_an_earlier_command_is_not_taken_for_this_one(school):
    """Replies of other ids, ok or not, are passed over."""

    def identify(args):
        board.say("reply", encode_reply("op-0", False, {"code": "expired", "message": ""}))

    with RemoteBoard(school.broker.url, identify=identify) as board:
        assert school.board("identify", "board-1")[0] == 0


@pytest.mark.mosquitto
def test_beside_a_running_system_with_its_own_broker(tmp_path, capsys):
    """`init`, `enroll`, `up`: a board with a claim code gets its own password, and is reached with the operator's."""
    data = ("--data", tmp_path / "data")
    (tmp_path / "school.json").write_text(json.dumps(INVENTORY))
    port = free_port()
    assert campus("init", "--listen", "127.0.0.1", "--port", port, *data, cwd=tmp_path).returncode == 0
    assert campus("inventory", "school.json", *data, cwd=tmp_path).returncode == 0
    code = re.search(
        r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}", campus("board", "enroll", "board-1", *data, cwd=tmp_path).stdout
    )
    up, given = Running("up", "--http", f"127.0.0.1:{free_port()}", *data, cwd=tmp_path), []
    try:
        up.told("Campus Monitor is up")
        told = json.loads((tmp_path / "data" / "run.json").read_text())
        url = f"mqtt://board-1@127.0.0.1:{told['mqtt_port']}"
        with RemoteBoard(
            url, password=code[0].replace("-", ""), credential=lambda args: given.append(args["password"])
        ) as board:
            assert board.refused.wait(20), "the code is still good"
        with RemoteBoard(url, password=given[-1]) as board:
            board.on_desired = tried
            words = [str(word) for word in data]
            assert run(["board", "identify", "board-1", *words]) == 0
            assert run(["board", "configure", "board-1", "--set", "sample_ms=2000", *words]) == 0
            assert "Confirmed: board-1 works with revision 1." in capsys.readouterr().out
            until = time.monotonic() + 10
            while "revision 1 accepted" not in capsys.readouterr().out and time.monotonic() < until:
                assert run(["board", "show", "board-1", *words]) == 0
            assert time.monotonic() < until
        assert up.stop() == 0
    finally:
        up.kill()
    log = up.log.read_text()
    assert given[-1] not in log and "Traceback" not in log

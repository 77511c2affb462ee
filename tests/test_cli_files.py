"""What commands write is whole or not there, and Ctrl-C ends each of them soon."""

import subprocess
from pathlib import Path

import pytest
from cli import CAMPUS, Running, campus, environment, refused

from campus.cli.files import whole
from campus.errors import UsageError
from campus.records import open_records


def test_a_file_appears_when_it_is_complete(tmp_path: Path):
    """A failure leaves the file of before as it was, and nothing beside it."""
    file = tmp_path / "out.csv"
    file.write_text("before")
    with pytest.raises(ZeroDivisionError), whole(file) as part:
        part.write_text("half")
        _ = 1 / 0
    assert [one.read_text() for one in tmp_path.iterdir()] == ["before"]
    with whole(file) as part:
        part.write_text("after")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["after"]


def test_what_cannot_be_written_is_said(tmp_path: Path):
    """A folder, and a folder that is not there."""
    for file in (tmp_path, Path(), tmp_path / "nowhere" / "out.csv"):
        with pytest.raises(UsageError, match="Cannot write"), whole(file) as part:
            part.write_text("")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulate", "--rooms", "1", "--truth", "."], "Cannot write"),
        (["simulate", "--mqtt", "mqtt://127.0.0.1:1"], "is the broker running"),
        (["indicators", "--room", "../../x"], "is not an id"),
        (
            ["export", "readings", "--from", "2026-11-23", "--to", "2026-11-20"],
            "--from 2026-11-23 is not before",
        ),
        (["password"], "no data folder"),
    ],
)
def test_odd_input_is_one_sentence(tmp_path: Path, arguments: list[str], said: str):
    """Nothing is made on the way."""
    assert said in refused(campus(*arguments, cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_numbers(tmp_path: Path):
    """nan, infinity and less than nothing are refused with the option's name."""
    for option, value in (("--days", "nan"), ("--backfill", "inf"), ("--seconds", "-1")):
        done = campus("simulate", option, value, cwd=tmp_path)
        assert done.returncode == 2 and option in done.stderr and "Traceback" not in done.stderr


def test_a_disk_that_is_full_is_said(tmp_path: Path):
    """One sentence, not a traceback; /dev/full is a disk without room."""
    open_records("sqlite", tmp_path).close()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [CAMPUS, "export", "readings", "--data", tmp_path],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "no room left" in refused(done)


def test_a_password_may_be_piped(tmp_path: Path):
    """The first line of the input; no prompt, no warning about a terminal."""
    open_records("sqlite", tmp_path).close()

    def piped(text: str) -> subprocess.CompletedProcess:
        command = [CAMPUS, "password", "--data", tmp_path]
        return subprocess.run(command, env=environment(), input=text, capture_output=True, text=True)

    done = piped("Mật khẩu đủ dài\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "The password of admin is changed.\n", "")
    assert "10 to 1024" in refused(piped("short\n"))
    assert "10 to 1024" in refused(piped(""))
    with open_records("sqlite", tmp_path) as records:
        assert records.sign_in("admin", "Mật khẩu đủ dài") is not None


def test_ctrl_c_ends_a_backfill(tmp_path: Path):
    """While a year is being sent: with 130 and without a word."""
    demo = Running("demo", "--data", "d", "--http", "127.0.0.1:0", "--days", 0, "--rooms", 2, cwd=tmp_path)
    try:
        demo.told("Ctrl-C stops it")
        (tmp_path / "sender").mkdir()
        sender = Running(
            "simulate", "--data", tmp_path / "d", "--rooms", 2, "--backfill", 300, cwd=tmp_path / "sender"
        )
        with pytest.raises(subprocess.TimeoutExpired):
            sender.process.wait(4)
        assert sender.stop() == 130
        assert "Traceback" not in sender.log.read_text()
    finally:
        demo.stop()

"""One owner per data folder, and how the others find it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from campus.cli.running import Api, DataFolder, Running, running
from campus.errors import StoreError, UsageError

HOLD = """
import sys
from pathlib import Path
from campus.cli.running import DataFolder
folder = DataFolder(Path(sys.argv[1])); folder.claim(); folder.announce("http://127.0.0.1:9", None, "t")
print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_owns_the_folder(tmp_path: Path, holder: subprocess.Popen):
    """The sentence names the process, where it answers, and the ways out."""
    with pytest.raises(UsageError, match=rf"process {holder.pid} .*http://127.0.0.1:9.*--data.*server store"):
        DataFolder(tmp_path).claim()


def test_a_crash_leaves_no_owner(tmp_path: Path, holder: subprocess.Popen):
    """run.json of a killed process does not count, and the folder can be claimed again."""
    assert running(tmp_path)
    holder.kill()
    holder.wait()
    assert (tmp_path / "run.json").exists()
    assert running(tmp_path) is None
    folder = DataFolder(tmp_path)
    folder.claim()
    folder.release()


def test_the_announcement_is_private_and_gone_afterwards(tmp_path: Path):
    """The token in it is readable by its owner only, and the file is removed at the end."""
    folder = DataFolder(tmp_path)
    folder.claim()
    folder.announce("http://127.0.0.1:1", 1883, "secret")
    assert (tmp_path / "run.json").stat().st_mode & 0o077 == 0
    assert running(tmp_path) == Running(os.getpid(), "http://127.0.0.1:1", "secret", 1883)
    folder.release()
    assert not (tmp_path / "run.json").exists()


def test_an_unwritable_folder_is_one_sentence():
    """A folder that cannot be made, here in /proc where not even root can, is refused before anything is opened."""
    with pytest.raises(StoreError, match="cannot be used"):
        DataFolder(Path("/proc/self/campus")).claim()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path):
    """A path that is a file is refused, whoever asks."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        DataFolder(tmp_path / "data").claim()


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"pid": 1})])
def test_a_spoilt_announcement_counts_as_none(tmp_path: Path, text: str):
    """A half-written run.json never breaks a command."""
    (tmp_path / "run.json").write_text(text)
    assert running(tmp_path) is None


def test_an_owner_without_api_is_explained():
    """A collector alone cannot answer reads, and the sentence says what can."""
    with pytest.raises(UsageError, match="campus up"):
        Api(Running(1, None, "t", None))

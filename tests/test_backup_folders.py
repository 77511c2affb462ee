"""A folder is restored whole or not at all: refused while in use, moved aside when there, and through kills."""

import ctypes
import errno
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from backup_school import School, messages, restore
from cli import CAMPUS, environment

from campus.cli import folders
from campus.cli.app import run
from campus.cli.archive import read
from campus.cli.running import DataFolder
from campus.records import open_records


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two archives, `old.tar.gz` and `new.tar.gz`, of two moments of the folder `school`, which is as at the second."""
    folder = tmp_path_factory.mktemp("made")
    with School(folder / "school") as school:
        (folder / "school" / "broker").mkdir()
        (folder / "school" / "broker" / "ca.key").write_text("key")
        (folder / "school" / "broker" / "big.bin").write_bytes(random.Random(1).randbytes(3_000_000))
        school.take(messages()[:30]).project()
        school.backup(folder / "old.tar.gz")
        school.take(messages()[30:60]).project()
        school.backup(folder / "new.tar.gz")
    return folder


@pytest.fixture
def data(made, tmp_path):
    shutil.copytree(made / "school", tmp_path / "data")
    return tmp_path / "data"


def batches(data):
    """Which of the two moments a whole folder is of."""
    with School(data) as school:
        assert len(school.rows()) == school.telemetry.cursor() * 20
        assert (data / "broker" / "ca.key").read_text() == "key"
        assert (data / "broker" / "big.bin").stat().st_size == 3_000_000
        return school.telemetry.cursor()


def beside(data):
    return sorted(path.name for path in data.parent.iterdir())


def test_a_missing_or_empty_folder_is_made(made, tmp_path, capsys):
    """Also with its parents, or where only a lock lies; nobody else may read it."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "lock").touch()
    for name in ("a/b/data", "empty"):
        assert restore(made / "old.tar.gz", "--data", tmp_path / name) == 0
        assert "folder of before" not in capsys.readouterr().out
        assert batches(tmp_path / name) == 30
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
        for path in (tmp_path / name / "broker").iterdir():
            assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty"]


def test_data_that_is_there_is_replaced_only_when_told_and_can_be_had_back(made, data, capsys):
    """Refused; shown by a dry run; then moved aside under a name that is told: moving it back is the undo."""
    assert restore(made / "old.tar.gz", "--data", data) == 2
    assert "--replace" in capsys.readouterr().err
    assert restore(made / "old.tar.gz", "--data", data, "--replace", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "end at batch 30" in told and "Nothing was changed" in told and "before-restore" in told
    assert beside(data) == ["data"] and batches(data) == 60
    assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
    (aside,) = data.parent.glob("data.before-restore-*")
    assert str(aside) in capsys.readouterr().out
    assert batches(data) == 30 and batches(aside) == 60
    shutil.rmtree(data)
    aside.rename(data)
    assert batches(data) == 60 and beside(data) == ["data"]


def test_folders_of_before_are_all_kept(made, data):
    """Also of restores within one second, and where the old one cannot get its name."""
    for _ in range(3):
        assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
    assert sorted(map(batches, data.parent.glob("data.before-restore-*"))) == [30, 30, 60]


def test_an_old_folder_that_cannot_be_renamed_is_kept_all_the_same(made, data, monkeypatch, capsys):
    """It stays under the name it was exchanged to, which is told."""

    def refused(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folders.Path, "rename", refused)
    assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
    (aside,) = data.parent.glob("data.restoring-*")
    assert f"The folder of before is {aside}" in capsys.readouterr().out
    assert batches(data) == 30 and batches(aside) == 60


def test_a_folder_in_use_is_left_alone(made, data, capsys):
    """By a process that runs on it."""
    owner = DataFolder(data)
    owner.claim()
    try:
        assert restore(made / "old.tar.gz", "--data", data, "--replace") == 2
        assert "is in use" in capsys.readouterr().err
    finally:
        owner.release()
    assert beside(data) == ["data"] and batches(data) == 60


def test_a_file_system_that_cannot_exchange_folders_is_good_enough(made, data, monkeypatch):
    """Two renames then."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
    (aside,) = data.parent.glob("data.before-restore-*")
    assert batches(data) == 30 and batches(aside) == 60


def test_what_was_only_shown_or_refused_leaves_no_folder(made, tmp_path):
    """Neither the one that is named nor those above it."""
    assert restore(made / "old.tar.gz", "--data", tmp_path / "a" / "b" / "data", "--dry-run") == 0
    other = ("--telemetry", "influxdb://127.0.0.1:9/x")
    assert restore(made / "old.tar.gz", "--data", tmp_path / "a" / "b" / "data", *other) == 2
    assert not list(tmp_path.iterdir())


def test_a_link_to_a_folder_stays_a_link(made, data):
    """What it leads to is restored."""
    link = data.with_name("link")
    link.symlink_to(data)
    assert restore(made / "old.tar.gz", "--data", link, "--replace") == 0
    assert link.is_symlink() and batches(link) == 30


KILLED = """
import os, signal, sys
from campus.cli import folders
from campus.cli.app import run
from campus.cli.archive import read
from campus.cli.app import run
kind, name = sys.argv[1].split()
real = getattr(folders, name, None) or getattr(folders.Path, name)
def killed(*arguments):
    if kind == "after":
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
if hasattr(folders, name):
    setattr(folders, name, killed)
else:
    setattr(folders.Path, name, killed)
run(["restore", *sys.argv[2:]])
"""


@pytest.mark.parametrize("moment", ["before _protect", "before _exchange", "after _exchange", "after rename"])
def test_killed_around_the_exchange_the_folder_is_the_old_or_the_new(made, data, capsys, moment):
    """At each step that changes a name: whole, the old one kept, and a second restore ends it."""
    command = [sys.executable, "-c", KILLED, moment, made / "old.tar.gz", "--data", data, "--replace"]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    new = moment.startswith("after")
    assert batches(data) == (30 if new else 60)
    if new:
        (aside,) = data.parent.glob("data.*")
        assert batches(aside) == 60
    assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
    assert ("half way" in capsys.readouterr().out) == ("_exchange" in moment)
    assert batches(data) == 30
    assert [batches(path) for path in data.parent.glob("data.before-restore-*")].count(60) == 1 or new
    assert not list(data.parent.glob(f"data.restoring-*/{folders.UNFINISHED}"))


def test_control_two_renames_leave_no_folder_when_killed_between(made, data):
    """What the exchange is for: with the defect put back, there is neither the old folder nor the new one."""
    code = KILLED.replace("import os,", "import ctypes, os,").replace(
        "kind, name", "ctypes.CDLL = lambda *_, **__: object()\nkind, name"
    )
    command = [sys.executable, "-c", code, "after rename", made / "old.tar.gz", "--data", data, "--replace"]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    assert not data.exists()


def test_killed_at_any_moment_the_folder_is_the_old_or_the_new(made, data):
    """Six kills over the length of a restore; what they leave beside it is cleared by the next."""
    command = [CAMPUS, "restore", made / "old.tar.gz", "--data", data, "--replace"]
    began = time.monotonic()
    assert subprocess.run(command, capture_output=True, env=environment()).returncode == 0
    took, chance = time.monotonic() - began, random.Random(4)
    assert batches(data) == 30
    command[2] = made / "new.tar.gz"
    for _ in range(6):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(took * chance.uniform(0.3, 1.1))
        process.kill()
        process.wait()
        if batches(data) == 60:  # it came through
            assert restore(made / "old.tar.gz", "--data", data, "--replace") == 0
        assert batches(data) == 30
    assert restore(made / "new.tar.gz", "--data", data, "--replace") == 0
    assert batches(data) == 60
    assert not list(data.parent.glob(f"data.restoring-*/{folders.UNFINISHED}"))


@pytest.mark.postgresql
def test_records_go_to_a_server_and_come_back_from_it(made, tmp_path, postgresql, capsys):
    """An archive of either kind restores to either; records that are replaced are kept beside the old folder."""
    url, data = postgresql.database(), tmp_path / "data"
    assert restore(made / "old.tar.gz", "--data", data, "--records", url) == 0
    assert not (data / "records.sqlite").exists()
    with open_records("sqlite", made / "school") as there, open_records(url, data) as here:
        assert here.rooms("school") == there.rooms("school") != []
        here.ensure_admin()
    (data / "broker.secret").write_text("5ec2e7")
    assert run(["backup", str(tmp_path / "p.tar.gz"), "--data", str(data), "--records", url]) == 0
    assert read(tmp_path / "p.tar.gz").records == "postgresql"
    assert restore(tmp_path / "p.tar.gz", "--data", tmp_path / "again") == 0
    assert "--records sqlite" in capsys.readouterr().out
    with open_records("sqlite", tmp_path / "again") as here:
        assert here.ensure_admin() is None and len(here.rooms("school")) == 1

    capsys.readouterr()
    command = (made / "new.tar.gz", "--data", tmp_path / "third", "--records", url)
    assert restore(*command) == 2
    assert "--replace" in capsys.readouterr().err and not (tmp_path / "third").exists()
    assert restore(*command, "--replace", "--dry-run") == 0
    assert "records database is filled" in capsys.readouterr().out and not (tmp_path / "third").exists()
    assert restore(*command, "--replace") == 0
    with open_records(url, data) as here:
        assert here.ensure_admin() is not None
    (aside,) = tmp_path.glob("third.before-restore-*")
    with open_records("sqlite", aside / "records-before-restore") as before:
        assert before.ensure_admin() is None


def test_copies_of_a_process_that_was_killed_are_cleared_by_the_next(made, data, tmp_path):
    """They lie in the data folder, under a name of their own, and no backup takes them in."""
    code = (
        "import os, sys; from campus.cli import copies; from campus.cli.app import run\n"
        "copies._described = lambda *_: os.kill(os.getpid(), 9)\n"
        "run(['backup', 'b.tar.gz', '--data', 'data'])"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == -signal.SIGKILL
    assert len(list(data.glob(".backup-*"))) == 1
    assert run(["backup", str(tmp_path / "b.tar.gz"), "--data", str(data)]) == 0
    assert not list(data.glob(".backup-*"))
    assert [one.name for one in read(tmp_path / "b.tar.gz").files if "backup" in one.name] == []


def test_a_collector_without_an_api_is_to_be_stopped_first(data, tmp_path, capsys):
    """Its copies would not fit together from outside."""
    owner = DataFolder(data)
    owner.claim()
    owner.announce(None, None, "token")
    try:
        assert run(["backup", str(tmp_path / "b.tar.gz"), "--data", str(data)]) == 2
    finally:
        owner.release()
    assert "stop it for the backup" in capsys.readouterr().err and not (tmp_path / "b.tar.gz").exists()

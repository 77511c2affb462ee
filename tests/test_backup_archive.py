"""Archives that are damaged, hostile or of another time are refused in one sentence, and nothing is touched."""

import contextlib
import gzip
import io
import json
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest
from backup_school import School, messages, restore
from cli import CAMPUS, campus, environment, refused

from campus.cli import archive
from campus.cli.app import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a good archive `b.tar.gz`, what it holds in `held`, and the school it is of."""
    folder = tmp_path_factory.mktemp("made")
    with School(folder / "school") as school:
        (folder / "school" / "broker.secret").write_text("5ec2e7\n")
        for name in ("ca.key", "persistence/mosquitto.db", "lock", "mosquitto.conf"):
            path = folder / "school" / "broker" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        for name in ("run.json", "up.log"):
            (folder / "school" / name).write_text("{}")
        school.take(messages()[:50]).project()
        school.backup(folder / "b.tar.gz")
    (folder / "held").mkdir()
    with tarfile.open(folder / "b.tar.gz") as tar:
        tar.extractall(folder / "held", filter="data")
    return folder


@pytest.fixture
def target(tmp_path):
    """A data folder that holds something, to be left alone."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "records.sqlite").write_text("what is there")
    return data


def untouched(target, *also):
    held = {path.name: path.read_text() for path in target.iterdir() if path.name != "lock"}
    beside = sorted(path.name for path in target.parent.iterdir())
    return held == {"records.sqlite": "what is there"} and beside == sorted(["data", *also])


def refusal(capsys, *arguments):
    """The one sentence of a restore that is refused."""
    assert restore(*arguments) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("campus: ") and line.endswith(".")
    return line


def test_any_tar_reads_it_and_only_its_owner_may(made):
    """The manifest first, then what a server needs; nothing of this run, and no file of another."""
    with tarfile.open(made / "b.tar.gz") as tar:
        names = tar.getnames()
    assert names == [
        "manifest.json", "broker/ca.key", "broker/persistence/mosquitto.db", "broker.secret",
        "journal.sqlite", "records.sqlite", "telemetry.duckdb",
    ]  # fmt: skip
    told = json.loads((made / "held" / "manifest.json").read_text())
    assert (told["format"], told["records"], told["telemetry"], told["cursor"]) == (2, "sqlite", "duckdb", 50)
    assert [one["name"] for one in told["files"]] == names[1:]
    assert (made / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    assert not list(made.glob("*.part")) and not list((made / "school").glob(".backup-*"))


def test_an_archive_cut_short_anywhere_is_refused(made, target, tmp_path, capsys):
    """Also one byte before its end."""
    whole = (made / "b.tar.gz").read_bytes()
    file = tmp_path / "b.tar.gz"
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        file.write_bytes(whole[:size])
        line = refusal(capsys, file, "--data", target, "--replace")
        assert "cut short" in line or "no backup" in line
        assert untouched(target, "b.tar.gz")


def decompressed(spoilt):
    with contextlib.suppress(OSError, EOFError, zlib.error):
        return gzip.decompress(bytes(spoilt))
    return None


def test_a_flipped_bit_anywhere_is_found(made, target, tmp_path, capsys):
    """Of the compressed bytes, and of each file in it though the compression is whole."""
    whole, chance = (made / "b.tar.gz").read_bytes(), random.Random(5)
    plain, harmless = gzip.decompress(whole), 0
    file = tmp_path / "b.tar.gz"
    for at in (10, len(whole) - 1, *(chance.randrange(10, len(whole)) for _ in range(25))):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << chance.randrange(8)
        if decompressed(spoilt) == plain:  # such as zeros that are now copied from other zeros
            harmless += 1
            continue
        file.write_bytes(spoilt)
        refusal(capsys, file, "--data", target, "--replace")
    assert harmless < 5
    for name in ("broker/ca.key", "journal.sqlite", "records.sqlite", "telemetry.duckdb"):
        spoilt = bytearray(plain)
        spoilt[plain.index(name.encode() + b"\0") + 512 + 3] ^= 4
        file.write_bytes(gzip.compress(bytes(spoilt), 1))
        assert "damaged" in refusal(capsys, file, "--data", target, "--replace")
    assert untouched(target, "b.tar.gz")


def test_what_is_no_backup_is_refused(made, target, tmp_path, capsys):
    """A file that is not there, a folder, a text, a gzip, a tar of something else."""
    (tmp_path / "text.tar.gz").write_text("hello " * 1000)
    (tmp_path / "gzip.tar.gz").write_bytes(gzip.compress(b"hello " * 1000))
    with tarfile.open(tmp_path / "tar.tar.gz", "w:gz") as tar:
        tar.add(made / "held" / "broker.secret", "broker.secret")
    names = ["text.tar.gz", "gzip.tar.gz", "tar.tar.gz"]
    for name in names:
        assert "is no backup of Campus Monitor" in refusal(
            capsys, tmp_path / name, "--data", target, "--replace"
        )
    assert "No such file" in refusal(capsys, tmp_path / "nothing", "--data", target, "--replace")
    assert "Is a directory" in refusal(capsys, made, "--data", target, "--replace")
    assert untouched(target, *names)


def rebuilt(made, file, change=lambda told: None, members=lambda name, info: info, extra=()):
    """The good archive, packed by tarfile after `change(manifest)`; `members` alters headers, `extra` adds more."""
    told = json.loads((made / "held" / "manifest.json").read_text())
    change(told)
    with tarfile.open(file, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        text = json.dumps(told).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
        for one in json.loads((made / "held" / "manifest.json").read_text())["files"]:
            info = tarfile.TarInfo(one["name"])
            info.size = one["size"]
            info = members(one["name"], info)
            with (made / "held" / one["name"]).open("rb") as content:
                tar.addfile(info, content if info.isreg() else None)
        for info, content in extra:
            tar.addfile(info, io.BytesIO(content))
    return file


def test_the_archive_packed_by_tar_is_taken(made, tmp_path):
    """The control of the next test: without a trick the same archive is good."""
    assert restore(rebuilt(made, tmp_path / "b.tar.gz"), "--data", tmp_path / "new") == 0
    assert (tmp_path / "new" / "broker" / "ca.key").read_text() == "ca.key"


def renamed(name):
    """Manifest and member under another name, in place of the secret."""

    def change(told):
        next(one for one in told["files"] if one["name"] == "broker.secret")["name"] = name

    def members(given, info):
        info.name = name if given == "broker.secret" else given
        return info

    return {"change": change, "members": members}


def linked(kind, to):
    def members(name, info):
        if name == "broker.secret":
            info.type, info.linkname, info.size = kind, to, 0
        return info

    return {"members": members}


def added(name, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, 1
    return {"extra": [(info, b"x")]}


HOSTILE = {
    "absolute": renamed("/tmp/c-evil"),
    "upwards": renamed("broker/../../evil"),
    "upwards at once": renamed("../evil"),
    "hidden": renamed("broker/.evil"),
    "another folder": renamed("etc/evil"),
    "what says who runs": renamed("run.json"),
    "no name": renamed(""),
    "a line end": renamed("broker/a\nb"),
    "a backslash": renamed("broker\\evil"),
    "a name that is long": renamed("broker/" + "x" * 90),
    "the same twice": renamed("journal.sqlite"),
    "a link": linked(tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": linked(tarfile.LNKTYPE, "journal.sqlite"),
    "a device": linked(tarfile.CHRTYPE, ""),
    "a pipe": linked(tarfile.FIFOTYPE, ""),
    "a folder": linked(tarfile.DIRTYPE, ""),
    "a sparse file": linked(tarfile.GNUTYPE_SPARSE, ""),
    "one more": added("broker/evil"),
    "one more, upwards": added("../../evil"),
    "a size below zero": {"change": lambda told: told["files"][0].update(size=-1)},
    "another size": {"change": lambda told: told["files"][0].update(size=2**60)},
    "another hash": {"change": lambda told: told["files"][0].update(sha256="0" * 64)},
    "no hash": {"change": lambda told: told["files"][0].update(sha256=None)},
    "no files": {"change": lambda told: told.update(files=None)},
    "fewer files": {"change": lambda told: told["files"].pop()},
    "a list": {"change": lambda told: told.update(format=[1])},
    "no time": {"change": lambda told: told.update(made_at="\x1b[2J")},
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_hostile_archives_write_nothing(made, target, tmp_path, capsys, trick):
    """Odd names, links, devices, members that the manifest does not tell of, a manifest that lies."""
    file = rebuilt(made, tmp_path / "b.tar.gz", **HOSTILE[trick])
    line = refusal(capsys, file, "--data", target, "--replace")
    assert "damaged" in line or "no backup" in line
    assert untouched(target, "b.tar.gz") and not Path("/tmp/c-evil").exists()


def test_a_manifest_that_never_ends_is_not_read(made, target, tmp_path, capsys):
    """1 GiB of blanks in 1 MiB."""
    info = tarfile.TarInfo("manifest.json")
    info.size = 2**30
    with gzip.open(tmp_path / "b.tar.gz", "wb", 1) as packed:
        packed.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            packed.write(b" " * 2**20)
    assert "no backup" in refusal(capsys, tmp_path / "b.tar.gz", "--data", target, "--replace")


def test_what_would_not_fit_is_not_unpacked(made, target, tmp_path, capsys, monkeypatch):
    """The manifest tells the size beforehand."""
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert "make room" in refusal(capsys, made / "b.tar.gz", "--data", target, "--replace")
    assert untouched(target)


def test_a_newer_format_is_refused(made, target, tmp_path, capsys):
    """Whatever else its manifest says."""
    file = rebuilt(made, tmp_path / "b.tar.gz", lambda told: (told.update(format=3), told.pop("files")))
    assert "newer version" in refusal(capsys, file, "--data", target, "--replace")


@pytest.mark.parametrize("name", ["records.sqlite", "telemetry.duckdb", "journal.sqlite"])
def test_a_database_that_does_not_open_is_found_though_its_hash_is_right(
    made, target, tmp_path, capsys, name
):
    """A check opens each; so does a restore, before the folder is exchanged."""
    (folder := tmp_path / "held").mkdir()
    shutil.copytree(made / "held", folder, dirs_exist_ok=True)
    spoilt = bytearray((folder / name).read_bytes())
    spoilt[4096:12288] = bytes(8192)
    (folder / name).write_bytes(spoilt)
    manifest = archive.Manifest.decode((folder / "manifest.json").read_bytes())
    files = [(folder / one.name).open("rb") for one in manifest.files]
    told = json.loads(manifest.encode())
    for one, file in zip(told["files"], files, strict=True):
        one["sha256"] = archive.hash_of(file)
    file = tmp_path / "b.tar.gz"
    archive.write(file, archive.stream(archive.Manifest.decode(json.dumps(told).encode()), files))
    assert run(["backup", "--check", str(file)]) in (1, 2)
    assert "is no good" in capsys.readouterr().err
    assert "is no good" in refusal(capsys, file, "--data", target, "--replace")
    assert untouched(target, "b.tar.gz", "held")


def test_a_check_says_what_a_backup_holds(made, capsys):
    """Without writing anything beside it."""
    assert run(["backup", "--check", str(made / "b.tar.gz")]) == 0
    told = capsys.readouterr().out
    assert "is whole" in told and "readings up to batch 50, 0 batches after it" in told and "keys" in told


def test_a_backup_onto_a_full_disk_leaves_no_file(made, tmp_path):
    """The disk takes 20 KB: one sentence, and neither the file nor a part of it; a file that was there stays."""
    (tmp_path / "old.tar.gz").write_text("the backup of yesterday")
    shutil.copytree(made / "school", tmp_path / "school")

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    code = (
        "import sys; from campus.cli import archive; from campus.cli.app import run\n"
        "from contextlib import nullcontext; from campus.cli import backup\n"
        "import os; pieces = [os.urandom(10_000) for _ in range(9)]\n"
        "backup._directly = lambda settings: nullcontext((90_000, iter(pieces)))\n"
        "sys.exit(run(['backup', sys.argv[1], '--data', 'school']))"
    )
    for name in ("new.tar.gz", "old.tar.gz"):
        done = subprocess.run(
            [sys.executable, "-c", code, name], cwd=tmp_path, preexec_fn=small, capture_output=True, text=True
        )
        assert "No backup was made" in refused(done)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.tar.gz", "school"]
    assert (tmp_path / "old.tar.gz").read_text() == "the backup of yesterday"


def test_a_disk_that_fills_up_under_the_copies_is_told(made, tmp_path):
    """What was copied so far is gone, and so is the archive."""
    shutil.copytree(made / "school", tmp_path / "school")
    (tmp_path / "school" / "broker" / "persistence" / "mosquitto.db").write_bytes(bytes(3_000_000))
    done = subprocess.run(
        [CAMPUS, "backup", "b.tar.gz", "--data", "school"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000)),
    )  # fmt: skip
    assert "cannot be copied" in refused(done)
    assert [path.name for path in tmp_path.iterdir()] == ["school"]
    assert not list((tmp_path / "school").glob(".backup-*"))


def test_a_backup_without_room_for_the_copies_is_refused(made, tmp_path, capsys, monkeypatch):
    """The copies lie beside the stores for a while, and the collector's disk is not to fill up by that."""
    full = shutil.disk_usage("/")._replace(free=130_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    shutil.copytree(made / "school", tmp_path / "school")
    assert run(["backup", str(tmp_path / "b.tar.gz"), "--data", str(tmp_path / "school")]) == 1
    assert "make room" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["school"]


def test_an_empty_folder_has_no_backup(tmp_path, capsys):
    """A mistyped --data is not backed up night for night."""
    assert run(["backup", str(tmp_path / "b.tar.gz"), "--data", str(tmp_path / "nothing")]) == 2
    assert "--data" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_name_is_found_for_the_file(made, tmp_path):
    """In the current folder, or in the one that is named: the data folder's name and the time."""
    shutil.copytree(made / "school", tmp_path / "school")
    (tmp_path / "usb").mkdir()
    for place in ([], ["usb"]):
        done = campus("backup", *place, "--data", "school", cwd=tmp_path)
        assert done.returncode == 0 and done.stderr == "" and "every secret" in done.stdout, done
    for folder in (tmp_path, tmp_path / "usb"):
        (file,) = folder.glob("school-20??????-??????Z.tar.gz")
        assert archive.read(file).cursor == 50

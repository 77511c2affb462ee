"""Photos and documents of equipment in a backup: with the records that name them, whole, and nothing else."""

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest
from backup_school import School, restore

from campus.cli import archive, contents, copies
from campus.cli.app import run
from campus.records import open_records

PHOTO, MANUAL = b"\xff\xd8\xff a photo", b"%PDF-1.7 a manual " + bytes(range(256)) * 40
SITE, PIECE = "school", "projector-1"
NOW = datetime(2026, 9, 24, 3, tzinfo=UTC)


@pytest.fixture
def school(tmp_path):
    """A school with a projector, its photo and its manual."""
    with School(tmp_path / "school") as school:
        school.records.create_equipment(SITE, {"id": PIECE, "name": "Projector", "kind": "projector"}, "lan")
        for name, content in (("a.jpg", PHOTO), ("b.pdf", MANUAL)):
            school.records.attach(SITE, PIECE, name, content, "lan")
        yield school


def held(data):
    """name -> content of each file of the piece; None: it is gone or damaged."""
    with open_records("sqlite", data) as records:
        return {one.name: content(records, one) for one in records.attachments(SITE, PIECE)}


def content(records, one):
    try:
        return records.attachment(SITE, one.number)[1]
    except Exception:
        return None


def files(data):
    return [path for path in (data / "attachments").rglob("*") if path.is_file()]


def test_photos_and_documents_come_back(school, tmp_path, capsys):
    """Each content is what it was, readable by its owner only; any tar unpacks it."""
    manifest = school.backup(tmp_path / "b.tar.gz")
    assert (manifest.lacking, manifest.format) == (0, 2)
    assert run(["backup", "--check", str(tmp_path / "b.tar.gz")]) == 0
    assert "records, photos and documents, no" not in (told := capsys.readouterr().out)
    assert "records, photos and documents, readings" in told
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert held(tmp_path / "new") == {"a.jpg": PHOTO, "b.pdf": MANUAL}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files(tmp_path / "new"))
    assert not list((tmp_path / "new").glob("attachments*.tar")) and not list(
        (tmp_path / "new").glob("*-held")
    )
    with (
        tarfile.open(tmp_path / "b.tar.gz") as outer,
        tarfile.open(fileobj=io.BytesIO(outer.extractfile("attachments.tar").read())) as inner,
    ):
        assert sorted(inner.extractfile(one).read() for one in inner) == sorted([PHOTO, MANUAL])


def test_the_contents_are_held_over_a_restore_into_a_server(school, tmp_path, postgresql):
    """Records that go to PostgreSQL have their files in the data folder all the same."""
    school.backup(tmp_path / "b.tar.gz")
    url = postgresql.database()
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new", "--records", url) == 0
    with open_records(url, tmp_path / "new") as records:
        found = {
            one.name: records.attachment(SITE, one.number)[1] for one in records.attachments(SITE, PIECE)
        }
    assert found == {"a.jpg": PHOTO, "b.pdf": MANUAL}


def changing(school, monkeypatch, before, after):
    """People remove and add files while the records are copied."""
    snapshot = school.records.snapshot

    def busy(folder):
        before()
        snapshot(folder)
        after()

    monkeypatch.setattr(school.records, "snapshot", busy)


def busy_people(school, monkeypatch):
    """One file comes just before the copy of the records, one goes right after it."""
    number = school.records.attachments(SITE, PIECE)[0].number
    changing(
        school,
        monkeypatch,
        lambda: school.records.attach(SITE, PIECE, "c.jpg", PHOTO + b" more", "lan"),
        lambda: school.records.remove_attachment(SITE, number),
    )


def test_what_changes_meanwhile_is_as_at_the_copy_of_the_records(school, tmp_path, monkeypatch):
    """The file that is gone by now is in it with its row, and so is the new one."""
    busy_people(school, monkeypatch)
    assert school.backup(tmp_path / "b.tar.gz").lacking == 0
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert held(tmp_path / "new") == {"a.jpg": PHOTO, "b.pdf": MANUAL, "c.jpg": PHOTO + b" more"}
    assert held(tmp_path / "school") == {"b.pdf": MANUAL, "c.jpg": PHOTO + b" more"}


@pytest.mark.parametrize("turn", [0, 1])
def test_holding_them_once_only_would_be_noticed(school, tmp_path, monkeypatch, turn):
    """The control: without the first or the second look at the folder, one of the two is lost."""
    busy_people(school, monkeypatch)
    hold, turns = contents.hold, iter(range(2))
    monkeypatch.setattr(contents, "hold", lambda *given: next(turns) == turn or hold(*given))
    assert school.backup(tmp_path / "b.tar.gz").lacking == 1


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"spoilt")])
def test_a_content_that_the_server_lost_is_told_and_the_rest_is_kept(school, tmp_path, capsys, spoil):
    """The backup is made all the same, says it, and can be restored."""
    (lost,) = [path for path in files(tmp_path / "school") if path.read_bytes() == PHOTO]
    spoil(lost)
    school.close()
    assert run(["backup", str(tmp_path / "b.tar.gz"), "--data", str(tmp_path / "school")]) == 0
    assert "1 photos or documents were not whole" in capsys.readouterr().out
    assert run(["backup", "--check", str(tmp_path / "b.tar.gz")]) == 0
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert "1 photos or documents that the records name are not in it" in capsys.readouterr().out
    assert held(tmp_path / "new") == {"a.jpg": None, "b.pdf": MANUAL}


def packed(tmp_path, file, change):
    """The archive with `change(attachments.tar as bytes)` in it, of the right size and hash; None: without it."""
    folder = tmp_path / "held"
    folder.mkdir()
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    told = json.loads((folder / "manifest.json").read_text())
    changed = change((folder / "attachments.tar").read_bytes())
    if changed is None:
        told["files"] = [one for one in told["files"] if one["name"] != "attachments.tar"]
    else:
        (folder / "attachments.tar").write_bytes(changed)
    for one in told["files"]:
        with (folder / one["name"]).open("rb") as member:
            one["size"], one["sha256"] = (folder / one["name"]).stat().st_size, archive.hash_of(member)
    manifest = archive.Manifest.decode(json.dumps(told).encode())
    members = [(folder / one.name).open("rb") for one in manifest.files]
    archive.write(file, archive.stream(manifest, members))


def member(name, content=b"x", kind=tarfile.REGTYPE, size=None):
    """A tar of one member."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


TRICKS = {
    "none": lambda tar: None,
    "empty": lambda tar: bytes(1024),
    "no tar": lambda tar: b"hello" * 999,
    "nothing": lambda tar: b"",
    "cut short": lambda tar: tar[:-512],
    "a content less": lambda tar: tar[1024:] if tar[1024:1026].isalnum() else tar[:-2048] + bytes(1024),
    "a content changed": lambda tar: tar.replace(b"a manual", b"a menual"),
    "the same twice": lambda tar: tar[:-1024] * 2 + bytes(1024),
    "a file that no record names": lambda tar: (
        member("2d/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881") + tar
    ),
    "upwards": lambda tar: member("../../c-evil") + tar,
    "absolute": lambda tar: member("/tmp/c-evil") + tar,
    "a link": lambda tar: member(f"aa/{'a' * 64}", b"", tarfile.SYMTYPE) + tar,
    "a folder": lambda tar: member("aa", b"", tarfile.DIRTYPE) + tar,
    "a long name": lambda tar: member("a" * 300) + tar,
    "more than fits": lambda tar: member(f"aa/{'a' * 64}", size=2**40) + tar,
    "something after it": lambda tar: tar + b"x" * 512,
}


@pytest.mark.parametrize("trick", TRICKS)
def test_contents_that_are_not_those_of_the_records_are_refused(school, tmp_path, capsys, trick):
    """Though every hash of the archive is right: one sentence, and nothing is written."""
    file = tmp_path / "b.tar.gz"
    school.backup(file)
    packed(tmp_path, file, TRICKS[trick])
    for asked in (["backup", "--check", file], ["restore", file, "--data", tmp_path / "new"]):
        assert run([*map(str, asked)]) in (1, 2)
        assert "photos and documents" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "held", "school"]


def test_the_archive_packed_anew_is_taken(school, tmp_path):
    """The control of the tricks: without one it is good."""
    school.backup(tmp_path / "b.tar.gz")
    packed(tmp_path, tmp_path / "b.tar.gz", lambda tar: tar)
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert held(tmp_path / "new") == {"a.jpg": PHOTO, "b.pdf": MANUAL}


def test_a_backup_of_an_earlier_version_is_taken_without_them(school, tmp_path, capsys, monkeypatch):
    """Format 1 had none: it is restored, and says how many are not in it."""
    monkeypatch.setattr(contents, "pack", lambda folder: contents.shutil.rmtree(folder / contents.HELD) or 0)
    described = copies.Manifest
    monkeypatch.setattr(copies, "Manifest", lambda **told: described(**told, format=1))
    assert school.backup(tmp_path / "b.tar.gz").format == 1
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert "2 photos or documents that the records name are not in it" in capsys.readouterr().out
    assert held(tmp_path / "new") == {"a.jpg": None, "b.pdf": None}


def topics(data):
    return json.loads((data / "retained.json").read_text())


def test_retained_topics_of_the_backup_and_of_now_are_cleared(school, tmp_path):
    """What was published at any time is known after a restore, so that the next start clears what nobody wants."""
    data = tmp_path / "school"
    (data / "retained.json").write_text('["campus/v1/school/room/room-1/state"]')
    school.backup(tmp_path / "b.tar.gz")
    school.close()
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert topics(tmp_path / "new") == ["campus/v1/school/room/room-1/state"]
    (data / "retained.json").write_text('["campus/v1/school/room/room-2/state"]')
    assert restore(tmp_path / "b.tar.gz", "--data", data, "--replace") == 0
    assert topics(data) == ["campus/v1/school/room/room-1/state", "campus/v1/school/room/room-2/state"]


def test_many_contents_need_no_more_open_files(school, tmp_path):
    """They are one file of the archive, however many."""
    for number in range(40):
        school.records.attach(SITE, PIECE, f"{number}.jpg", PHOTO + bytes([number]), "lan")
    assert len(school.backup(tmp_path / "b.tar.gz").files) == 4
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert None not in held(tmp_path / "new").values() and len(files(tmp_path / "new")) == 42

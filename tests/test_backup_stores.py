"""Copies of three stores that go on meanwhile, brought together again: no batch and no late arrival falls between."""

import shutil
from contextlib import nullcontext

import pytest
from backup_school import DAY, HOUR, MINUTE, START, School, messages, restore

from campus.cli import archive
from campus.wire.lifecycle import encode_birth
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.journal import Journal
from collector.journal_copy import JournalCopy

V1 = "?api=v1"  # of the server that is installed


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The readings of everything at once, and that the facts are those of a recomputation."""
    with School(tmp_path_factory.mktemp("expected")) as school:
        school.take(messages()).project().derive()
        assert school.facts()[1]
        return school.rows(), school.facts_are_right()


def caught_up(folder, left=(), **options):
    """What a restored folder comes to when the journal is projected and `left` has come too: readings, and whether the
    facts are right."""
    with School(folder, **options) as school:
        school.project().take(left).project().derive()
        return school.rows(), school.facts_are_right()


def disturbed(tmp_path, monkeypatch, hold=True):
    """A backup while batches come in, are stored, forgotten and derived from, between each two of its steps.

    Among them some of the first day that come when the second is derived already. Returns (archive, messages left).
    """
    if not hold:
        monkeypatch.setattr(Journal, "holding", lambda self: nullcontext())
    told = messages()
    late, told = told[60:72], told[:60] + told[72:]
    with School(tmp_path / "school", now_ms=START + DAY + 12 * HOUR) as school:
        school.take(told[:150]).project().derive()
        school.take(late).project()  # not yet derived from
        came = iter(range(150, 250, 25))

        def meanwhile():
            at = next(came)
            school.take(told[at : at + 25]).project().derive()

        for store in (school.records, school.telemetry):
            copy = store.snapshot

            def snapshot(target, copy=copy):
                copy(target)
                meanwhile()

            monkeypatch.setattr(store, "snapshot", snapshot)
        manifest = school.backup(tmp_path / "b.tar.gz")
        assert manifest.cursor == 187 and manifest.waiting == (25 if hold else 0)
        return told[200:]


def test_nothing_falls_between_the_copies(tmp_path, monkeypatch, expected, capsys):
    """Restored and brought up to date, readings and facts are those of a run without a backup."""
    left = disturbed(tmp_path, monkeypatch)
    assert restore(tmp_path / "b.tar.gz", "--data", tmp_path / "new") == 0
    assert "25 batches of the journal go in" in capsys.readouterr().out
    assert caught_up(tmp_path / "new", left) == expected


def test_control_without_holding_batches_and_late_arrivals_are_lost(tmp_path, monkeypatch, expected, capsys):
    """With the defect put back, restore finds the hole and refuses; made to go on, it lacks readings and facts."""
    left = disturbed(tmp_path, monkeypatch, hold=False)
    file, new = tmp_path / "b.tar.gz", tmp_path / "new"
    assert restore(file, "--data", new) == 2 and not new.exists()
    assert "25 batches" in (told := capsys.readouterr().err) and "188 to 212" in told
    assert restore(file, "--data", new, "--accept-loss") == 0
    rows, facts = caught_up(new, left)
    assert set(rows) < set(expected[0]) and len(rows) == len(expected[0]) - 25 * 20
    assert facts is not expected[1]


def test_a_journal_that_is_there_brings_an_older_backup_up_to_date(tmp_path, expected, capsys):
    """Older readings and records under the present journal: nothing lost, nothing twice, the facts the same.

    Late arrivals that were derived from after the backup are derived from again. The folder is as a power cut left it.
    """
    data, file, told = tmp_path / "cut", tmp_path / "b.tar.gz", messages()
    late, told = told[60:72], told[:60] + told[72:]
    with School(tmp_path / "school", keep_bytes=2**30, now_ms=START + DAY + 12 * HOUR) as school:
        school.take(told[:150]).project().derive()
        school.take(late).project()
        school.backup(file)
        school.derive().take(told[150:]).project().derive()
        shutil.copytree(school.folder, data)
    assert restore(file, "--data", data, "--replace", "--keep-journal") == 0
    assert "126 batches of the journal go in" in capsys.readouterr().out
    assert caught_up(data) == expected
    (before,) = tmp_path.glob("cut.before-restore-*")
    assert caught_up(before) == expected  # the undo: all of it


def test_control_without_the_marks_of_the_backup_late_arrivals_are_not_derived_from(
    tmp_path, monkeypatch, expected
):
    """With the defect put back the readings are all there, and the facts of the first day are not."""
    monkeypatch.setattr(JournalCopy, "take_late", lambda *_: None)
    data, file, told = tmp_path / "school", tmp_path / "b.tar.gz", messages()
    late, told = told[60:72], told[:60] + told[72:]
    with School(data, keep_bytes=2**30, now_ms=START + DAY + 12 * HOUR) as school:
        school.take(told[:150]).project().derive()
        school.take(late).project()
        school.backup(file)
        school.derive().take(told[150:]).project().derive()
    assert restore(file, "--data", data, "--replace", "--keep-journal") == 0
    rows, facts = caught_up(data)
    assert rows == expected[0] and facts is not expected[1]


def test_batches_that_the_kept_journal_lacks_are_named_and_refused(tmp_path, capsys):
    """It kept too little since the backup: how many are gone, and which; the folder is as it was."""
    data, file, told = tmp_path / "school", tmp_path / "b.tar.gz", messages()
    with School(data) as school:
        school.take(told[:100]).project()
        school.backup(file)
        school.take(told[100:200]).project().take(told[200:210])
        rows = school.rows()
    assert restore(file, "--data", data, "--replace", "--keep-journal") == 2
    assert "100 batches are in neither" in (error := capsys.readouterr().err) and "101 to 200" in error
    with School(data) as school:
        assert school.rows() == rows
    assert restore(file, "--data", data, "--replace", "--keep-journal", "--accept-loss") == 0
    with School(data) as school:
        assert len(school.project().rows()) == 110 * 20


def test_readings_that_got_their_time_after_the_backup_stand_there_once(tmp_path):
    """A boot whose clock is set between backup and restore: at the time that was told, not at the estimated one too."""
    data, file = tmp_path / "school", tmp_path / "b.tar.gz"
    up = [
        (
            board_topic("school", "board-1", "telemetry"),
            encode(
                Telemetry("aa00000000000001", n, 0, n * MINUTE, "up", ["co2_ppm"], [[0, 0, 500 + n]], None)
            ),
        )
        for n in range(30)
    ]
    born = encode_birth(
        "aa00000000000001", "1", "esp32", "power_on", "ntp", {"co2_ppm": {"unit": "ppm"}}, START
    )
    with School(data, keep_bytes=2**30) as school:
        school.take(up[:10]).project()
        school.backup(file)
        school.take(up[10:20]).project()
        school.take([(board_topic("school", "board-1", "birth"), born), *up[20:]]).project()
        rows = school.rows()
    assert [row[2] for row in rows] == [START + n * MINUTE for n in range(30)]
    assert restore(file, "--data", data, "--replace", "--keep-journal") == 0
    assert caught_up(data)[0] == rows


def test_another_systems_journal_is_not_kept(tmp_path, capsys):
    """Its numbers mean other batches."""
    for name in ("one", "other"):
        with School(tmp_path / name) as school:
            school.take(messages()[:10]).project()
            school.backup(tmp_path / f"{name}.tar.gz")
    command = (tmp_path / "one.tar.gz", "--data", tmp_path / "other", "--replace", "--keep-journal")
    assert restore(*command) == 2
    assert "another system" in capsys.readouterr().err


def test_a_backup_holds_no_batch_that_its_readings_have(tmp_path):
    """What the journal keeps of stored batches would be there twice."""
    with School(tmp_path / "school", keep_bytes=2**30) as school:
        school.take(messages()[:200]).project()
        manifest = school.backup(tmp_path / "b.tar.gz")
    (folder := tmp_path / "unpacked").mkdir()
    archive.read(tmp_path / "b.tar.gz", folder)
    journal = JournalCopy(folder / "journal.sqlite")
    assert manifest.cursor == 200 and manifest.waiting == journal.waiting(0) == 0
    assert journal.check().newest == 200 and journal.missing(200) == []
    assert journal.path.stat().st_size < (tmp_path / "school" / "journal.sqlite").stat().st_size / 2


@pytest.mark.influxdb
@pytest.mark.parametrize("doubt", [100 * DAY, 0], ids=["as it is", "control: the journal is not doubted"])
def test_beside_a_server_that_is_ahead_nothing_is_skipped_or_twice(
    tmp_path, influxdb, expected, capsys, monkeypatch, doubt
):
    """InfluxDB went on after the backup: new batches get numbers above its cursor, what boards send again changes
    nothing, and what came late meanwhile is derived from."""
    monkeypatch.setattr("campus.cli.restore.DOUBT_MS", doubt)  # this school lives in another month
    url, file, told = influxdb.database() + V1, tmp_path / "b.tar.gz", messages()
    late, told = told[60:72], told[:60] + told[72:]
    with School(tmp_path / "school", url, now_ms=START + DAY + 12 * HOUR) as school:
        school.take(told[:150]).project().derive()
        manifest = school.backup(file)
        assert (
            manifest.cursor == 150
            and not manifest.holds("telemetry.duckdb")
            and "right after" in manifest.beside
        )
        school.take(late).project().take(told[150:200]).project().derive()
    made_at = manifest.made_at
    assert restore(file, "--data", tmp_path / "new", "--telemetry", url) == 0, made_at
    assert "end at batch 212, after the backup" in capsys.readouterr().out
    with School(tmp_path / "new", url) as school:
        school.project().take(told[190:]).project()  # ten of which it has
        assert school.telemetry.cursor() == 212 + len(told[190:])
        assert school.derive().rows() == expected[0]
        assert school.facts_are_right() == bool(doubt)
        assert school.pipeline.intake.ledger.gaps() == 0


@pytest.mark.influxdb
def test_beside_a_server_that_is_behind_missing_batches_are_named(tmp_path, influxdb, expected, capsys):
    """InfluxDB came back from an older backup of its own: the journal's batches go in; those before them are named."""
    file, told = tmp_path / "b.tar.gz", messages()
    with School(tmp_path / "school", influxdb.database() + V1, keep_bytes=2**30) as school:
        school.take(told).project().derive()
        school.backup(file)
    older = influxdb.database() + V1
    with School(tmp_path / "other", older) as school:
        school.take(told[:40]).project()
    assert restore(file, "--data", tmp_path / "new", "--telemetry", older) == 0
    assert f"{len(told) - 40} batches of the journal go in" in capsys.readouterr().out
    assert caught_up(tmp_path / "new", telemetry=older) == expected

    with School(tmp_path / "frugal", url := influxdb.database() + V1) as school:
        school.take(told[:100]).project().take(told[100:110])
        school.backup(file)
    empty = influxdb.database() + V1
    assert restore(file, "--data", tmp_path / "n2", "--telemetry", empty) == 2
    assert "100 batches" in (error := capsys.readouterr().err) and "1 to 100" in error
    assert restore(file, "--data", tmp_path / "n2") == 2
    assert "--telemetry" in capsys.readouterr().err and not (tmp_path / "n2").exists()
    assert restore(file, "--data", tmp_path / "n2", "--telemetry", url) == 0

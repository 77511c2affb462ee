"""`campus timetable` as a person uses it."""

import contextlib
import io
import subprocess

import openpyxl
import pytest
from cli import refused
from timetables import SITE, rows, school

from campus.cli.app import run
from campus.cli.running import DataFolder


def campus(*words, cwd):
    """The program in this process, with `cwd` as its folder; what it printed, as of a process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(word) for word in words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the records of a school, made by the program."""
    folder = tmp_path_factory.mktemp("school")
    inventory = school(("6A", "6B")).model_dump_json(by_alias=True, exclude_unset=True)
    (folder / "school.json").write_text(inventory, encoding="utf-8")
    assert campus("inventory", "school.json", cwd=folder).returncode == 0
    return folder


def ran(place, *words):
    done = campus("timetable", *words, cwd=place)
    assert done.returncode == 0, done
    return done.stdout.splitlines()


def test_a_timetable_goes_in_is_shown_and_comes_out(place):
    """Dry run, import, again, show, export to Excel, and that file in again."""
    (place / "tkb.csv").write_bytes(
        rows("6A,Thứ 2,Sáng,1,Chào cờ,Sen,,", "6A,Thứ 2,Sáng,2,Tin học,Mai,,", "6B,Thứ 3,Sáng,1,Toán,Sen,,A")
    )
    words = ("import", "tkb.csv", SITE, "--from", "2026-09-07")
    dry = ran(place, *words, "--dry-run")
    assert dry[0] == "tkb.csv (csv): 3 activities, 3 lessons of 2 classes, errors: 0."
    assert dry[-1] == "3 changes: nothing written."
    done = ran(place, *words)
    assert done[:-1] == dry[:-1] and done[-1] == "3 changes: written."
    assert ran(place, *words)[-1] == "0 changes: all was there already."
    shown = "\n".join(ran(place, "show", SITE, "--class", "6A", "--on", "2026-10-05"))
    assert "Chào cờ Sen (outside)" in shown and "Tin học Mai tin-1" in shown
    assert "6B" in "\n".join(ran(place, "show", SITE, "--room", "p-6b", "--on", "2026-10-05"))
    ran(place, "export", SITE, "out.xlsx", "--on", "2026-10-05")
    assert openpyxl.load_workbook(place / "out.xlsx").active.max_row == 4
    assert (
        ran(place, "import", "out.xlsx", SITE, "--from", "2026-09-07")[-1]
        == "0 changes: all was there already."
    )


def test_wrong_rows_are_all_shown_and_nothing_is_imported(place):
    """On standard output row by row, bounded; one sentence on standard error; exit code 2."""
    lines = [f"6A,Thứ 9,Sáng,{period},Toán,Sen,," for period in range(1, 4)]
    lines += [f"X{number},Thứ 2,Chiều,1,Toán,Sen,," for number in range(80)]
    (place / "bad.csv").write_bytes(rows(*lines, "6A,Thứ 5,Chiều,1,Múa rối,Sen,,"))
    words = ("timetable", "import", "bad.csv", SITE, "--session", "afternoon", "--from", "2026-09-07")
    done = campus(*words, cwd=place)
    assert refused(done) == "campus: 82 errors in bad.csv: nothing is imported. Correct them and try again."
    told = done.stdout.splitlines()
    assert (
        told[1]
        == "error: row 2, weekday: 'Thứ 9' is not a day; write Thứ 2 to Thứ 7, or CN. Also row 3, row 4."
    )
    assert told[-1] == "... and 32 more lines; --all shows them."
    every = campus(*words, "--dry-run", "--all", cwd=place)
    assert f'campus timetable places {SITE} --set "Múa rối=home-room"' in every.stdout
    assert "nothing would be imported" in refused(every)
    assert ran(place, "show", SITE, "--class", "6A", "--on", "2026-10-05")[-1] != ""


def test_places_are_set_shown_and_removed(place):
    """A wrong one says what is allowed."""
    assert ran(place, "places", SITE, "--set", "Robot=room:tin-1")[-1] == "1 changes."
    assert any("Robot" in line and "room:tin-1" in line for line in ran(place, "places", SITE))
    assert any(
        "tin học" in line.lower() and "default" in line for line in ran(place, "places", SITE, "--all")
    )
    assert "home-room, room:ID" in refused(
        campus("timetable", "places", SITE, "--set", "Robot=yard", cwd=place)
    )
    assert ran(place, "places", SITE, "--remove", "robot")[-1] == "1 changes."


def test_requests_that_cannot_be_done_are_one_sentence(place):
    """A missing file, a format that is not written, no class named, no data folder."""
    ran(place, "template", "empty.xlsx")
    for words, told in [
        (("import", "none.csv", SITE, "--from", "2026-09-07"), "Cannot read"),
        (("import", "empty.xlsx", SITE, "--from", "2026-09-07"), "no lesson to import"),
        (("import", "empty.xlsx", SITE, "--from", "7.9.2026"), "write a date as YYYY-MM-DD"),
        (("import", "empty.xlsx", "nowhere", "--from", "2026-09-07"), "There is no site"),
        (("export", SITE, "out.pdf"), "'pdf' cannot be written"),
        (("export", SITE, "out.csv", "--session", "sáng"), "choose morning or afternoon"),
        (("show", SITE), "--class, or a room with --room"),
        (("show", SITE, "--class", "9Z"), "There is no class '9Z'"),
        (("template", "empty.csv"), "Excel workbook"),
        (("show", SITE, "--class", "6A", "--data", "none"), "There is no data folder none"),
    ]:
        assert told in refused(campus("timetable", *words, cwd=place))


def test_an_import_without_a_start_is_refused(place):
    """A timetable version without a start is none."""
    done = campus("timetable", "import", "tkb.csv", SITE, cwd=place)
    assert (done.returncode, "--from" in done.stderr) == (2, True)


def test_nothing_is_written_beside_a_running_system(place):
    """The owner of the folder is named; a dry run only reads, so it goes on."""
    (place / "more.csv").write_bytes(rows("6A,Thứ 6,Sáng,1,Toán,Sen,,"))
    words = ("timetable", "import", "more.csv", SITE, "--from", "2026-12-07")
    owner = DataFolder(place / "data")
    owner.claim()
    try:
        owner.announce(None, None, "made-up")
        assert "is running on" in refused(campus(*words, cwd=place))
        assert campus(*words, "--dry-run", cwd=place).returncode == 0
    finally:
        owner.release()

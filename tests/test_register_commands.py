"""`campus equipment` as a person uses it, and the completeness of records among the indicators."""

import contextlib
import io
import json
import subprocess
from datetime import date

import pytest
from openpyxl import load_workbook
from register_school import NOW, PROJECTOR, SITE, school
from sqlalchemy import text

from campus.cli.app import run
from campus.indicators.records import RecordCounts
from campus.records import open_records
from campus.records.figure_scopes import Scope
from campus.records.figures import figures

START, END = date(2026, 11, 16), date(2026, 11, 23)


def campus(*words, cwd):
    """The program in this process, with `cwd` as its folder; what it printed, as of a process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(word) for word in words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture
def place(tmp_path):
    school(tmp_path / "data").close()
    return tmp_path


def ran(place, *words) -> list[str]:
    done = campus("equipment", *words, cwd=place)
    assert done.returncode == 0, done
    return done.stdout.splitlines()


def test_the_register_goes_out_is_edited_and_comes_in(place):
    """Export, a change in Excel, a dry run that writes nothing, the import, and the same again."""
    ran(place, "export", "so.xlsx")
    book = load_workbook(place / "so.xlsx")
    column = [cell.value for cell in book.active[1]].index("Hãng sản xuất") + 1
    book.active.cell(2, column).value = "Epson"
    book.save(place / "so.xlsx")
    change = f"change equipment {PROJECTOR}: maker none -> Epson"
    assert ran(place, "import", "so.xlsx", "--dry-run") == [change, "3 rows, 1 changes: nothing written."]
    assert ran(place, "import", "so.xlsx") == [change, "3 rows, 1 changes: written."]
    assert ran(place, "import", "so.xlsx") == ["3 rows, 0 changes: all was there already."]
    with open_records("sqlite", place / "data") as records:
        assert records.equipment_history(SITE, PROJECTOR)[0].by == "command line"


def test_a_file_with_wrong_cells_is_refused_with_all_of_them(place):
    """Each on its own line; the exit code says that the request was wrong."""
    (place / "so.csv").write_text("Tên,Loại,SL\nLoa,loa,x\nLoa,loa,-1\n", encoding="utf-8")
    done = campus("equipment", "import", "so.csv", cwd=place)
    assert done.returncode == 2 and "2 cells are wrong, so nothing was written" in done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["row 2, SL", "row 3, SL"]
    missing = campus("equipment", "import", "none.xlsx", cwd=place)
    assert missing.returncode == 2 and "Cannot read none.xlsx" in missing.stderr


def test_labels_loans_completeness_and_a_template(place):
    """Each does what its help says."""
    ran(place, "labels", "nhan.pdf", "--room", "a101", "--skip", "3")
    assert (place / "nhan.pdf").read_bytes().startswith(b"%PDF")
    assert ran(place, "loans") == ["Nothing is lent."]
    assert ran(place, "loans", "--overdue") == ["Nothing is overdue."]
    with open_records("sqlite", place / "data", now=lambda: NOW) as records:
        records.lend(SITE, {"equipment": PROJECTOR, "borrower": "Cô Hoa"}, "x")
    assert ran(place, "loans")[0].startswith(f"1: 1 {PROJECTOR}, Cô Hoa, due 2026-11-18")
    assert json.loads(ran(place, "loans", "--json")[0])[0]["borrower"] == "Cô Hoa"
    assert ran(place, "completeness")[0].endswith("of 3 records are complete, 33.3 %.")
    assert json.loads(ran(place, "completeness", "--json")[0])["total"]["known"] == 3
    ran(place, "export", "mau.xlsx")
    book = load_workbook(place / "mau.xlsx")
    book.active.delete_rows(2, 10)
    book.save(place / "mau.xlsx")
    ran(place, "fill", "mau.xlsx", "ra.xlsx", "--room", "a102")
    assert load_workbook(place / "ra.xlsx").active["C2"].value == "Ti vi"


@pytest.mark.parametrize(
    ("scope", "known", "complete"),
    [
        (Scope(SITE), 4, 1),
        (Scope(SITE, "building", "a"), 2, 0),
        (Scope(SITE, "room", "a102"), 1, 1),
        (Scope(SITE, "room-type", "classroom"), 3, 1),
        (Scope(SITE, "equipment-kind", "tv"), 1, 1),
    ],
)
def test_record_coverage_is_an_indicator_of_its_scopes(tmp_path, scope, known, complete):
    """Of a site with what was found without a record; of rooms with what was found in them."""
    with school(tmp_path) as records:
        made = records.begin_stocktaking(SITE, "a101", "x")
        records.scan(SITE, made.number, "LẠ-7", "x")
        records.close_stocktaking(SITE, made.number, "x")
        (found,) = figures(records, scope, START, END, NOW, ids=["record_coverage"]).indicators
        assert (found.numerator, found.denominator, found.value) == (complete, known, complete / known)
        assert (
            figures(
                records, Scope(SITE, "equipment", "tv-1"), START, END, NOW, ids=["record_coverage"]
            ).indicators
            == []
        )


def test_a_school_without_equipment_has_no_coverage_and_a_reason(tmp_path):
    """Never a zero for unknown."""
    with school(tmp_path) as records:
        for piece in records.equipment_records(SITE):
            records.change_equipment(SITE, piece.id, {"retired_on": date(2026, 11, 18)}, "x")
        (found,) = figures(records, Scope(SITE), START, END, NOW, ids=["record_coverage"]).indicators
        assert (found.value, found.reason_code) == (None, "nothing_in_range")


def test_equipment_of_the_schema_before_is_kept(tmp_path, monkeypatch):
    """Records made before the register are brought forward; a piece is one, in its first version."""
    from alembic import command
    from alembic.script import ScriptDirectory

    from campus.records.database import Database

    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: "0005")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, "0005"))
    database = Database.open("sqlite", tmp_path)
    with database.write() as session:
        session.execute(
            text("INSERT INTO site (id, name, tz, calendar_version) VALUES ('s', 'S', 'Asia/Tokyo', '')")
        )
        session.execute(text("INSERT INTO equipment (site, id, name, kind) VALUES ('s', 'tv', 'TV', 'tv')"))
    database.close()
    monkeypatch.undo()
    with open_records("sqlite", tmp_path, now=lambda: NOW) as records:
        found = records.equipment_record("s", "tv")
        assert (found.name, found.quantity, found.version, found.item_code) == ("TV", 1, 1, None)
        assert records.completeness("s").total == RecordCounts(1, 0)
        assert records.change_equipment("s", "tv", {"item_code": "TV-1"}, "x").version == 2

"""Every resource as a file: the rows of its list in each format, for those who may read it, whole or not at all."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from itertools import product

import duckdb
import pytest
from api_school import MINUTE, MONDAY, NOW, NOW_MS, SITE, is_problem, running
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from api import exports
from api.problems import ProblemError
from api.routes.export import NEEDS, Resource
from campus.errors import StoreError
from campus.indicators import EquipmentFact, LinkDay
from campus.inference import BOARD, ROOM
from campus.inference.incidents import Incident, Lost
from campus.records.entities import ROLES, Grant
from campus.records.exporting import RANGED, RESOURCES
from campus.records.inventory import Inventory
from campus.table_files import BOM, FORMATS, RISKY, harmless

BASE = f"/api/v1/sites/{SITE}"
SPAN = {"from": "2026-11-16", "to": "2026-11-20"}
FORMULA = '=HYPERLINK("http://evil.example")'
INSTANTS = {
    "first_seen", "last_seen", "firmware_since", "valid_from", "valid_to", "start", "end", "at", "computed_at",
    "out_at", "back_at", "opened_at", "closed_at", "found_at", "start_at", "end_at",
}  # fmt: skip

RENAMED = {"start_ms": "start_at", "end_ms": "end_at"}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    """The school, with something of everything."""
    with running(tmp_path_factory.mktemp("school")) as campus:
        records = campus.records
        piece = records.equipment(SITE)[0].id
        birth = {"firmware": "1.0.0", "points": {"co2_ppm": {"unit": "ppm", "max_interval_ms": 60000}}}
        records.saw_board(SITE, campus.board, NOW, birth=birth)
        for text in (FORMULA, "+84 24", "-1", "@lan", "Cô Hoa, lớp 6A", 'a "quoted" one'):
            with campus.person() as lan:
                form = {"equipment": piece, "borrower": text, "period": 2, "session": "morning"}
                made = lan.post(f"{BASE}/loans", json=form)
                assert made.status_code == 201, made.text
                lan.post(f"{BASE}/loans/{made.json()['number']}/return", json={}).raise_for_status()
        with campus.person() as lan:
            lan.post(f"{BASE}/loans", json={"equipment": piece, "borrower": "Lan"}).raise_for_status()
            form = {"equipment": piece, "kind": "incident", "symptom": "=cmd|' /C calc'!A0"}
            lan.post(f"{BASE}/upkeep", json=form).raise_for_status()
            taking = lan.post(f"{BASE}/stocktakings", json={"room": campus.room}).json()["number"]
            for code in (piece, "<b>LẠ'; --"):
                lan.post(f"{BASE}/stocktakings/{taking}/scans", json={"code": code}).raise_for_status()
        begin = NOW_MS - 60 * MINUTE
        lost = (Lost(campus.board, begin, NOW_MS),)
        told = [
            Incident("unknown", begin, None, (campus.board,), lost, {"scope": "board", "lost": 1, "of": 1})
        ]
        records.store_incidents(SITE, 0, told)
        records.close_month(SITE, date(2026, 10, 1), "admin")
        days = [LinkDay(SITE, kind, id, day, 620.0, 600.0, {"power": 20.0}, 1)
                for kind, id in ((BOARD, campus.board), (ROOM, campus.room))
                for day in (date(2026, 10, 20), MONDAY)]  # fmt: skip
        records.store_link_days(SITE, days)
        store_facts(records, [
            EquipmentFact(SITE, piece, campus.room, date(2026, 11, 17), start, start + timedelta(hours=1), "lesson",
                          "morning", n + 1, "6A", None,
                          60.0, 60.0, 1.5 * n, 0.0, 60.0, 12.25, 0.0, 0.0, 0.0)
            for n in range(3)
            for start in [datetime(2026, 11, 17, n, tzinfo=UTC)]
        ])  # fmt: skip
        records.add_person("lan", [Grant("equipment", SITE)])
        records.add_person("mai", [Grant("leader", SITE)])
        yield campus


def listed(client, path, **query):
    """All items of a list, whatever it calls them."""
    answer = client.get(
        f"{BASE}{path}" if path != "/audit" and path != "/people" else f"/api/v1{path}", params=query
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    if isinstance(told, dict):
        assert told.get("next") is None
        told = next(told[name] for name in ("items", "rows", "indicators") if name in told)
    return told


def of_list(campus, client, resource):
    """What the lists say, as rows of a file: in no order."""
    match resource:
        case "buildings":
            return client.get(BASE).json()["buildings"]
        case "facts" | "incidents":
            return listed(client, f"/{resource}", **SPAN)
        case "equipment-facts":
            return listed(client, "/equipment/facts", **SPAN)
        case "stocktaking-items":
            heads = listed(client, "/stocktakings")
            whole = [client.get(f"{BASE}/stocktakings/{one['number']}").json() for one in heads]
            return [
                item | {"stocktaking": one["number"], "room": one["room"]}
                for one in whole
                for item in one["items"]
            ]
        case "stocktakings":
            return [{k: v for k, v in one.items() if k != "items"} for one in listed(client, "/stocktakings")]
        case "amendments":
            return listed(client, "/months/2026-10/amendments")
        case "indicators":
            return client.get(f"{BASE}/indicators", params=SPAN).json()["indicators"]
        case "month-figures":
            return [one | {"month": "2026-10-01"} for one in listed(client, "/months/2026-10")]
        case "audit":
            return listed(client, "/audit", site=SITE)
        case "people":
            return listed(client, "/people")
        case "placements":
            return [vars_of(one) for one in campus.records.placements(SITE, None)]
        case "lessons":
            return [
                {
                    name: getattr(one, name)
                    for name in ("room", "weekday", "session", "period", "school_class", "subject")
                }
                for one in campus.records.calendar(SITE).lessons
            ]
        case "link-days":
            found = campus.records.link_days(SITE, [MONDAY])
            return [
                {"kind": kind, "id": id, "date": str(day)}
                | dict(zip(sums.names(), sums.values(), strict=True))
                for (kind, id, day), sums in found.items()
            ]
    return listed(client, f"/{resource}")


def vars_of(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def asked(resource, format, **more):
    ranged = SPAN if resource in RANGED and resource not in ("months", "month-figures", "amendments") else {}
    return {"format": format, **ranged, **more}


def read(content, format, path):
    """The rows of a file: name -> value."""
    if format == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    file = path / f"file.{format}"
    file.write_bytes(content)
    if format == "parquet":
        found = duckdb.sql(f"FROM '{file}'")
        at = [f'epoch_ms("{n}") AS "{n}"' if str(t).startswith("TIMESTAMP") else f'"{n}"'
              for n, t in zip(found.columns, found.types, strict=True)]  # fmt: skip
        rows = duckdb.sql(f"SELECT {', '.join(at)} FROM '{file}'").fetchall()
        return [dict(zip(found.columns, row, strict=True)) for row in rows]
    head, *rows = load_workbook(file).active.values
    return [dict(zip(head, row, strict=True)) for row in rows]


def text_of(name, value):
    """A value, of a list or of any of the files, as one text."""
    if value is None:
        return ""
    if name in INSTANTS and isinstance(value, str) and "T" in value:
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and name in INSTANTS:
        return str(round((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000))
    if name in INSTANTS and isinstance(value, int):
        return str(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        value = json.loads(value)
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(
        value.date() if isinstance(value, datetime) else value
    )  # a date of Excel comes with a midnight
    text = text[1:] if text.startswith("'") and text[1:2] in RISKY else text
    try:
        return f"{float(text):.9g}"
    except ValueError:
        return text


@pytest.mark.parametrize("resource, format", list(product(RESOURCES, FORMATS)))
def test_a_file_has_the_rows_of_the_list(campus, tmp_path, resource, format):
    """Each field of each item of the list is in the file, under its name, and no other row."""
    with campus.program() as program:
        items = of_list(campus, program, resource)
        answer = program.get(f"{BASE}/export/{resource}", params=asked(resource, format))
        assert answer.status_code == 200, answer.text
    assert f'filename="{resource}-{SITE}.{format}"' in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    rows = read(answer.content, format, tmp_path)
    if resource == "incidents":
        items = [{RENAMED.get(name, name): value for name, value in item.items()} for item in items]
    if resource == "months":  # its start is a date, not an instant
        items, rows = ([{"day": one.pop("start"), **one} for one in found] for found in (items, rows))
    if resource == "audit" and format == "xlsx":  # what is cut there, a test below looks at
        items, rows = ([one for one in found if len(str(one["after"])) < 10_000] for found in (items, rows))
    assert items and len(rows) == len(items)
    names = sorted(items[0])
    assert set(names) <= set(rows[0]), set(names) - set(rows[0])
    of_file, of_items = (
        sorted(tuple(text_of(name, one[name]) for name in names) for one in found) for found in (rows, items)
    )
    assert of_file == of_items


def test_what_can_be_asked_for_is_what_can_be_exported():
    """The address allows each resource, and each has its rights."""
    assert set(Resource.__args__) == set(RESOURCES) and set(NEEDS) < set(RESOURCES)


LISTS = {
    "buildings": "", "rooms": "/rooms", "boards": "/boards", "placements": "/boards", "equipment": "/equipment",
    "lessons": "/rooms", "loans": "/loans", "upkeep": "/upkeep", "stocktakings": "/stocktakings",
    "stocktaking-items": "/stocktakings", "facts": "/facts", "equipment-facts": "/equipment/facts",
    "link-days": "/incidents", "incidents": "/incidents", "months": "/months",
    "amendments": "/months/2026-10/amendments", "audit": "/audit", "indicators": "/indicators",
    "month-figures": "/months/2026-10", "people": "/people",
}  # fmt: skip
"""The list, or the one nearest to it, whose rights hold."""


@pytest.mark.parametrize("role", ROLES)
def test_the_rights_are_those_of_the_list(campus, role):
    """Whoever is refused the list of a resource is refused its file, with the same status; who is not, is not."""
    name = f"{role}-of-{SITE}"
    campus.records.add_person(name, [Grant(role, SITE)])
    session = campus.records.create_session(campus.records.person(name), 1)
    with campus.client(headers={"Cookie": f"campus_session={session}"}) as client:
        seen = {}
        for resource, path in LISTS.items():
            query = SPAN if "facts" in path or path in ("/incidents", "/indicators") else {}
            where = f"/api/v1{path}" if path == "/people" else f"{BASE}{path}"
            where, query = ("/api/v1/audit", {"site": SITE}) if path == "/audit" else (where, query)
            by_list = client.get(where, params=query).status_code
            answer = client.get(f"{BASE}/export/{resource}", params=asked(resource, "csv"))
            seen[resource] = (by_list, answer.status_code)
            other = client.get(f"/api/v1/sites/nowhere/export/{resource}", params=asked(resource, "csv"))
            is_problem(other, 404)
        assert {one for one, _ in seen.values()} <= {200, 403}
        assert all(by_list == by_file for by_list, by_file in seen.values()), seen


def test_names_and_single_days_are_withheld_as_they_are_in_the_lists(campus):
    """Without the right to single periods: no teacher, no sums of a room's day, no counts of figures."""
    session = campus.records.create_session(campus.records.person("mai"), 1)
    with (
        campus.client(headers={"Cookie": f"campus_session={session}"}) as leader,
        campus.program() as program,
    ):

        def rows(client, resource):
            content = client.get(f"{BASE}/export/{resource}", params=asked(resource, "csv")).content
            return list(csv.DictReader(io.StringIO(content.decode())))

        assert {row["teacher"] for row in rows(leader, "lessons")} == {""}
        of_room = [row for row in rows(leader, "amendments") if row["kind"] == ROOM]
        assert of_room and all((row["before"], row["after"]) == ("{}", "{}") for row in of_room)
        assert any(row["after"] != "{}" for row in rows(program, "amendments") if row["kind"] == ROOM)
        assert {row["counts"] for row in rows(leader, "indicators")} == {"{}"}
        assert any(row["counts"] != "{}" for row in rows(program, "indicators"))
        assert [row["id"] for row in rows(leader, "month-figures")]


def test_formulas_become_texts_and_numbers_stay_numbers(campus, tmp_path):
    """Where a spreadsheet would run a text, an apostrophe stands before it; Parquet keeps the text as it is."""
    with campus.program() as program:
        by = {f: program.get(f"{BASE}/export/loans", params=asked("loans", f)).content for f in FORMATS}
    borrowers = {f: {row["borrower"] for row in read(by[f], f, tmp_path)} for f in FORMATS}
    assert {FORMULA, "-1", "@lan", "+84 24"} <= borrowers["parquet"]
    for format in ("csv", "xlsx"):
        assert {f"'{FORMULA}", "'-1", "'@lan", "'+84 24", "Cô Hoa, lớp 6A"} <= borrowers[format]
        assert not any(text[0] in RISKY for text in borrowers[format])
    (tmp_path / "sheet.xlsx").write_bytes(by["xlsx"])
    sheet = load_workbook(tmp_path / "sheet.xlsx").active
    cells = {cell.value: column for column in sheet.iter_cols() for cell in column[:1]}
    assert {cell.data_type for column in sheet.iter_cols() for cell in column} <= {"s", "n", "d", "inlineStr"}
    assert {cell.data_type for cell in cells["quantity"][1:]} == {"n"}
    assert (
        {cell.data_type for cell in cells["out_at"][1:]}
        == {"d"}
        == {c.data_type for c in cells["due_on"][1:]}
    )


@given(st.text(max_size=40))
def test_a_harmless_text_begins_with_nothing_a_spreadsheet_runs(text):
    """And one that was so already is the same."""
    made = harmless(text)
    assert made[:1] not in RISKY or not made
    assert made == text or (made == f"'{text}" and text[0] in RISKY)


def test_a_mark_for_excel_only_where_it_is_asked_for(campus):
    """`bom=true` puts it before a CSV."""
    with campus.program() as program:
        bare = program.get(f"{BASE}/export/rooms").content
        marked = program.get(f"{BASE}/export/rooms", params={"bom": "true"}).content
        assert marked == BOM + bare and not bare.startswith(BOM)
        readings = program.get("/api/v1/readings/export", params={"site": SITE, "bom": "true"}).content
        assert readings.startswith(BOM + b"board,")


@pytest.mark.parametrize("format", FORMATS)
def test_no_rows_are_a_file_with_its_columns(campus, tmp_path, format):
    """In a range without anything: the same names, no rows; the same of a school without anything."""
    quiet = {"from": "2019-01-01", "to": "2019-01-02"}
    with campus.program() as program:
        full = program.get(f"{BASE}/export/facts", params={"format": "csv", **SPAN}).text.splitlines()[0]
        empty = program.get(f"{BASE}/export/facts", params={"format": format, **quiet})
    assert empty.status_code == 200
    if format == "csv":
        assert empty.text == f"{full}\n"
        return
    file = tmp_path / f"empty.{format}"
    file.write_bytes(empty.content)
    names = (
        duckdb.sql(f"FROM '{file}'").columns
        if format == "parquet"
        else next(load_workbook(file).active.values)
    )
    assert ",".join(names) == full


def test_three_facts_of_equipment_in_the_order_of_their_key(campus, tmp_path):
    """Exactly those, with every field of the list."""
    with campus.program() as program:
        items = listed(program, "/equipment/facts", **SPAN)
        for format in FORMATS:
            content = program.get(f"{BASE}/export/equipment-facts", params=asked("facts", format)).content
            rows = read(content, format, tmp_path)
            assert (
                [float(row["on_minutes"]) for row in rows]
                == [item["on_minutes"] for item in items]
                == [0, 1.5, 3]
            )
            assert set(items[0]) <= set(rows[0])


def store_facts(records, facts):
    from campus.records.derived_tables import EquipmentFactTable
    from campus.records.instants import to_ms
    from campus.records.upsert import insert_or_replace

    held = EquipmentFactTable.__table__.c.keys()
    rows = []
    for fact in facts:
        values = {name: getattr(fact, name) for name in fact.__dataclass_fields__}
        values |= {"start_ms": to_ms(fact.start), "end_ms": to_ms(fact.end)}
        rows.append({name: values[name] for name in held})
    with records._database.write() as session:
        insert_or_replace(session, EquipmentFactTable, rows)


@pytest.mark.parametrize(
    "resource, query, says",
    [
        ("rooms", SPAN, "say nothing about rooms"),
        ("facts", {"from": "2026-11-17", "to": "2026-11-17"}, "half-open"),
        ("indicators", {}, "required"),
        ("indicators", {"from": "2026-11-17"}, "required"),
        ("facts", {"from": "17/11/2026"}, "from"),
        ("facts", {"format": "ods"}, "format"),
        ("secrets", {}, "resource"),
    ],
)
def test_a_wrong_request_is_one_sentence(campus, resource, query, says):
    """Naming what is wrong."""
    with campus.program() as program:
        assert says in json.dumps(is_problem(program.get(f"{BASE}/export/{resource}", params=query), 422))


def test_more_rows_than_a_sheet_holds_are_refused_before_they_are_read(campus, monkeypatch):
    """As a 422; the same rows go into the other formats."""
    monkeypatch.setattr("campus.records.exporting_rows.MOST_SHEET_ROWS", 5)
    monkeypatch.setattr("campus.records.exporting_rows.chunks", lambda *_: pytest.fail("it was read"))
    with campus.program() as program:
        told = is_problem(program.get(f"{BASE}/export/rooms", params={"format": "xlsx"}), 422)
        assert "24 rows" in told["detail"] and "csv or parquet" in told["detail"]
        monkeypatch.undo()
        assert program.get(f"{BASE}/export/rooms", params={"format": "xlsx"}).status_code == 200


def test_a_text_too_long_for_a_cell_is_cut_and_says_so(campus, tmp_path):
    """In the sheet only."""
    with campus.program() as program:
        by = {
            f: program.get(f"{BASE}/export/audit", params=asked("audit", f)).content for f in ("csv", "xlsx")
        }
    csv.field_size_limit(10**7)
    whole = [row["after"] for row in read(by["csv"], "csv", tmp_path) if len(row["after"]) > 32_767]
    cut = [
        row["after"]
        for row in read(by["xlsx"], "xlsx", tmp_path)
        if "all of them are in" in (row["after"] or "")
    ]
    assert len(whole) == len(cut) > 0
    assert all(
        len(short) < 32_767 and short.startswith(text[:30_000])
        for text, short in zip(whole, cut, strict=True)
    )
    assert f"[{len(whole[0])} characters" in cut[0]


class Breaking:
    """A result that fails after its first part: the disk, or the server, is gone."""

    def __init__(self, result):
        self._result = result

    def partitions(self):
        from sqlalchemy.exc import OperationalError

        yield next(iter(self._result.partitions()), [])
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))


@pytest.mark.parametrize("format", FORMATS)
def test_a_store_that_breaks_is_a_503_not_half_a_file(campus, monkeypatch, format):
    """In the middle of the rows; and the next one is made again."""
    from sqlalchemy.orm import Session

    execute = Session.execute

    def breaking(self, statement, *more, **options):
        result = execute(self, statement, *more, **options)
        return Breaking(result) if "yield_per" in (options.get("execution_options") or {}) else result

    with campus.program() as program:
        monkeypatch.setattr(Session, "execute", breaking)
        answer = program.get(f"{BASE}/export/rooms", params={"format": format})
        assert "disk I/O" not in is_problem(answer, 503)["detail"]
        monkeypatch.undo()
        assert program.get(f"{BASE}/export/rooms", params={"format": format}).status_code == 200


def test_no_more_files_are_made_at_once_than_there_are_turns():
    """One more is told to wait; one that fails gives its turn back, and so does one that is made."""
    inside = exports.AT_ONCE * [None]

    def write(file):
        if inside:
            inside.pop()
            exports.made(write, "rooms", "csv")
        else:
            with pytest.raises(ProblemError, match="Ask again") as told:
                exports.made(write, "rooms", "csv")
            assert told.value.status == 429 and told.value.headers == {"Retry-After": "60"}
            raise StoreError("broken")

    for _ in range(2):
        inside = (exports.AT_ONCE - 1) * [None]
        with pytest.raises(StoreError):
            exports.made(write, "rooms", "csv")
    assert exports.made(lambda file: file.write(b"whole"), "rooms", "csv").headers["content-length"] == "5"


def test_another_school_is_in_no_row(campus):
    """A file of one school holds nothing of another, whatever the resource."""
    kind = campus.records.room(SITE, campus.room).room_type
    inventory = {
        "site": {"id": "truong-khac", "name": "Trường khác", "tz": "Asia/Ho_Chi_Minh"},
        "room_types": [{"id": kind, "name_vi": "Phòng", "name_en": "Room"}],
        "rooms": [{"id": "x101", "name": "Phòng khác", "room_type": kind}],
        "boards": [{"id": "esp32-khac"}],
        "equipment": [{"id": "projector-khac", "name": "Máy khác", "kind": "projector", "room": "x101"}],
        "placements": [{"board": "esp32-khac", "room": "x101", "from": "2026-01-01"}],
    }
    campus.records.import_inventory(Inventory.parse(inventory))
    campus.records.close_month("truong-khac", date(2026, 9, 1), "somebody-else")
    campus.records.add_person("nguoi-khac", [Grant("leader", "truong-khac")])
    with campus.program() as program:
        for resource in RESOURCES:
            text = program.get(f"{BASE}/export/{resource}", params=asked(resource, "csv")).text
            assert not any(word in text for word in ("khac", "khác", "x101", "somebody-else")), resource
            other = program.get(
                f"/api/v1/sites/truong-khac/export/{resource}", params=asked(resource, "csv")
            ).text
            assert campus.room not in other and campus.board not in other, resource

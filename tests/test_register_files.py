"""The register as files: read with every wrong row named, written back, an authority's template, labels."""

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.datavalidation import DataValidation
from records_stores import DATABASES, url_of
from register_school import PROJECTOR, SITE, Clock, school

from campus.errors import UsageError
from campus.labels import FONTS, Label, sheet
from campus.records.register_sheets import write
from campus.records.register_words import COLUMNS, read_cell, words
from campus.wire.topics import valid_id


@pytest.fixture
def records(tmp_path):
    with school(tmp_path) as records:
        yield records


def workbook(*rows) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def saved(book) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def everything(records):
    return records.equipment_records(SITE, retired=None)


HEADS = [
    "Mã cá biệt",
    "Tên thiết bị",
    "Loại",
    "Phòng",
    "Nguyên giá",
    "Ngày đưa vào sử dụng",
    "Tình trạng",
    "SL",
]


@pytest.mark.parametrize("url", DATABASES, indirect=True)
def test_a_schools_own_list_is_imported(url, tmp_path):
    """Its words, dates and amounts are read; a title above and a line of numbers below the headings are not rows."""
    content = workbook(
        ["SỔ THIẾT BỊ"],
        [],
        HEADS,
        ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)", "(8)"],
        ["TB-001", "Kính hiển vi", "Kính hiển vi", "Phòng 101", "3.200.000 đ", "15/08/2024", "Tốt", 5],
        ["TB-002", "Loa", "Loa", "a102", 1500000, datetime(2025, 1, 2), "Đang sửa chữa", "1"],  # noqa: DTZ001
        ["TV.01/2025", None, None, "Phòng 101", None, None, "hỏng", None],
    )
    with school(tmp_path, url) as records:
        tried = records.import_register(SITE, content, dry_run=True)
        before = everything(records)
        made = records.import_register(SITE, content, by="Cô Lan")
        assert len(before) == 3 and tried == made and made.problems == [] and made.rows == 3
        assert "change equipment tv-1: room a102 -> a101, condition good -> broken" in made.changes
        found = records.equipment_record(SITE, "tb-001")
        assert (found.name, found.kind, found.room, found.quantity) == (
            "Kính hiển vi",
            "kinh-hien-vi",
            "a101",
            5,
        )
        assert (found.price_vnd, found.in_service_on, found.condition) == (
            3_200_000,
            date(2024, 8, 15),
            "good",
        )
        assert records.equipment_record(SITE, "tb-002").in_service_on == date(2025, 1, 2)
        assert records.equipment_history(SITE, "tv-1")[0].how == "import"
        assert records.import_register(SITE, content).changes == []


@pytest.fixture
def url(request):
    return url_of(request)


def test_csv_with_english_headings_is_read_too(records):
    """Semicolons and a byte-order mark as Excel writes them; an empty cell keeps what is stored."""
    text = f"id;name;kind;condition;serial\n{PROJECTOR};;;worn;X-1\nnew-1;PC;pc;;\n"
    made = records.import_register(SITE, text.encode("utf-8-sig"))
    assert made.problems == []
    found = records.equipment_record(SITE, PROJECTOR)
    assert (found.name, found.condition, found.serial) == ("Máy chiếu phòng 101", "worn", "X-1")
    assert records.equipment_record(SITE, "new-1").kind == "pc"


def test_every_wrong_cell_is_named_and_nothing_is_written(records):
    """By its row in the file and its heading, with what is allowed; the good rows are not written either."""
    content = workbook(
        HEADS,
        ["A1", "Máy in", "Máy in", "", "", "", "", ""],
        ["A2", "Máy in", "Máy in", "Phòng 999", "nhiều", "31/02/2026", "tạm", "0"],
        ["A3", "", "", "", "", "", "", ""],
        ["A1", "Máy in", "Máy in", "", "", "", "", ""],
        ["A5", "Máy in", "***", "", "-5", "2026", "", "1.5"],
    )
    before = everything(records)
    made = records.import_register(SITE, content)
    told = {(one.row, one.field): one.message for one in made.problems}
    assert made.changes == [] and everything(records) == before
    assert set(told) == {
        ("row 3", "Phòng"),
        ("row 3", "Nguyên giá"),
        ("row 3", "Ngày đưa vào sử dụng"),
        ("row 3", "Tình trạng"),
        ("row 3", "SL"),
        ("row 4", "Tên thiết bị"),
        ("row 5", "Mã cá biệt"),
        ("row 6", "Loại"),
        ("row 6", "Nguyên giá"),
        ("row 6", "Ngày đưa vào sử dụng"),
        ("row 6", "SL"),
    }
    assert "write one of Tốt, Cũ, Hỏng, Đang sửa chữa; it is 'tạm'" in told["row 3", "Tình trạng"]
    assert "stands in row 2 already" in told["row 5", "Mã cá biệt"]


def test_a_contradiction_with_what_is_stored_is_a_problem_of_its_row(records):
    """As a code that another piece has, or a stocktaking in the future."""
    content = workbook(
        ["Mã hồ sơ", "Mã cá biệt", "Tên", "Loại"], [PROJECTOR, "tv-1", "Máy chiếu", "projector"]
    )
    (problem,) = records.import_register(SITE, content).problems
    assert (problem.row, problem.field) == ("row 2", "Mã cá biệt") and "tv-1" in problem.message
    content = workbook(["id", "name", "verified"], [PROJECTOR, "x", "19/11/2026"])
    (problem,) = records.import_register(SITE, content).problems
    assert (problem.row, problem.field) == ("row 2", "verified") and "future" in problem.message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02", "zero bytes"),
        (b"a,b,c\n1,2,3\n", "no line of headings"),
        (b"\xd0\xcf\x11\xe0old", "before 2007"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (b"name,name,kind\nx,y,z\n", "two columns are headed"),
        (b"x" * 10_000_001, "at most 10000000"),
        ("Tên,Loại\nx,y\n".encode("utf-16-le"), "zero bytes"),
    ],
)
def test_a_file_that_is_no_register_is_refused(records, content, expected):
    """With one sentence."""
    with pytest.raises(UsageError, match=expected):
        records.import_register(SITE, content)


def test_many_rows_are_bounded(records):
    """A file cannot fill the server."""
    rows = b"name,kind\n" + b"x,y\n" * 20_001
    with pytest.raises(UsageError, match="more than 20000 rows"):
        records.import_register(SITE, rows)


TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=20
).map(str.strip).filter(bool)  # fmt: skip
DATES = st.dates(date(1900, 1, 1), date(2026, 11, 18))
PIECE = st.fixed_dictionaries(
    {"name": TEXT, "kind": st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True).filter(valid_id)},
    optional={
        "item_code": TEXT,
        "room": st.sampled_from(["a101", "a102"]),
        "in_service_on": DATES,
        "condition": st.sampled_from(["good", "worn", "broken", "under-repair"]),
        "quantity": st.integers(1, 100_000),
        "price_vnd": st.integers(0, 10**13),
        "life_years": st.integers(1, 100),
        "subject_group": st.just("math"),
        "serial": TEXT,
        "fund": st.sampled_from(["=1+1", "+84", "@x", "-5", "001", "1e5", "TRUE"]),
        "verified_on": DATES,
        "note": TEXT.map(lambda text: f"{text}\n{text}"),
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def round_trip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("round")
    with school(folder / "a", clock=Clock()) as one, school(folder / "b", clock=Clock()) as other:
        yield one, other


@settings(max_examples=30)
@given(st.lists(PIECE, min_size=1, max_size=4, unique_by=lambda piece: piece.get("item_code", id(piece))))
def test_what_is_exported_is_imported_to_the_same(round_trip, pieces):
    """Every field of every piece comes back, into another school's empty register as into its own."""
    one, other = round_trip
    count = len(everything(one))
    for number, piece in enumerate(pieces):
        try:
            one.create_equipment(SITE, {"id": f"p-{count + number}", **piece}, "x")
        except UsageError as error:
            assert "item_code" in str(error)  # taken by an example before
    content = one.export_register(SITE)
    assert one.import_register(SITE, content).changes == []
    made = other.import_register(SITE, content)
    assert made.problems == []

    def told(records):
        return [[getattr(piece, field) for field in COLUMNS] for piece in everything(records)]

    assert told(other) == told(one)


@pytest.mark.parametrize("field", ["condition", "in_service_on"])
def test_our_words_are_read_back(field):
    """Each word that says a value is read as that value."""
    values = ["good", "worn", "broken", "under-repair"] if field == "condition" else [date(2024, 8, 5)]
    for value in values:
        assert {read_cell(field, word) for word in words(field, value)} == {value}


def template() -> Workbook:
    """As authorities write them: a title, merged headings in two lines, hidden columns and sheets, lists, a formula."""
    book = Workbook()
    page = book.active
    page.title = "Danh mục"
    page["A1"] = "BIỂU 07: THIẾT BỊ DẠY HỌC"
    page.merge_cells("A1:H1")
    heads = {"A": "STT", "B": "Mã ĐV", "C": "Tên thiết bị (*)", "D": "Số lượng", "G": "Nơi để", "H": "Cộng"}
    for column, text in heads.items():
        page[f"{column}3"] = text
        page.merge_cells(f"{column}3:{column}4")
    page["E3"] = "Thông tin"
    page.merge_cells("E3:F3")
    page["E4"], page["F4"] = "Tình trạng", "Ngày đưa vào sử dụng"
    for number, column in enumerate("ABCDEFGH", 1):
        page[f"{column}5"] = f"({number})"
    for row in range(6, 12):
        page[f"B{row}"] = "THCS-0042"
        page[f"F{row}"].number_format = "dd/mm/yyyy"
        page[f"H{row}"] = f"=D{row}*1"
    page.column_dimensions["B"].hidden = True
    lists = book.create_sheet("lists")
    lists.sheet_state = "hidden"
    for row, word in enumerate(("Sử dụng tốt", "Hư hỏng"), 1):
        lists[f"A{row}"] = word
    choice = DataValidation(type="list", formula1="lists!$A$1:$A$2")
    choice.add("E6:E100")
    page.add_data_validation(choice)
    return book


def test_an_authoritys_template_is_filled_in_place(records):
    """Under its own headings, with its own words; what is hidden, computed or elsewhere is as it was."""
    given = saved(template())
    made = records.fill_template(SITE, given)
    book = load_workbook(io.BytesIO(made))
    page = book["Danh mục"]
    rows = [[page.cell(row, column).value for column in range(1, 9)] for row in (6, 7, 8, 9)]
    assert rows == [
        [
            1,
            "THCS-0042",
            "Máy chiếu phòng 101",
            1,
            "Sử dụng tốt",
            datetime(2024, 8, 15),  # noqa: DTZ001
            "Phòng 101",
            "=D6*1",
        ],
        [2, "THCS-0042", "Bộ thí nghiệm", 10, None, None, None, "=D7*1"],
        [3, "THCS-0042", "Ti vi", 1, "Sử dụng tốt", datetime(2025, 1, 1), "Phòng 102", "=D8*1"],  # noqa: DTZ001
        [None, "THCS-0042", None, None, None, None, None, "=D9*1"],
    ]
    assert page.column_dimensions["B"].hidden and book["lists"].sheet_state == "hidden"
    assert {str(span) for span in page.merged_cells.ranges} == {
        str(span) for span in template().active.merged_cells.ranges
    }
    with zipfile.ZipFile(io.BytesIO(given)) as before, zipfile.ZipFile(io.BytesIO(made)) as after:
        assert before.namelist() == after.namelist()
        changed = [name for name in before.namelist() if before.read(name) != after.read(name)]
        assert changed == ["xl/worksheets/sheet1.xml"]
        old, new = (one.read(changed[0]).decode() for one in (before, after))
        assert old.partition("<sheetData>")[0] == new.partition("<sheetData>")[0]
        assert old.partition("</sheetData>")[2] == new.partition("</sheetData>")[2]


def test_only_the_pieces_of_a_room_can_be_filled_in(records):
    """A template may be a room's own."""
    made = load_workbook(io.BytesIO(records.fill_template(SITE, saved(template()), "a102")))
    assert [made.active[f"C{row}"].value for row in (6, 7)] == ["Ti vi", None]


def test_a_template_without_room_is_refused_and_so_is_what_is_none(records):
    """What stands below the headings, as signatures, is never written over."""
    book = template()
    book.active["C8"] = "Người lập biểu"
    with pytest.raises(UsageError, match="room for 2 pieces before its row 8, and 3"):
        records.fill_template(SITE, saved(book))
    for content, expected in (
        (workbook(["a", "b"]), "no line of headings"),
        (b"not a workbook", "cannot be read"),
        (b"PK\x03\x04", "cannot be read"),
        (b"x" * 10_000_001, "at most"),
    ):
        with pytest.raises(UsageError, match=expected):
            records.fill_template(SITE, content)


def test_a_name_is_text_in_a_template_whatever_it_looks_like(records):
    """Markup and formulas stay what they are: text."""
    name = "<b>&\"'=1+1]]>"
    records.change_equipment(SITE, PROJECTOR, {"name": name}, "x")
    page = load_workbook(io.BytesIO(records.fill_template(SITE, saved(template())))).active
    assert (page["C6"].value, page["C6"].data_type) == (name, "s")


def test_labels_are_a_page_of_24_each():
    """A PDF with as many pages as are needed, after places that were used before."""
    labels = [
        Label(f"TB.{number}", "Máy chiếu Epson EB-X06 của phòng", "THCS Hòa Bình") for number in range(25)
    ]
    assert sheet(labels[:24]).count(b"/Type /Page\n") == 1
    assert sheet(labels).count(b"/Type /Page\n") == 2
    assert sheet(labels[:24], skip=1).count(b"/Type /Page\n") == 2
    with pytest.raises(UsageError, match="no equipment"):
        sheet([])
    with pytest.raises(UsageError, match="0 to 23"):
        sheet(labels, skip=24)


def test_without_a_font_for_vietnamese_the_label_says_what_to_install():
    """Plain letters need none."""
    assert sheet([Label("TB-1", "Projector", "School")], fonts=()).startswith(b"%PDF")
    with pytest.raises(UsageError, match="fonts-dejavu-core"):
        sheet([Label("TB-1", "Máy chiếu", "Trường Đống Đa")], fonts=())
    assert FONTS


def test_the_register_of_no_equipment_has_its_headings():
    """An empty export is a template to fill in."""
    page = load_workbook(io.BytesIO(write([]))).active
    assert [cell.value for cell in page[1]] == [headings[0] for headings in COLUMNS.values()]

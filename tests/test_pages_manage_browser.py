"""The pages with which a school is set up, in a real browser: on a phone of 360 px, from the keyboard, in two taps."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from api_school import SITE, STRANGER, running

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
BASE = f"/sites/{SITE}"


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture(scope="module")
def browsers():
    """path -> its running browser, started once for this file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = {}

        def start(path):
            if path not in started:
                arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
                started[path] = playwright.chromium.launch(executable_path=path, args=arguments)
            return started[path]

        yield start
        for browser in started.values():
            browser.close()


@contextmanager
def opened(browser, campus, size=PHONE, **options):
    """A page, signed in by its cookie; it fails if the page asked another host for anything or wrote an error."""
    token = campus.records.create_session(campus.records.person("admin"), 1)
    context = browser.new_context(viewport=size, base_url=campus.url, **options)
    context.add_cookies([{"name": "campus_session", "value": token, "url": campus.url}])
    page = context.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if is_fault(message) else None)
    yield page
    assert not wrong
    assert all(url.startswith((campus.url + "/", "data:")) for url in asked)
    context.close()


def is_fault(message):
    """A form that is refused is a 422, which the browser writes down and which is no fault of the page."""
    return message.type in ("error", "warning") and "status of 4" not in message.text


@pytest.fixture
def browser(browsers, chromium):
    return browsers(chromium)


UNLABELLED = """() => [...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
  .filter(one => !one.labels.length || !one.labels[0].textContent.trim()).map(one => one.outerHTML)"""
DOUBLE = "() => [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, n, all) => all.indexOf(id) !== n)"
DANGLING = """() => [...document.querySelectorAll('[aria-describedby], [aria-labelledby]')].flatMap(one =>
  [...(one.getAttribute('aria-describedby') || '').split(' '), one.getAttribute('aria-labelledby') || '']
  .filter(id => id && !document.getElementById(id)))"""
SMALL = """() => [...document.querySelectorAll('main button, main .button, main input:not([type=hidden]), main select')]
  .filter(one => one.offsetHeight && one.offsetHeight < 36).map(one => one.outerHTML)"""


def paths(campus):
    piece = campus.records.equipment(SITE)[0].id
    building = campus.records.buildings(SITE)[0].id
    return [
        f"{BASE}/{path}"
        for path in (
            "places", "buildings/new", f"buildings/{building}", "rooms/new", f"rooms/{campus.room}",
            "boards", f"boards/{campus.board}", f"boards/{STRANGER}",
            "equipment", "equipment?show=incomplete&page=2", "equipment/new", f"equipment/{piece}",
            "timetable", "month?month=2026-11", "month?month=2026-10", "connectivity", "equipment/nothing",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_fits_and_every_field_has_its_label(browser, campus, size, language):
    """Nothing reaches beyond the edge; one h1; labels, ids and descriptions belong together; buttons can be hit."""
    birth = {"points": {"power_w.1": {"unit": "W"}}}
    campus.records.saw_board(SITE, campus.board, None, birth=birth)
    with opened(browser, campus, size) as page:
        page.context.add_cookies([{"name": "campus_language", "value": language, "url": campus.url}])
        for path in paths(campus):
            page.goto(path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth"), path
            assert page.get_attribute("html", "lang") == language
            assert page.locator("h1").count() == page.locator("main").count() == 1, path
            for fault in (UNLABELLED, DOUBLE, DANGLING, SMALL):
                assert page.evaluate(fault) == [], path


def test_a_board_is_placed_in_two_taps(browser, campus):
    """On a phone, from the list of boards: the button, then the room."""
    with opened(browser, campus, has_touch=True) as page:
        page.goto(f"{BASE}/boards")
        name = campus.records.room(SITE, campus.silent).name
        page.locator("summary", has_text=STRANGER).tap()
        page.get_by_role("button", name=name, exact=True).tap()
        page.wait_for_url("**done=placed")
        assert campus.records.room_of(STRANGER, campus.app.state.context.now(), SITE) == campus.silent
        assert "Đã gắn" in page.get_by_role("status").inner_text()
        page.reload()  # a page that was gone on to: nothing is sent again
        page.goto(f"{BASE}/boards/{STRANGER}")
        page.get_by_role("button", name="Đưa ra khỏi phòng").tap()
        page.wait_for_url("**done=taken")
        assert page.locator("summary", has_text=STRANGER).count() == 1


def test_a_refused_form_puts_the_reader_at_the_wrong_field(browser, campus):
    """The first wrong field has the focus, its sentence is its description, and what was typed is still there."""
    with opened(browser, campus) as page:
        page.goto(f"{BASE}/rooms/new")
        page.get_by_label("Tên phòng").fill("Phòng thử")
        page.get_by_label("Sức chứa (người)").fill("chín")
        page.get_by_label("Loại phòng").select_option(index=1)
        page.get_by_label("Tầng").fill("2")
        page.get_by_label("Sức chứa (người)").press("Enter")
        page.wait_for_selector("[aria-invalid]")
        assert page.evaluate("document.activeElement.id") == "capacity"
        described = page.get_attribute("#capacity", "aria-describedby").split()
        assert "số nguyên từ 1 đến 5.000" in " ".join(page.inner_text(f"#{one}") for one in described)
        assert (page.input_value("#name"), page.input_value("#capacity")) == ("Phòng thử", "chín")
        assert page.get_by_role("alert").count() == 1
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type("40")
        page.keyboard.press("Enter")
        page.wait_for_url("**done=added")
        assert campus.records.room(SITE, "phong-thu").capacity == 40


def test_a_timetable_is_looked_at_and_imported(browser, campus, tmp_path):
    """The whole way in a browser: the stored one is downloaded, a file is sent, looked at and confirmed."""
    with opened(browser, campus) as page:
        page.goto(f"{BASE}/timetable")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Tải thời khóa biểu đang lưu").click()
        saved = tmp_path / "tkb.xlsx"
        waiting.value.save_as(saved)
        wrong = tmp_path / "sai.csv"
        wrong.write_text("Lớp,Thứ,Buổi,Tiết,Môn\n9Z,Thứ 2,Sáng,1,Toán\n9A,Thứ 9,Sáng,1,Toán\n", "utf-8")
        page.set_input_files("#file", wrong)
        page.click("button.main")
        page.wait_for_url("**/look/*")
        assert page.locator("table.lines tbody tr").count() == 2
        assert page.get_by_role("button", name="Xác nhận nhập").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="Chọn tệp khác").click()
        right = tmp_path / "dung.csv"
        right.write_text("Lớp,Thứ,Buổi,Tiết,Môn\n9A,Thứ 2,Sáng,1,Toán\n", "utf-8")
        page.set_input_files("#file", right)
        page.fill("#from", "2027-01-18")
        page.select_option("#session", "morning")
        page.click("button.main")
        page.wait_for_url("**/look/*")
        assert page.locator("table.changes tbody tr").count() > 10
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Xác nhận nhập").press("Enter")
        page.wait_for_url("**done=imported")
        ended = [one for one in campus.records.calendar(SITE).lessons if str(one.valid_to) == "2027-01-18"]
        assert ended and saved.stat().st_size > 1000


def test_the_sign_in_with_the_schools_service_fits(browser, campus):
    """The second button is as wide as the first, below it, and neither is cut off."""
    app = campus.app
    before = app.state.context
    app.state.context = replace(before, oidc=object())
    context = browser.new_context(viewport=PHONE, base_url=campus.url)
    try:
        page = context.new_page()
        page.goto("/sign-in")
        first, second = (page.locator(one).bounding_box() for one in ("button.main", ".other .button"))
        assert second["y"] >= first["y"] + first["height"]
        assert abs(second["width"] - first["width"]) < 1 and second["x"] == first["x"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        app.state.context = before
        context.close()

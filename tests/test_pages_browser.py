"""The pages in a real browser, as a person on a phone has them."""

from contextlib import contextmanager

import pytest
from api_school import MINUTE, NOW_MS, SITE, running

from campus.live import BoardState, RoomState

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


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


@pytest.fixture
def browser(browsers, chromium):
    return browsers(chromium)


@contextmanager
def opened(browser, campus, path="/", size=PHONE, **options):
    """A signed-in page; it fails if the page asked another host for anything or wrote an error."""
    context = browser.new_context(viewport=size, base_url=campus.url, **options)
    page = context.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None
    )
    page.goto(path)
    page.fill("#name", "admin")
    page.fill("#password", campus.password)
    page.click("button.main")
    page.wait_for_selector("[data-link][data-state=live]", state="attached")
    yield page
    assert not wrong
    assert all(url.startswith((campus.url + "/", "data:")) for url in asked)
    context.close()


def tile(campus):
    return f'[data-room="{campus.room}"]'


def state(campus, presence, **given):
    values = {"since_ms": NOW_MS - 2 * MINUTE, "motion_at_ms": None, "updated_at_ms": NOW_MS, "values": {}}
    return RoomState(SITE, campus.room, presence, **{**values, **given})


def test_a_person_signs_in_and_out(browser, campus):
    """The first address leads to the sign-in, a wrong password says so, the right one leads on, the end is the end."""
    context = browser.new_context(base_url=campus.url, viewport=PHONE)
    page = context.new_page()
    page.goto(f"/rooms/{SITE}/{campus.room}?day=2026-11-17")
    assert page.url.startswith(campus.url + "/sign-in?next=")
    assert page.get_attribute("html", "lang") == "vi"
    page.get_by_label("Tên đăng nhập").fill("admin")
    page.get_by_label("Mật khẩu").fill("wrong")
    page.keyboard.press("Enter")
    assert "không đúng" in page.get_by_role("alert").inner_text()
    assert page.input_value("#name") == "admin"
    page.get_by_label("Mật khẩu").fill(campus.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/rooms/{SITE}/{campus.room}?day=2026-11-17")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url("**/sign-in")
    page.goto("/")
    assert page.url.startswith(campus.url + "/sign-in")
    context.close()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_its_screen(browser, campus, size):
    """Nothing reaches beyond the right edge, on a phone of 360 px as on a desk, in light and in dark."""
    week = f"/rooms/{SITE}/{campus.room}"
    with opened(browser, campus, size=size) as page:
        for path in (
            "/",
            f"{week}?day=2026-11-17",
            f"{week}?day=2026-07-01",
            f"/rooms/{SITE}/{campus.silent}",
            "/x",
        ):
            page.goto(path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                assert page.evaluate("document.querySelector('main').scrollWidth <= innerWidth"), path
            assert page.locator("h1").count() == 1 and page.locator("main").count() == 1


def test_a_tile_changes_without_a_reload(browser, campus):
    """State, time, figures and the counts follow the live state while the page stays the same page."""
    campus.live.set_room(state(campus, True, values={"co2_ppm": 1234.0}))
    with opened(browser, campus) as page:
        page.evaluate("window.untouched = true")
        text = page.locator(tile(campus))
        page.wait_for_selector(tile(campus) + ".occupied")
        assert "Đang sử dụng" in text.inner_text() and "1.234 ppm" in text.inner_text()
        before = int(page.inner_text('[data-count="occupied"]'))
        campus.live.set_room(state(campus, False, values={"co2_ppm": 456.0, "temperature_c": 27.25}))
        page.wait_for_selector(tile(campus) + ".vacant")
        assert all(one in text.inner_text() for one in ("Đang trống", "từ 09:28", "456 ppm", "27,3 °C"))
        assert page.get_attribute(tile(campus) + " [data-icon]", "href") == "#i-vacant"
        assert int(page.inner_text('[data-count="occupied"]')) == before - 1
        campus.live.set_room(state(campus, None, since_ms=None))
        page.wait_for_selector(tile(campus) + ".unknown")
        assert "Chưa đo được" in text.inner_text()
        assert page.evaluate("window.untouched")


def test_boards_and_progress_change_without_a_reload(browser, campus):
    """A lost board marks its tile, a new one joins the unassigned, work under way shows a bar and then does not."""
    with opened(browser, campus) as page:
        mark = page.locator(tile(campus) + " [data-lost]")
        assert mark.is_hidden()
        campus.live.set_board(BoardState(SITE, campus.board, "lost", NOW_MS, campus.room))
        mark.wait_for(state="visible")
        campus.live.set_board(BoardState(SITE, campus.board, "online", NOW_MS, campus.room))
        mark.wait_for(state="hidden")
        campus.live.set_board(BoardState(SITE, "new-board", "online", NOW_MS, None))
        page.wait_for_selector('[data-board="new-board"]')
        assert "trực tuyến" in page.inner_text('[data-board="new-board"]')
        campus.live.set_board(BoardState(SITE, "new-board", "online", NOW_MS, campus.room))
        page.wait_for_selector('[data-board="new-board"]', state="detached")
        campus.live.set_progress("history", 335, 1000)
        page.wait_for_selector("[data-task=history] progress")
        assert "33,5" in page.inner_text("[data-task=history]")
        campus.live.set_progress("history", 1000, 1000)
        page.wait_for_selector("[data-task=history]", state="detached")


def test_lost_contact_is_seen_and_mended(browser, tmp_path):
    """When the server goes, the page says so and greys what it shows; when it is back, it catches up by itself."""
    from api.app import create_app
    from api.server import ApiServer

    with running(tmp_path) as campus, opened(browser, campus) as page:
        port = campus.server.port
        campus.server.stop()
        page.wait_for_selector("[data-outage]:not([hidden])")
        assert "Mất kết nối" in page.inner_text("[data-outage]") and "09:30" in page.inner_text(
            "[data-outage]"
        )
        assert "Mất kết nối" in page.inner_text("[data-link]")
        assert page.locator("[data-live].disconnected").count() == 1
        campus.live.set_room(state(campus, False))
        campus.server = ApiServer(create_app(campus.app.state.context), "127.0.0.1", port)
        campus.server.start()
        try:
            page.wait_for_selector(tile(campus) + ".vacant")
            page.wait_for_selector("[data-link][data-state=live]")
            assert page.locator("[data-outage]").is_hidden()
        finally:
            campus.server.stop()


def test_the_language_changes_and_the_page_stays(browser, campus):
    """The same address in the other language, remembered, with its numbers and its lang attribute."""
    path = f"/rooms/{SITE}/{campus.room}?day=2026-11-17"
    with opened(browser, campus, path, DESK) as page:
        assert "Tỷ lệ thời gian sử dụng" in page.inner_text(
            "main"
        ) and "Thứ 3, 17/11/2026" in page.inner_text("main")
        assert "27,0\u00a0%" in page.inner_text(".figure")
        page.get_by_role("button", name="English").click()
        page.wait_for_selector("html[lang=en]")
        assert page.url == campus.url + path
        assert "Frequency rate" in page.inner_text("main") and "Tuesday, 17/11/2026" in page.inner_text(
            "main"
        )
        assert "27.0\u00a0%" in page.inner_text(".figure")
        page.goto("/")
        assert "Occupied" in page.inner_text("main") and "Đang sử dụng" not in page.inner_text("main")


def test_the_room_page_shows_the_timetable_against_what_was_measured(browser, campus):
    """Every outcome by a word as well as a colour, the evidence in minutes, and the week that is chosen."""
    with opened(browser, campus, f"/rooms/{SITE}/{campus.room}?day=2026-11-17", DESK) as page:
        table = page.inner_text("table.timetable")
        for word in (
            "Có sử dụng",
            "Một phần",
            "Không sử dụng",
            "Chưa đo được",
            "Sắp tới",
            "45/45 phút",
            "0/45 phút",
        ):
            assert word in table
        assert page.locator("polyline.c-curve").count() == 2  # the hole in the afternoon is a gap
        assert page.locator("rect.b-occupied").count() >= 3 and page.locator("rect.b-unknown").count() == 1
        page.select_option("#day", index=0)
        page.get_by_role("button", name="Xem").click()
        page.wait_for_url("**day=2026-12-01")
        assert "Không đủ dữ liệu" in page.inner_text(".rate")


def test_a_room_without_data_says_so(browser, campus):
    """No curve, no rate and no zero: words."""
    with opened(browser, campus, f"/rooms/{SITE}/{campus.silent}") as page:
        assert "Không đủ dữ liệu" in page.inner_text(".rate") and "Không có số liệu CO₂" in page.inner_text(
            ".chart"
        )
        assert page.locator("polyline").count() == 0
        assert page.locator(".tally strong").all_inner_texts() == ["–"] * 5


def test_the_board_works_from_the_keyboard(browser, campus):
    """The first stop skips to the content, and a tile opens with Enter."""
    with opened(browser, campus, size=DESK) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.focus(tile(campus) + " a")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/rooms/{SITE}/{campus.room}")

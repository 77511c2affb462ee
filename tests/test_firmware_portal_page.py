"""The portal's page in a real browser of a phone's size, served by a real MicroPython."""

from contextlib import contextmanager

import pytest
from portal_board import CODE, CONFIG, Board

PHONE = {"width": 360, "height": 640}
NAME = "Trường \"A\" & <b>'B'</b>"  # 32 bytes with what people and attackers put into a name
VI = ("Tên Wi-Fi", "Mật khẩu Wi-Fi", "Địa chỉ máy chủ", "Mã kích hoạt", "Lưu")
EN = ("Wi-Fi name", "Wi-Fi password", "Server address", "Claim code", "Save")


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
def board(tmp_path, micropython):
    return Board(tmp_path, micropython)


@contextmanager
def opened(browsers, chromium, board, locale="vi-VN", **options):
    """The page on a phone; it fails if it asked another host for anything."""
    context = browsers(chromium).new_context(viewport=PHONE, locale=locale, base_url=board.url, **options)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    yield page
    assert asked and all(url.startswith(board.url + "/") for url in asked)
    context.close()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def said(page):
    """The sentences that are seen, in order."""
    return page.locator("b:visible").all_inner_texts()


def values(page, labels):
    return [page.get_by_label(label).input_value() for label in labels[:4]]


def fill(page, labels, *texts):
    for label, text in zip(labels, texts, strict=False):
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name=labels[4]).click()


@pytest.mark.parametrize(
    ("locale", "labels", "wrong", "again", "saved"),
    [
        (
            "vi-VN",
            VI,
            ("tối đa 32 byte", "8–63 ký tự", "ví dụ 192.168.1.10", "Cần mã kích hoạt đúng"),
            "Hãy nhập lại mật khẩu.",
            "Đã lưu. Thiết bị đo đang khởi động lại.",
        ),
        (
            "en-GB",
            EN,
            ("at most 32 bytes", "8–63 signs", "such as 192.168.1.10", "Type the claim code"),
            "Type the password again.",
            "Saved. The board restarts.",
        ),
    ],
    ids=["Vietnamese", "English"],
)
def test_a_person_fills_the_form_wrong_and_then_right(
    browsers, chromium, board, locale, labels, wrong, again, saved
):
    """Each wrong field says so below it, what was typed stays, right settings are saved; nothing exceeds 360 px."""
    board.start()
    with opened(browsers, chromium, board, locale) as page:
        assert page.get_attribute("html", "lang") == locale[:2]
        assert values(page, labels) == ["", "", "192.168.1.10", ""] and fits(page)
        assert said(page) == []
        fill(page, labels, "x" * 33, "short", "192.168.1.300", "0000")
        assert all(part in sentence for part, sentence in zip(wrong, said(page), strict=True)), said(page)
        for label, part in zip(labels[:4], wrong, strict=True):
            assert page.locator("label", has=page.get_by_label(label)).get_by_text(part).is_visible()
        assert values(page, labels) == ["x" * 33, "", "192.168.1.300", "0000"] and fits(page)
        fill(page, labels, NAME, "mật khẩu dài", "máy chủ", CODE.lower())
        assert said(page)[0] == again and wrong[2] in said(page)[1] and len(said(page)) == 2
        assert values(page, labels) == [NAME, "", "máy chủ", CODE.lower()] and fits(page)
        fill(page, labels, NAME, "mật khẩu dài", "10.0.0.5")
        assert said(page) == [saved] and fits(page)
        assert not page.locator("form, a").filter(visible=True).count()
    assert board.ended()[-1] == "saved"
    assert board.config() == {
        **CONFIG,
        "broker": {"host": "10.0.0.5", "port": 8883},
        "wifi": {"ssid": NAME, "password": "mật khẩu dài"},
    }


def test_labels_are_bound_and_the_other_language_is_one_touch_away(browsers, chromium, board):
    """Each field is named by its label, can be hit by a finger, and keeps its first letter as typed."""
    board.start()
    with opened(browsers, chromium, board) as page:
        for labels, other, lang in ((VI, "English", "vi"), (EN, "Tiếng Việt", "en"), (VI, "English", "vi")):
            assert page.get_attribute("html", "lang") == lang
            for label in labels[:4]:
                field = page.get_by_label(label)
                assert field.evaluate("field => field.labels.length") == 1
                assert field.bounding_box()["height"] >= 44
                assert field.evaluate("field => field.autocapitalize") == "none"
            assert page.get_by_label(labels[1]).get_attribute("type") == "password"
            page.get_by_role("link", name=other).click()
            page.wait_for_load_state()


def injected(browsers, chromium, board):
    """How many elements a name brings into the page."""
    with opened(browsers, chromium, board) as page:
        fill(page, VI, '"><i id=injected></i>' + "x" * 32)
        return page.locator("#injected").count()


def test_a_name_is_text_and_never_a_part_of_the_page(browsers, chromium, board):
    """Signs of HTML in what was typed stay in their field."""
    board.start()
    assert injected(browsers, chromium, board) == 0


def test_control_without_escaping_a_name_becomes_a_part_of_the_page(browsers, chromium, board):
    """The same name where nothing is escaped."""
    board.start("raw")
    assert injected(browsers, chromium, board) == 1


def test_large_letters_do_not_break_the_page(browsers, chromium, board):
    """With the browser's letters twice as large, and a screen of 320 px, nothing is cut off."""
    board.start()
    with opened(browsers, chromium, board) as page:
        page.set_viewport_size({"width": 320, "height": 640})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert fits(page)

"""Take the README's picture from a running demo: `make screenshot`. Needs Chromium.

The demo runs in a folder of its own; desk and phone are put side by side by a page of our own.
"""

import base64
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
DESK, PHONE = {"width": 1180, "height": 860}, {"width": 360, "height": 860}
WAIT_S = 240


def main(target: Path) -> None:
    campus = Path(sys.executable).with_name("campus")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("Chromium is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        command = [campus, "demo", "--data", f"{folder}/data", "--http", "127.0.0.1:0", "--days", "7"]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            url, password = _await_history(demo)
            _picture(browser, url, password, target)
        finally:
            demo.terminate()
            demo.wait(60)


def _await_history(demo: "subprocess.Popen[str]") -> tuple[str, str]:
    told, until = "", time.monotonic() + WAIT_S
    assert demo.stdout is not None  # noqa: S101
    while "complete" not in told and time.monotonic() < until:
        told += demo.stdout.readline()
    time.sleep(8)  # the tiles follow the history
    url, password = re.search(r"http://\S+", told), re.search(r"the password (\S+)", told)
    if url is None or password is None:
        sys.exit(f"The demo did not come up:\n{told}")
    return url[0], password[1]


def _picture(browser: str, url: str, password: str, target: Path) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        desk, phone = chromium.new_page(viewport=DESK), chromium.new_page(viewport=PHONE)
        shots = []
        for page, path in ((desk, ""), (phone, "room")):
            _sign_in(page, url, password)
            if path:
                page.locator('a[href*="/rooms/"]').nth(1).click()
                page.wait_for_load_state()
            shots.append(base64.b64encode(page.screenshot()).decode())
        together = chromium.new_page(viewport={"width": 1180 + 360 + 90, "height": 860 + 60})
        frame = "border-radius:14px;box-shadow:0 2px 14px #0003;margin-left:30px"
        images = "".join(f'<img style="{frame}" src="data:image/png;base64,{shot}">' for shot in shots)
        together.set_content(f'<body style="margin:30px 0;display:flex;background:#e7ebee">{images}</body>')
        together.screenshot(path=target)
        chromium.close()


def _sign_in(page: Page, url: str, password: str) -> None:
    page.goto(url)
    page.locator('input[autocomplete="username"]').fill("admin")
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_selector('a[href*="/rooms/"]')


if __name__ == "__main__":
    main(Path(sys.argv[1]))

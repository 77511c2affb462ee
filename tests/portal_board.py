"""The board's portal on a real MicroPython with an ESP32's heap, on ports of loopback: board_shims/portal_alone.py."""

import json
import re
import socket
import time
from pathlib import Path

import httpx
from processes import finish, free_port

ROOT = Path(__file__).resolve().parent.parent
SHIMS = ROOT / "tests" / "board_shims"
HEAP_KIB = 96
CODE = "0123-4567-89AB-CDEF-GHJS"
CONFIG = {
    "site": "demo",
    "broker": {"host": "192.168.1.10", "port": 8883},
    "sensors": [{"kind": "pir", "pin": 27}],
}
GOOD = {"ssid": "Trường học 2", "password": "mật khẩu", "host": "10.0.0.5", "code": CODE}


class Board:
    """A folder as a board's flash, and a MicroPython that serves the portal from it."""

    def __init__(self, folder, micropython):
        self.folder, self._micropython = folder, micropython
        self.port, self.dns_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=10)
        (folder / "config.json").write_text(json.dumps(CONFIG))
        (folder / "nvs.json").write_text(json.dumps({"campus": {"ap_password": "made-up-word"}}))

    def start(self, defect=""):
        with (self.folder / "log").open("w") as log:
            arguments = [SHIMS / "portal_alone.py", self.port, self.dns_port, defect]
            self._process = self._micropython.start(
                arguments, cwd=self.folder, heap_kib=HEAP_KIB, path=[SHIMS, ROOT], stdout=log, stderr=log
            )
        wait_for(lambda: "open" in self.log() or self._process.poll() is not None)
        wait_for(self.answers)
        return self

    def stop(self):
        finish(self._process)

    def answers(self):
        try:
            return self.http.get("/", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def ended(self):
        """What it says when it ends by itself."""
        assert self._process.wait(30) == 0, self.log()
        return self.log().splitlines()

    def log(self):
        return (self.folder / "log").read_text()

    def config(self):
        return json.loads((self.folder / "config.json").read_text())

    def nvs(self):
        return json.loads((self.folder / "nvs.json").read_text())["campus"]

    def token(self):
        return re.search(r"name=token value=(\w+)", self.http.get("/").text)[1]

    def post(self, path="/en", headers=None, **fields):
        form = {"token": self.token(), **GOOD, **fields}
        return self.http.post(path, data=form, headers=headers)

    def heap_free(self):
        """Bytes that are free after a collection."""
        (self.folder / "measure").touch()
        wait_for(lambda: not (self.folder / "measure").exists())
        return int((self.folder / "heap.txt").read_text())

    def ask(self, query):
        """The answer to a DNS query, or None within half a second."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.sendto(query, ("127.0.0.1", self.dns_port))
            try:
                return client.recv(512)
            except TimeoutError:
                return None


def wait_for(condition, within_s=30):
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)

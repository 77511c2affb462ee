"""A school with a real broker for real boards: `campus init`, `campus up`, its mosquitto, TLS; and ways to disturb."""

import contextlib
import json
import re
import socket
import struct
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import httpx
from cli import Running, campus
from processes import free_port

from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.telemetry.stores import open_telemetry

BOARD = "esp32-a0b1c2d3e4f5"  # the id of the shims' chip
NAME = "campus-monitor"
INVENTORY = {"site": {"id": "demo", "name": "THCS Hoa Sen", "tz": "Asia/Ho_Chi_Minh"}}


class School:
    """`folder` is its disk. Boards connect to `proxy`, which can be told to break what passes."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.broker_port = free_port()
        made = campus("init", "--data", "data", "--host", "127.0.0.1", "--listen", "127.0.0.1",
                      "--port", self.broker_port, cwd=folder)  # fmt: skip
        assert made.returncode == 0, made.stderr
        (folder / "school.json").write_text(json.dumps(INVENTORY))
        told = campus("inventory", "school.json", "--data", "data", cwd=folder)
        assert told.returncode == 0, told.stderr
        self.accounts = Accounts(self.data / "broker")
        self.ca = Authority(self.data / "broker").ca_pem()
        self.proxy = Proxy(self.broker_port)
        self._system = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.proxy.close()
        self._system.stop()

    def start(self):
        self._system = Running("up", "--data", "data", "--http", "127.0.0.1:0", cwd=self.folder)
        self._system.told(r"is up: (http://\S+)")
        return self

    def stop(self):
        assert self._system.stop() == 0, self._system.log.read_text()

    def kill(self):
        """The collector's process, as a power cut ends it; its mosquitto goes on alone until the next start."""
        self._system.kill()

    @property
    def broker(self):
        """config.json's part on the broker."""
        return {"host": "127.0.0.1", "port": self.proxy.port, "tls": True, "name": NAME}

    def enrol(self, board=BOARD, site="demo"):
        """What the chip's NVS holds after enrolment."""
        return {"password": self.accounts.add_board(site, board), "ca": self.ca}

    def get(self, path, **query):
        told = json.loads((self.data / "run.json").read_text())
        headers = {"Authorization": f"Bearer {told['token']}"}
        return httpx.get(told["http"] + path, params=query, headers=headers, timeout=20)

    def exported(self):
        """The readings that the running system has stored, as CSV with a header; "" while it does not answer."""
        try:
            return self.get("/api/v1/readings/export", format="csv").text
        except (OSError, ValueError, httpx.HTTPError):
            return ""

    def count(self):
        """How many readings the running system has stored; -1 while it does not answer."""
        return self.exported().count("\n") - 1

    def until(self, condition, what, within_s=120):
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, f"never came: {what}"
            time.sleep(0.2)

    def more(self, readings, within_s=120):
        self.until(lambda: self.exported(), "an answer")
        goal = self.count() + readings
        self.until(lambda: self.count() >= goal, f"{readings} more readings in the store", within_s)

    def measured(self, boots):
        """Wait for the first CO2 measurement of so many boots of a board: readings alone may be of the one before."""
        first = re.compile(r",co2_ppm,\d+,400\.0,")
        self.until(lambda: len(first.findall(self.exported())) == boots, f"measurements of {boots} boots")

    def stored(self):
        """point -> samples (Unix ms, value, quality) of all boards, from the closed store."""
        with closing(open_telemetry("duckdb", self.data)) as store:
            return {key.point: store.read([key], 0, 2**53)[key] for key in store.series()}


class Proxy:
    """A TCP way to `port` that can fall silent: nothing passes and nobody is told, as with a half-open connection."""

    def __init__(self, port):
        self.host = "127.0.0.1"
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        self.drop()

    def freeze(self):
        """Connections that are open now pass nothing any more; later ones do."""
        for pair in self._pairs:
            pair.frozen = True

    def drop(self):
        for pair in self._pairs:
            pair.drop()

    def cut(self):
        """Nobody gets through: connections are dropped, new ones too."""
        self._cut = True
        self.drop()

    def mend(self):
        self._cut = False

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._cut:
                    raise OSError
                self._pairs.append(_Pair(client, socket.create_connection(("127.0.0.1", self._to))))
            except OSError:
                client.close()


class _Pair:
    def __init__(self, client, server):
        self.frozen = False
        self._both = client, server
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def drop(self):
        for one in self._both:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _pass(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.frozen:
                    return
                target.sendall(data)
        self.drop()


class TimeServer:
    """An SNTP server whose clock is `offset_s` ahead of the computer's."""

    def __init__(self):
        self.offset_s = 0
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                packet, client = self._socket.recvfrom(128)
            except OSError:
                return
            since_1900 = datetime.now(UTC).timestamp() + self.offset_s + 2_208_988_800
            stamp = struct.pack("!II", int(since_1900) & 0xFFFFFFFF, int(since_1900 % 1 * 2**32))
            self.asked += 1
            self._socket.sendto(bytes((0x24, 8, 0, 0)) + bytes(20) + packet[40:48] + stamp + stamp, client)

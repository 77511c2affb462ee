"""Small programs on a real MicroPython with an ESP32's heap, and small servers on loopback for them to talk to."""

import json
import os
import socket
import threading
import time

import pytest

HEAP_KIB = 96
PROLOGUE = """
import asyncio, json, socket, sys, time
from firmware.board import exchange, probe, sntp
from firmware.board.clock import Clock, Uptime, rtc_ms
from firmware.board.port import sleep_ms
uptime = Uptime()
"""


def run_program(micropython, folder, text, *arguments):
    """Run a program after PROLOGUE in `folder`; what it printed last, out of JSON."""
    (folder / "program.py").write_text(PROLOGUE + text)
    done = micropython.run([folder / "program.py", *arguments], cwd=folder, heap_kib=HEAP_KIB)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def need(here, what, advice):
    """Skip, or fail where skipping is not wanted."""
    if not here:
        message = f"needs {what}: {advice}"
        if os.environ.get("CAMPUS_TEST_NO_SKIP") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


def at(sock):
    """The "host:port" of a socket of this test."""
    host, port = sock.getsockname()
    return f"{host}:{port}"


class UdpServer:
    """answers(packet, number) -> [(bytes, seconds to wait before)], for the packets from 0 on, which `heard` keeps."""

    def __init__(self, answers):
        self.heard: list[bytes] = []
        self._answers = answers
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.address = at(self._sock)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._sock.sendto(b"", self._sock.getsockname())
        self._thread.join()
        self._sock.close()

    def _serve(self):
        while True:
            packet, who = self._sock.recvfrom(512)
            if not packet:
                return
            self.heard.append(packet)
            for answer, pause_s in self._answers(packet, len(self.heard) - 1):
                time.sleep(pause_s)
                self._sock.sendto(answer, who)

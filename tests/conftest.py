"""Fixtures that several test files share, and what happens where a tool is missing: skipped, loudly counted.

With CAMPUS_TEST_NO_SKIP=1 a missing tool fails the test instead.
"""

import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from processes import finish, free_port, launch, program
from servers import ROOT, Chrony, InfluxDB, Mosquitto, PostgreSQL

settings.register_profile("campus", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("campus")

MICROPYTHON = ROOT / ".tools" / "micropython" / "micropython"
INSTALL = "run tools/install-test-needs"


def _data_dir() -> Path:
    return Path(os.environ.get("CAMPUS_DATA_SETS") or ROOT.parent / "shared" / "data")


def _chromium() -> str | None:
    return next(filter(None, map(program, ("chromium", "chromium-browser", "google-chrome"))), None)


TOOLS = {
    "mosquitto": (lambda: program("mosquitto"), INSTALL),
    "micropython": (lambda: os.access(MICROPYTHON, os.X_OK), INSTALL),
    "influxdb": (lambda: program("influxd"), INSTALL),
    "chrony": (lambda: program("chronyd"), INSTALL),
    "postgresql": (lambda: program("initdb") and program("postgres"), INSTALL),
    "chromium": (_chromium, INSTALL),
    "compose": (lambda: program("docker-compose"), INSTALL),
    "data": (lambda: (_data_dir() / "occupancy").is_dir(), "set CAMPUS_DATA_SETS to the recorded data sets"),
}
"""tool -> (whether it is here, what to do where it is not). Each is also a marker."""
FIXTURES = {"data_dir": "data", **{tool: tool for tool in TOOLS if tool != "data"}}


def pytest_collection_modifyitems(items):
    """A test that asks for a tool's fixture carries its marker too, so `-m 'not chromium'` leaves it out."""
    for item in items:
        for fixture in sorted(FIXTURES.keys() & set(getattr(item, "fixturenames", ()))):
            if item.get_closest_marker(FIXTURES[fixture]) is None:
                item.add_marker(FIXTURES[fixture])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for tool, (here, advice) in TOOLS.items():
        if item.get_closest_marker(tool) is not None and not here():
            message = f"needs {tool}, which is not here: {advice}"
            if os.environ.get("CAMPUS_TEST_NO_SKIP") == "1":
                pytest.fail(message, pytrace=False)
            pytest.skip(message)


def pytest_terminal_summary(terminalreporter):
    missing: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", ()):
        found = re.search(r"needs (\w+), which is not here", str(report.longrepr))
        if found:
            missing[found[1]] += 1
    if missing:
        terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
        for tool, tests in sorted(missing.items()):
            terminalreporter.line(f"{tests} tests skipped: {tool} is not here ({TOOLS[tool][1]})", red=True)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    """The settings of the person who runs the tests are not the tests'."""
    for name in list(os.environ):
        if name.startswith("CAMPUS_") and name not in ("CAMPUS_TEST_NO_SKIP", "CAMPUS_DATA_SETS"):
            monkeypatch.delenv(name)


@pytest.fixture(name="free_port")
def _free_port():
    """A function that gives a free TCP port of loopback."""
    return free_port


@pytest.fixture
def data_dir() -> Path:
    """The folder of the recorded data sets (occupancy/, equipment/, timetable/)."""
    return _data_dir()


@pytest.fixture
def mosquitto(tmp_path):
    """This test's own running Mosquitto, anyone may enter. For users or rights make a Mosquitto yourself."""
    with Mosquitto(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture
def chrony(tmp_path):
    """A running chronyd, which leaves this machine's clock alone."""
    with Chrony(tmp_path / "chrony") as server:
        yield server


@pytest.fixture(scope="session")
def _influxdb(tmp_path_factory):
    with InfluxDB(tmp_path_factory.mktemp("influxdb"), user="campus", password="made-up") as server:
        yield server


@pytest.fixture
def influxdb(_influxdb):
    """A running InfluxDB 1.x, shared; `influxdb.database()` is this test's own database's URL."""
    yield _influxdb.start()
    _influxdb.start()


@pytest.fixture(scope="session")
def _postgresql():
    # Not below pytest's own folder, which another run may close to the postgres user.
    with (
        tempfile.TemporaryDirectory(prefix="campus-postgresql-") as folder,
        PostgreSQL(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def postgresql(_postgresql):
    """A running PostgreSQL, shared; `postgresql.database()` is this test's own database's URL."""
    yield _postgresql.start()
    _postgresql.start()


@pytest.fixture
def chromium() -> str:
    """The path of a Chromium."""
    path = _chromium()
    assert path
    return path


class MicroPython:
    """A real MicroPython interpreter.

    `heap_kib` is its heap as a 32-bit board counts; `path`, its MICROPYPATH, is the checkout unless given.
    """

    def __init__(self) -> None:
        self.command = [str(MICROPYTHON)]
        self._started: list[subprocess.Popen] = []

    def run(
        self, args, cwd=None, timeout=60, heap_kib=None, path=None, **options
    ) -> subprocess.CompletedProcess:
        """Run to the end; the CompletedProcess has the output as text. A program that fails does not raise."""
        options = {"capture_output": True, "text": True, "check": False, **options}
        command, options = self._call(args, heap_kib, path, options)
        return subprocess.run(command, cwd=cwd, timeout=timeout, **options)

    def start(self, args, cwd=None, heap_kib=None, path=None, **options) -> subprocess.Popen:
        """Start and return the Popen; it is killed when the test ends."""
        command, options = self._call(args, heap_kib, path, options)
        self._started.append(launch(command, cwd=cwd, **options))
        return self._started[-1]

    def stop(self) -> None:
        for process in self._started:
            finish(process)

    def _call(self, args, heap_kib, path, options):
        heap = [] if heap_kib is None else ["-X", f"heapsize={heap_kib}wk"]
        folders = [ROOT] if path is None else path
        environment = {**(options.pop("env", None) or os.environ)}
        environment["MICROPYPATH"] = ":".join([".frozen", *map(str, folders)])
        return [*self.command, *heap, *map(str, args)], {**options, "env": environment}


@pytest.fixture
def micropython():
    """A real MicroPython: `.run(args, cwd, timeout)`, `.start(args)`, `.command`; imports from the checkout."""
    interpreter = MicroPython()
    yield interpreter
    interpreter.stop()

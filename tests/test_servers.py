"""The real servers that tests start: they keep their disk, and none outlives the tests."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from processes import _ports, free_port
from servers import Mosquitto


def _client(server, user=None, password=None):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if user:
        client.username_pw_set(user, password)
    client.connect(server.host, server.port)
    client.loop_start()
    return client


def _retained(server, topic):
    """The payload kept under a topic, or None."""
    got = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: got.append(message.payload)
    done = []
    client.on_subscribe = lambda *_: done.append(True)
    client.connect(server.host, server.port)
    client.subscribe(topic, qos=1)
    until = time.monotonic() + 20
    while time.monotonic() < until and not (done and got):
        client.loop(0.1)
    client.disconnect()
    return got[0] if got else None


@pytest.mark.mosquitto
def test_mosquitto_keeps_its_disk_and_port_over_a_restart(mosquitto):
    """A retained message and the port survive a restart."""
    port = mosquitto.port
    client = _client(mosquitto)
    client.publish("a/b", b"kept", qos=1, retain=True).wait_for_publish(20)
    client.loop_stop()
    mosquitto.restart()
    assert mosquitto.port == port
    assert _retained(mosquitto, "a/b") == b"kept"


@pytest.mark.mosquitto
def test_mosquitto_with_users_lets_only_them_in(tmp_path):
    """With users given, a wrong password is refused and a right one is not."""
    answers = []
    with Mosquitto(tmp_path, users={"board": "right"}) as server:
        for password in ("wrong", "right"):
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
            client.username_pw_set("board", password)
            client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(reason.is_failure)
            client.connect(server.host, server.port)
            until = time.monotonic() + 20
            wanted = len(answers) + 1
            while len(answers) < wanted and time.monotonic() < until:
                client.loop(0.1)
            client.disconnect()
    assert answers == [True, False]


def test_influxdb_keeps_what_was_written_over_a_kill(influxdb):
    """A database made before SIGKILL is there after the next start."""
    name = influxdb.database().rsplit("/", 1)[1]
    influxdb.kill()
    assert not influxdb.running
    influxdb.start()
    assert name in influxdb.query("SHOW DATABASES")


def test_postgresql_gives_each_test_its_own_database(postgresql):
    """Two databases are two, and a table in one survives a restart and is not in the other."""
    first, second = (postgresql.database().replace("+psycopg", "") for _ in range(2))
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    postgresql.restart()
    with psycopg.connect(first) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with psycopg.connect(second) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT count(*) FROM kept")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_nothing_outlives_a_killed_test_run():
    """When the tests' process is killed, what it launched ends too; what was not launched so does not (control)."""
    program = (
        "import subprocess, time; from processes import launch;"
        "print(launch(['sleep', '600']).pid, subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    launched, control = map(int, run.stdout.readline().split())
    try:
        assert _alive(launched) and _alive(control)
        run.kill()
        run.wait()
        until = time.monotonic() + 20
        while _alive(launched) and time.monotonic() < until:
            time.sleep(0.02)
        assert not _alive(launched)
        assert _alive(control)
    finally:
        os.kill(control, signal.SIGKILL)
        run.stdout.close()


def test_pytest_s_processes_give_no_port_of_each_other():
    """A server that is down keeps its port, which looks free."""
    shares = [_ports(f"gw{n}", 3) for n in range(3)]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(shares))
    assert shares[0][0] >= 20_000 and shares[-1][1] <= 32_000
    assert _ports(None, 1) == (20_000, 32_000)


def test_free_ports_are_not_given_twice():
    """A hundred ports in a row are a hundred ports."""
    assert len({free_port() for _ in range(100)}) == 100

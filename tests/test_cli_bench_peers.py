"""`campus bench peers` at a tiny size: real programs, right counts, and one sentence where one is missing."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from cli import campus, refused
from processes import program

from campus.cli.bench_parts import broker, cpu_s, end, influxd
from campus.cli.bench_peer_files import node_red_flow, telegraf_conf
from campus.cli.bench_peers import _limit, _middle

FIGURES = {
    "messages_per_s", "readings_per_s", "cpu_us_per_message", "cpu_us_lowest", "cpu_us_highest", "cpu_to_paho",
    "database_us_per_message", "cores", "counted", "limited_by",
}  # fmt: skip


def peers(tmp_path, *options, **settings):
    done = campus("bench", "peers", "--json", "--boards", 5, *options, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.mosquitto
@pytest.mark.influxdb
def test_every_candidate_is_counted_at_its_own_end(tmp_path):
    """The floor counts messages, the collector readings, in either store; two rounds give two runs of each."""
    told, said = peers(tmp_path, "--messages", 300, "--rows", 2, "--repeat", 2)
    assert (told["messages"], told["rows"], told["rounds"]) == (300, 2, 2)
    counts = {name: one["counted"] for name, one in told["candidates"].items()}
    assert counts == {"paho": 300, "campus": 2400, "campus-influxdb": 2400}
    assert all(set(one) == FIGURES for one in told["candidates"].values())
    assert all(len(runs) == 2 for runs in told["runs"].values())
    assert told["candidates"]["paho"]["cpu_to_paho"] in (1.0, None)
    assert told["candidates"]["campus-influxdb"]["database_us_per_message"] is not None
    assert [line.split()[0] for line in told["left_out"]] == ["node-red", "telegraf"]
    assert "--node-red" in said and "--telegraf" in said


@pytest.mark.mosquitto
@pytest.mark.influxdb
def test_a_program_that_brings_nothing_is_told(tmp_path):
    """One that ends at once stands for a Node-RED that does not start: the sentence says what it said last."""
    fake = tmp_path / "node-red"
    fake.write_text("#!/bin/sh\necho cannot find its module\nexit 1\n")
    fake.chmod(0o755)
    done = campus(
        "bench", "peers", "--messages", 50, "--boards", 5, "--repeat", 1, "--node-red", fake, cwd=tmp_path
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("campus: Node-RED brings no message") and "cannot find its module" in last


@pytest.mark.mosquitto
@pytest.mark.influxdb
def test_a_subscriber_that_writes_lines_is_counted(tmp_path):
    """The way of programs of others, walked by a small program that stands for them: all of it is counted."""
    fake = tmp_path / "telegraf"
    fake.write_text(f"#!{sys.executable}\n{SUBSCRIBER}")
    fake.chmod(0o755)
    told, _ = peers(tmp_path, "--messages", 200, "--rows", 3, "--repeat", 1, "--telegraf", fake)
    one = told["candidates"]["telegraf"]
    assert one["counted"] == 200 * 3 * 4 and one["database_us_per_message"] is not None


SUBSCRIBER = """
import json, re, sys, urllib.request
import paho.mqtt.client as mqtt
conf = open(sys.argv[2]).read()
host, port = re.search(r'tcp://([^:]+):(\\d+)', conf).groups()
url = re.search(r'urls = \\["([^"]+)"', conf)[1] + "/write?db=bench&precision=ms"
def take(client, data, message):
    parts, told = message.topic.split("/"), json.loads(message.payload)
    lines = "\\n".join(
        f"telemetry,site={parts[2]},board={parts[3]} "
        + ",".join(f"{c}={v}" for c, v in zip(told["c"], row[2:])) + f" {told['ts'] + row[1]}"
        for row in told["rows"]
    )
    urllib.request.urlopen(urllib.request.Request(url, lines.encode())).close()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = lambda *_: client.subscribe("campus/v1/+/+/telemetry", 1)
client.on_message = take
client.connect(host, int(port))
client.loop_forever()
"""


def test_a_wrong_path_is_one_sentence(tmp_path):
    """What is named and not there is told before anything starts."""
    for option in ("--node-red", "--telegraf", "--influxd"):
        line = refused(campus("bench", "peers", option, tmp_path / "nowhere", cwd=tmp_path))
        assert "There is no program" in line and "nowhere" in line


def test_without_mosquitto_it_says_what_to_install(tmp_path, monkeypatch):
    """A machine without the broker."""
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(Exception, match="mosquitto is not installed: install it"), broker(tmp_path):
        pass


def test_cpu_of_a_tree_counts_children():
    """A shell that lets its children work has their time, of those that have ended too."""
    busy = f"{sys.executable} -c 'sum(range(10**7))'"
    process = subprocess.Popen(
        ["sh", "-c", f"{busy}; {busy}; echo done; read _"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().strip() == "done"
        assert cpu_s(process.pid) > 0.05
        assert cpu_s(process.pid) <= cpu_s(os.getpid())
    finally:
        process.stdin.close()
        end(process)
        process.stdout.close()
    assert cpu_s(process.pid) == 0


@pytest.mark.influxdb
def test_what_influxdb_took_and_holds(tmp_path):
    """A repeated point is taken twice and held once: the end is seen by one figure, and proved by the other."""
    import urllib.request

    with influxd(program("influxd"), tmp_path) as influx:
        before = influx.taken()
        for _ in range(2):
            line = b"telemetry,site=bench,board=b1 co2_ppm=500 1795000000000"
            urllib.request.urlopen(
                f"http://127.0.0.1:{influx.port}/write?db=bench&precision=ms", line
            ).close()
        assert influx.taken() - before == 2
        assert influx.count("co2_ppm", "telemetry", "bench") == 1
        assert influx.count("co2_ppm", "telemetry", "other") == 0


def test_what_limits_is_named():
    """A full core of a part first, then the machine, and whether it was busy with others."""
    cores = os.cpu_count() or 1
    assert _limit({"candidate": 0.97, "broker": 0.3, "others": 0.1}) == "candidate: a core is full"
    assert _limit({"candidate": 0.5, "influxdb": 1.4, "broker": 0.1}) == "influxdb: 1.4 cores"
    assert _limit({"candidate": 0.3, "broker": 0.1, "others": 0.0}) == "disk or load"
    assert _limit({"candidate": 0.5, "generator": cores, "others": 0.1}) == "machine: all cores are full"
    assert _limit({"candidate": 0.5, "others": cores}) == "machine: other programs fill it"


def test_the_middle_of_the_runs():
    """Medians of the figures, and the lowest and highest cost beside them."""
    runs = [
        {"messages_per_s": r, "readings_per_s": 4 * r, "cpu_us_per_message": c, "database_us_per_message": None,
         "limited_by": str(r)}
        for r, c in ((10.0, 5.0), (30.0, 9.0), (20.0, 4.0))
    ]  # fmt: skip
    told = _middle(runs)
    assert (told["messages_per_s"], told["cpu_us_per_message"]) == (20.0, 5.0)
    assert (told["cpu_us_lowest"], told["cpu_us_highest"], told["limited_by"]) == (4.0, 9.0, "20.0")


def test_the_files_for_programs_of_others_name_broker_and_database():
    """Ports and the subscription are those of this run."""
    flow = {node["id"]: node for node in node_red_flow("mqtt://127.0.0.1:4321", 8765)}
    assert (flow["broker"]["broker"], flow["broker"]["port"]) == ("127.0.0.1", "4321")
    assert ":8765/write?db=bench" in flow["write"]["url"] and flow["in"]["qos"] == "1"
    conf = telegraf_conf("mqtt://127.0.0.1:4321", 8765)
    assert "tcp://127.0.0.1:4321" in conf and "http://127.0.0.1:8765" in conf
    assert flow["in"]["topic"] in conf
    # Telegraf takes a query for absolute only by its first sign: inside number() "/ts" is not found.
    assert 'timestamp = "number(../../ts) + number(*[2])"' in conf

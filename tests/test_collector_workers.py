"""Several collectors over the same servers, each with sites of its own: real processes, killed while boards send."""

import sys
import time
from collections import Counter
from pathlib import Path

import chaos_boards
import pytest
from broker_client import until
from chaos_boards import Fleet
from processes import finish, launch

from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry

PROGRAM = Path(__file__).with_name("worker_process.py")
NEAR, FAR = "near", "far"
BOARDS = 4


class Worker:
    """`campus collector --sites`, its journal in a folder of its own that outlives it."""

    def __init__(self, folder, sites, mqtt, telemetry, records, faults=()):
        self._log = folder / f"{sites}.log"
        self.command = [sys.executable, PROGRAM, *faults, "--", "collector", "--sites", sites]
        self.command += ["--data", folder / sites, "--mqtt", mqtt]
        self.command += ["--telemetry", telemetry, "--records", records]
        self.process = None

    def start(self):
        said = len(self.said())
        with self._log.open("ab") as log:
            self.process = launch(list(map(str, self.command)), stdout=log, stderr=log)
        up = until(lambda: "collector is up" in self.said()[said:] or not self.running, 60)
        assert up and self.running, self.said()
        return self

    def said(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def running(self):
        return self.process.poll() is None

    def kill(self):
        finish(self.process)


@pytest.fixture
def servers(tmp_path, mosquitto, influxdb, postgresql):
    """(broker, InfluxDB, telemetry URL, records URL) with two schools in the records."""
    telemetry, records = f"{influxdb.database()}?api=v1", postgresql.database()
    with open_records(records, tmp_path) as store:
        for site in (NEAR, FAR):
            store.import_inventory(Inventory.model_validate({"site": {"id": site, "name": site}}))
    return mosquitto, influxdb, telemetry, records


def fleet_of(site, port, monkeypatch):
    monkeypatch.setattr(chaos_boards, "SITE", site)
    return Fleet(port, BOARDS, resend_ms=1_000)


def stored(telemetry, site):
    """How often each (board, record) of a site is in the store."""
    store = open_telemetry(telemetry, Path())
    try:
        chunks = store.rows(site, None, None, None)
        return Counter(
            (row.board, int(row.value)) for chunk in chunks for row in chunk if row.point == "uptime_s"
        )
    finally:
        store.close()


def killed_while_the_store_is_away(tmp_path, servers, monkeypatch, faults=()):
    """site -> (records measured, of them lost, stored twice, invented, not committed) after a kill -9 of one worker.

    Its journal then holds what the store does not have, and the other worker's batches have higher numbers.
    """
    broker, influxdb, telemetry, records = servers
    near = Worker(tmp_path, NEAR, broker.url, telemetry, records, faults).start()
    far = Worker(tmp_path, FAR, broker.url, telemetry, records, faults).start()
    pid, told = near.process.pid, {}
    try:
        with (
            fleet_of(NEAR, broker.port, monkeypatch) as at_near,
            fleet_of(FAR, broker.port, monkeypatch) as at_far,
        ):
            assert until(lambda: at_near.connected == at_far.connected == BOARDS, 30)
            at_near.stream(1_200, 200)
            assert until(lambda: at_near.added > 500, 30)
            at_far.stream(600, 200)
            assert until(lambda: at_far.freed > 150, 30)
            influxdb.kill()
            had = at_far.freed
            assert until(lambda: at_far.freed > had + 100, 30), "what comes now waits in the journal"
            far.kill()
            influxdb.start()
            settled = at_near.settled()
            assert until(lambda: not settled - stored(telemetry, NEAR).keys(), 30), "the other goes on"
            far.start()
            for fleet in (at_near, at_far):
                assert fleet.drained(60), (fleet.kept, near.said(), far.said())
            assert near.running and near.process.pid == pid
            for site, fleet in ((NEAR, at_near), (FAR, at_far)):
                wanted = fleet.wanted()
                until(lambda site=site, wanted=wanted: not wanted - stored(telemetry, site).keys(), 8)
                found = stored(telemetry, site)
                twice = sum(count > 1 for count in found.values())
                told[site] = (
                    len(wanted), len(wanted - found.keys()), twice, len(found.keys() - wanted), fleet.kept
                )  # fmt: skip
                assert not fleet.faults and not fleet.dropped
    finally:
        near.kill()
        far.kill()
    return told


def test_a_worker_that_is_killed_loses_nothing_and_disturbs_no_other(tmp_path, servers, monkeypatch):
    """Every record of both schools once, over a kill -9 of one worker while the store is away."""
    told = killed_while_the_store_is_away(tmp_path, servers, monkeypatch)
    assert told == {NEAR: (1_200, 0, 0, 0, 0), FAR: (600, 0, 0, 0, 0)}


def test_workers_that_go_by_one_cursor_lose_records(tmp_path, servers, monkeypatch):
    """The control: with one cursor for all, the worker that comes back takes the other's batches for its own."""
    told = killed_while_the_store_is_away(tmp_path, servers, monkeypatch, ["one_cursor"])
    assert told[NEAR] == (1_200, 0, 0, 0, 0)
    assert told[FAR][1] > 0


def messages_taken(tmp_path, servers, monkeypatch, faults=()):
    """Batches that the journal of a worker of NEAR has, when only boards of FAR have sent."""
    from collector.journal import Journal

    broker, _, telemetry, records = servers
    worker = Worker(tmp_path, NEAR, broker.url, telemetry, records, faults).start()
    try:
        with fleet_of(FAR, broker.port, monkeypatch) as fleet:
            assert until(lambda: fleet.connected == BOARDS, 30)
            fleet.stream(40, 100)
            until(lambda: fleet.added == 40 and not fleet.kept, 3)
            answered = fleet.freed
    finally:
        worker.kill()
    journal = Journal(tmp_path / NEAR / "journal.sqlite")
    try:
        return answered, sum(len(kept) for _, kept in journal.batches(0))
    finally:
        journal.close()


def test_a_worker_takes_in_no_other_site(tmp_path, servers, monkeypatch):
    """Boards of another site are neither taken nor answered: their own worker may be away."""
    assert messages_taken(tmp_path, servers, monkeypatch) == (0, 0)


def test_a_worker_with_the_filter_of_all_is_seen(tmp_path, servers, monkeypatch):
    """The control of the test before."""
    answered, taken = messages_taken(tmp_path, servers, monkeypatch, ["all_sites"])
    assert answered == 40 and taken >= 40


def test_a_site_has_one_worker(tmp_path, servers):
    """The second is refused in one sentence that names the site; one for another site, and after a kill, is not."""
    broker, _, telemetry, records = servers
    first = Worker(tmp_path, NEAR, broker.url, telemetry, records).start()
    (tmp_path / "second").mkdir()
    second = Worker(tmp_path / "second", f"{FAR},{NEAR}", broker.url, telemetry, records)
    try:
        with (tmp_path / "said").open("wb") as log:
            refused = launch(list(map(str, second.command)), stdout=log, stderr=log)
        assert refused.wait(60) == 2
        said = (tmp_path / "said").read_text()
        assert (
            said.strip()
            .splitlines()[-1]
            .startswith("campus: Another collector takes in the site 'near': no site may have two.")
        ), said
        first.kill()
        began = time.monotonic()
        second.start()
        assert time.monotonic() - began < 60 and "2 sites: far, near" in second.said()
    finally:
        first.kill()
        if second.process is not None:
            second.kill()

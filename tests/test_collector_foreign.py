"""Foreign devices through the collector: stored as boards; refused, retained, doubled, behind a bridge."""

import json

from managed_broker import connect, make_keys, place, running, settle
from test_collector_ingest import NOW, Bench, sample
from test_collector_service import Running, until

from campus.wire.topics import board_topic
from collector import foreign_devices
from collector.foreign_devices import PREFIX

PLUG = f"{PREFIX}school/plug-12/"
POWER = json.dumps({"Time": "2026-09-21T10:00:00", "ENERGY": {"Total": 514.153, "Power": 56, "Voltage": 234}})


def arrive(bench: Bench, rest: str, payload: str, retain: bool = False) -> None:
    bench.arrive(payload.encode(), topic=PLUG + rest, retain=retain)


def stored(bench: Bench) -> list[tuple]:
    return [(row[0], row[1], row[3], row[4]) for row in bench.stored()]


def test_a_plug_is_a_board_whose_readings_are_stored(tmp_path):
    """Its readings, its availability and that it was heard; nothing is owed to it, and no `committed` goes out."""
    bench = Bench(tmp_path)
    arrive(bench, "tele/LWT", "Online", retain=True)
    arrive(bench, "tele/SENSOR", POWER)
    bench.pipeline.pump()
    assert stored(bench) == [
        ("plug-12", "energy_mwh.1", 514_153_000.0, "good"),
        ("plug-12", "power_w.1", 56.0, "good"),
        ("plug-12", "voltage_v.1", 234.0, "good"),
    ]
    board = bench.records.board("school", "plug-12")
    assert board.availability == "online" and board.last_seen is not None
    assert {kind for kind, _ in bench.told} <= {"ack"} and bench.pipeline.journal.dead_counts() == {}
    arrive(bench, "tele/LWT", "Offline")
    bench.pipeline.pump()
    assert bench.live.board("school", "plug-12").availability == "lost"
    bench.close()


def test_silence_of_a_minute_is_no_loss(tmp_path):
    """A plug tells every five minutes, or when something changes; an hour of silence is another matter."""
    bench = Bench(tmp_path)
    bench.pipeline.boards.listening_ms = NOW
    arrive(bench, "tele/SENSOR", POWER)
    bench.pipeline.pump()
    bench.now_ms += 10 * 60_000
    bench.pipeline.tick()
    assert bench.live.board("school", "plug-12").availability == "online"
    bench.now_ms += 60 * 60_000
    bench.pipeline.tick()
    assert bench.live.board("school", "plug-12").availability == "lost"
    bench.close()


def test_what_the_broker_repeats_is_no_reading(tmp_path):
    """ESPHome's retained states may be of any age: a new subscription would date them now."""
    bench = Bench(tmp_path)
    arrive(bench, "sensor/projector_power/state", "56.3", retain=True)
    bench.pipeline.pump()
    assert stored(bench) == []
    arrive(bench, "sensor/projector_power/state", "57.3")
    bench.pipeline.pump()
    assert [row[2] for row in stored(bench)] == [57.3]
    bench.close()


def test_a_time_that_was_told_is_told_once(tmp_path):
    """Sent again with its own time, a message changes nothing; after a crash it is read again from the journal."""
    bench = Bench(tmp_path)
    rpc = json.dumps(
        {"method": "NotifyStatus", "params": {"ts": NOW / 1000, "switch:0": {"id": 0, "apower": 5}}}
    )
    for _ in range(3):
        arrive(bench, "events/rpc", rpc)
    bench.collector.ingest()
    bench.close()
    again = Bench(tmp_path)
    again.pipeline.pump()
    assert [row[1:4] for row in again.stored()] == [("power_w.1", NOW, 5.0)]
    again.close()


def test_what_is_wrong_is_a_dead_letter_and_stops_nothing(tmp_path):
    """Not JSON, another prefix, an id that is none: counted by cause, and the valid ones between are stored."""
    bench = Bench(tmp_path)
    for topic, payload in (
        (PLUG + "tele/SENSOR", "{"),
        (PLUG + "tele/SENSOR", "\x00" * 70_000),
        (f"{PREFIX}school/PLUG 1/tele/SENSOR", POWER),
        (f"{PREFIX}school/room/tele/SENSOR", POWER),
        (f"{PREFIX}school", POWER),
        (f"{PREFIX}school/plug-12/", POWER),
        (PLUG + "tele/SENSOR", POWER),
        ("campus/other/school/plug-12/tele/SENSOR", POWER),
    ):
        bench.arrive(payload.encode(), topic=topic)
    bench.pipeline.pump()
    assert len(stored(bench)) == 3
    assert bench.pipeline.journal.dead_counts() == {"id": 2, "json": 1, "size": 1, "topic": 3}
    bench.close()


def test_a_bridge_has_many_devices_but_not_without_number(tmp_path, monkeypatch):
    """Each device behind it is a board of its own; any name makes one, so that they are bounded."""
    monkeypatch.setattr(foreign_devices, "MAX_DEVICES", 10)
    bench = Bench(tmp_path)
    for n in range(15):
        bench.arrive(b'{"power":%d,"temperature":20}' % n, topic=f"{PREFIX}school/zigbee/ổ cắm {n}")
    bench.arrive(b'{"power":99}', topic=f"{PREFIX}school/zigbee/ổ cắm 3")
    bench.pipeline.pump()
    boards = {row[0] for row in stored(bench)}
    assert len(boards) == 10 and all(board.startswith("zigbee-o-cam-") for board in boards)
    assert 99.0 in [row[2] for row in stored(bench)]
    assert bench.pipeline.journal.dead_counts() == {"id": 5}
    bench.close()


def test_no_device_speaks_for_a_board_of_ours(tmp_path):
    """Neither a source that is called like a board, nor a name behind a bridge that comes to a board's id."""
    bench = Bench(tmp_path)
    bench.arrive(sample(0))
    for topic in (f"{PREFIX}school/board-1/tele/SENSOR", f"{PREFIX}school/board/1"):
        bench.arrive(b'{"ENERGY":{"Power":1},"power":1}', topic=topic)
    bench.arrive(b'{"power":1}', topic=f"{PREFIX}school/board/2")
    bench.pipeline.pump()
    assert {(row[0], row[1]) for row in bench.stored()} == {("board-1", "co2_ppm"), ("board-2", "power_w.1")}
    assert bench.pipeline.journal.dead_counts() == {"id": 2}
    bench.close()


def test_while_the_store_is_away_nothing_is_doubled(tmp_path, monkeypatch):
    """What is read again from the journal in the same process is neither left out nor taken twice."""
    bench = Bench(tmp_path)
    monkeypatch.setattr("collector.project.MAX_HANDED", 0)
    for n in range(5):
        rpc = {"params": {"ts": NOW / 1000 + n, "switch:0": {"id": 0, "apower": n}}}
        arrive(bench, "events/rpc", json.dumps({"method": "NotifyStatus", **rpc}))
        bench.collector.ingest()
    bench.pipeline.pump()
    assert [row[3] for row in bench.stored()] == [0.0, 1.0, 2.0, 3.0, 4.0]
    bench.close()


def test_it_comes_through_the_broker_with_its_own_rights(tmp_path, monkeypatch):
    """A device let in may write below its own prefix only: not a board's telemetry, not another device's topics."""
    folder = place(make_keys(tmp_path / "keys"), tmp_path / "broker", monkeypatch)
    with running(folder) as broker:
        password = broker.accounts.add_foreign("school", "plug-12")
        assert [one.user for one in broker.accounts.boards(("foreign",))] == ["plug-12"]
        settle(broker)
        with Running(broker.url(), tmp_path / "data") as system:
            until(system.ready)
            with connect(broker, "plug-12", password) as plug:
                for topic in (
                    board_topic("school", "plug-12", "telemetry"),
                    f"{PREFIX}school/plug-13/tele/SENSOR",
                ):
                    plug.publish(topic, POWER)
                plug.publish(PLUG + "tele/SENSOR", POWER)
            until(lambda: system.readings() == 3)
            assert {key.board for key in system.telemetry.series()} == {"plug-12"}
            assert system.service.health().counters["dead_letters"] == 0

"""A board at a real broker: online, gone without a word, and what a second run of the collector makes of it."""

import time

import paho.mqtt.client as mqtt
from test_collector_service import BIRTH, BOOT, Running, sample, until

from campus.wire.lifecycle import encode_availability
from campus.wire.topics import board_topic
from collector import link_sites, service

SITE, BOARD = "school", "board-1"


def board_at(port):
    """Connected as a board is: with its last will, its birth, and online."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=BOARD, reconnect_on_failure=False)
    available = board_topic(SITE, BOARD, "availability")
    client.will_set(available, encode_availability(BOOT, "lost"), 1, True)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for leaf, payload in (("birth", BIRTH), ("availability", encode_availability(BOOT, "online"))):
        client.publish(board_topic(SITE, BOARD, leaf), payload, 1, True)
    client.publish(board_topic(SITE, BOARD, "telemetry"), sample(0), 1)
    return client


def test_a_board_that_goes_without_a_word_is_lost_in_the_records(mosquitto, tmp_path, monkeypatch):
    """Its last will says so; stopped and started, the collector tells its own time from the board's."""
    monkeypatch.setattr(service, "LISTEN_EVERY_S", 0.1)
    monkeypatch.setattr(service, "FOLLOW_EVERY_S", 0.2)
    monkeypatch.setattr(link_sites, "TELL_EVERY_MS", 100)

    def states(running):
        now_ms = time.time_ns() // 1_000_000
        found = running.records.availability(SITE, BOARD, 0, now_ms)
        return [one.state for one in found if one.state != "unknown" or one is not found[0]]

    with Running(mosquitto.url, tmp_path) as running:
        until(running.ready)
        client = board_at(mosquitto.port)
        until(lambda: states(running) == ["online"])
        assert running.records.board_starts(SITE, 0)[BOARD][0].boot == BOOT
        client._sock_close()  # as where the power fails: no goodbye
        client.loop_stop()
        until(lambda: states(running) == ["online", "lost"])
        (one,) = until(lambda: running.records.incidents(SITE, 0, 2**60))
        assert (one.cause, one.end_ms, one.boards) == ("unknown", None, (BOARD,))
    with Running(mosquitto.url, tmp_path) as running:
        until(running.ready)
        client = board_at(mosquitto.port)
        until(lambda: states(running)[-1:] == ["online"])
        assert states(running) in (
            ["online", "lost", "unknown", "online"],
            ["online", "lost", "unknown", "lost", "online"],
        )
        until(lambda: "server" in {one.cause for one in running.records.incidents(SITE, 0, 2**60)})
        client.disconnect()
        client.loop_stop()

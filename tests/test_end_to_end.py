"""The whole way with nothing replaced: MicroPython board, mosquitto, `campus up`, its stores. Every reading once."""

import json
from contextlib import closing

import httpx
from cli import Running
from firmware_collector import wait_for
from test_firmware_end_to_end import Board, every_measurement

from campus.telemetry.stores import open_telemetry


def stored(data) -> dict[str, list[tuple[int, float | None, int]]]:
    """point -> samples of the one board, from the closed store."""
    with closing(open_telemetry("duckdb", data)) as store:
        return {key.point: store.read([key], 0, 2**53)[key] for key in store.series()}


def test_every_reading_is_stored_once_through_restarts_of_broker_and_collector(
    tmp_path, micropython, mosquitto
):
    """The broker restarts and is killed, the collector is killed; the store then has each measurement exactly once."""
    flash, server = tmp_path / "flash", tmp_path / "server"
    flash.mkdir()
    server.mkdir()
    board = Board(flash, micropython, mosquitto)
    start = ("up", "--data", "d", "--http", "127.0.0.1:0", "--mqtt", mosquitto.url)
    collector = Running(*start, cwd=server)
    collector.told(r"is up: (http://\S+)")
    seen = Watch(server / "d")
    board.start()
    try:
        seen.more(20)
        mosquitto.restart()
        seen.more(20)
        mosquitto.kill()
        mosquitto.start()
        seen.more(20)
        collector.kill()
        collector = Running(*start, cwd=server)
        collector.told(r"is up: (http://\S+)")
        seen.more(20)
        board.world(scd4x_ms=3_600_000)  # it measures nothing more, so that the outbox can drain
        seen.more(4)
        kept, dropped = board.stop()
        assert collector.stop() == 0
    finally:
        collector.kill()
    assert dropped == 0, board.log()
    assert kept <= 2, board.log()  # what was not answered before the farewell
    found = stored(server / "d")
    values = [value for _, value, _ in found["co2_ppm"] if value is not None]
    assert len(values) > 30
    assert every_measurement(values)
    for point, samples in found.items():
        times = [at for at, _, _ in samples]
        assert len(times) == len(set(times)), point


class Watch:
    """Counts the records that the running system says it stored, through its API."""

    def __init__(self, data) -> None:
        self._data = data

    def count(self) -> int:
        try:
            told = json.loads((self._data / "run.json").read_text())
            headers = {"Authorization": f"Bearer {told['token']}"}
            query = {"format": "csv"}
            answer = httpx.get(
                f"{told['http']}/api/v1/readings/export", params=query, headers=headers, timeout=10
            )
            return answer.text.count("\n")
        except (OSError, ValueError, httpx.HTTPError):
            return 0

    def more(self, readings: int) -> None:
        wait_for(self.count, "an answer")
        goal = self.count() + readings
        wait_for(lambda: self.count() >= goal, f"{readings} more readings in the store")

"""The real board program, TLS, the real broker and collector, and all that goes wrong: each reading is stored once."""

import json
import time
from contextlib import closing

import paho.mqtt.client as paho
import pytest
from real_school import BOARD, NAME, School, TimeServer
from test_firmware_end_to_end import SHIMS, Board, co2_values

from campus.boards.authority import Authority


@pytest.fixture
def school(tmp_path):
    with School(tmp_path / "school") as one:
        yield one


@pytest.fixture
def board(tmp_path, micropython, school):
    return enrolled(tmp_path, micropython, school)


def enrolled(tmp_path, micropython, school, **config):
    flash = tmp_path / "flash"
    flash.mkdir(exist_ok=True)
    board = Board(flash, micropython, school.proxy, **{"broker": school.broker, **config})
    board.nvs(**school.enrol())
    return board


def drained(school, board):
    """Let the board measure no more, and wait for what it keeps to arrive."""
    board.world(scd4x_ms=3_600_000)
    spool = board.folder / "spool"
    school.until(lambda: not any(spool.iterdir()), "an empty flash")
    time.sleep(3)
    school.more(4)  # of the PIR: what was in RAM before them has come too
    kept, dropped = board.stop()
    school.stop()
    return kept, dropped


def values(school):
    """The CO2 values in the store, and all points' readings; each time of a point is there once."""
    found = school.stored()
    for point, samples in found.items():
        times = [at for at, _, _ in samples]
        assert len(times) == len(set(times)), f"{point} twice at one time"
    return co2_values(found), sum(map(len, found.values()))


def every_one_once(school, board, least=40):
    kept, dropped = drained(school, board)
    co2, readings = values(school)
    print(f"{len(co2)} measurements and {readings} readings, each once; {kept} kept, {dropped} dropped")
    assert dropped == 0 and kept <= 2, board.log()
    assert len(co2) >= least
    assert sorted(co2) == [400 + 25 * n for n in range(len(co2))]


def test_half_open_connections_and_cut_ones(school, board):
    """A connection that passes nothing and says nothing is noticed by the board's own pings; a cut one at once."""
    board.start()
    school.more(20)
    school.proxy.freeze()
    school.more(20)
    for _ in range(3):
        school.proxy.drop()
        school.more(5)
    every_one_once(school, board)


def test_somebody_else_takes_the_boards_client_id(school, board):
    """The broker throws the board out each time; it comes back, and counts it as closed by the other side."""
    board.start()
    school.more(20)
    for _ in range(3):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"demo.{BOARD}")
        client.username_pw_set(
            BOARD, json.loads((board.folder / "nvs.json").read_text())["campus"]["password"]
        )
        client.tls_set(ca_certs=str(school.data / "broker" / "ca.pem"))
        client.connect("127.0.0.1", school.broker_port)
        client.loop_start()
        time.sleep(1)
        client.disconnect()
        client.loop_stop()
        school.more(5)
    every_one_once(school, board)


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_broker_that_cannot_be_trusted_gets_nothing(tmp_path, school, board, wrong):
    """Neither a certificate of another authority nor one for another host is accepted; when that is put right, what was
    measured meanwhile arrives, from the board's flash and with the boot it was measured in."""
    other = Authority(tmp_path / "other")
    other.ensure([NAME])
    if wrong == "authority":
        board.nvs(ca=other.ca_pem())
    else:
        board.config(broker={**school.broker, "name": "elsewhere"})
    board.start()
    school.until(lambda: board.log().count("mqtt:") >= 3, "three attempts")
    school.until(lambda: any((board.folder / "spool").iterdir()), "records on the flash")
    assert school.count() <= 0
    board.stop()
    board.nvs(ca=school.ca)
    board.config(broker=school.broker)
    board.world(scd4x_ms=60)
    board.start()
    school.measured(boots=2)
    kept, dropped = drained(school, board)
    assert dropped == 0 and kept <= 2
    assert len([value for _, value, _ in school.stored()["co2_ppm"] if value == 400]) == 2


def test_wifi_that_comes_and_goes(tmp_path, micropython, school):
    """Ten losses of the access point: joined again each time, and every reading arrives."""
    board = enrolled(tmp_path, micropython, school, wifi={"ssid": "school", "password": "made-up-word"})
    board.start()
    school.more(20)
    for _ in range(10):
        board.world(scd4x_ms=60, access_point=False)
        time.sleep(0.3)
        board.world(scd4x_ms=60)
        school.more(3)
    every_one_once(school, board)


def test_a_clock_that_jumps(tmp_path, micropython, school):
    """The time server is an hour ahead, then an hour behind, then right: nothing is lost, and the quality is told."""
    with closing(TimeServer()) as server:
        board = enrolled(tmp_path, micropython, school, ntp=f"127.0.0.1:{server.port}")
        board.start(SHIMS / "quick_time.py")
        for offset_s in (0, 3600, -3600, 0):
            server.offset_s = offset_s
            asked = server.asked
            school.until(lambda asked=asked: server.asked > asked + 1, "a look at the clock")
            school.more(10)
        every_one_once(school, board)
    times = [at for at, _, _ in school.stored()["co2_ppm"]]
    assert max(times) - min(times) > 7_000_000  # ms: from an hour behind to an hour ahead


def test_collector_broker_and_board_are_killed(tmp_path, micropython, school, board):
    """kill -9 of `campus up`, of its mosquitto through the next start, and of the board while nobody answers: none of
    the records on its flash is lost, and none comes twice."""
    board.start()
    school.more(20)
    school.kill()
    school.start()
    school.more(20)
    school.proxy.cut()
    spool = board.folder / "spool"
    school.until(lambda: sum(f.stat().st_size for f in spool.iterdir()) > 6_000, "records on the flash")
    board.cut()
    board.start()
    school.proxy.mend()
    school.measured(boots=2)
    school.more(40)
    kept, dropped = drained(school, board)
    co2, readings = values(school)
    second = co2.index(400, 1)
    first = co2[:second]
    lost = (max(first) - 400) // 25 + 1 - len(set(first))
    print(f"{readings} readings; of the boot that was cut off {len(first)} measurements, {lost} lost within")
    assert dropped == 0 and kept <= 2
    assert lost == 0, "the newest are lost at most, never any within"
    assert sorted(co2[second:]) == [400 + 25 * n for n in range(len(co2) - second)]

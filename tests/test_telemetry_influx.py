"""InfluxDB as a server: addresses, refusals and retention as one sentence, on a real one."""

import sys

import pytest

from campus.errors import StoreError, UsageError
from campus.telemetry import GOOD, Readings, SeriesKey
from campus.telemetry.influx import InfluxTelemetry, open_influx
from campus.telemetry.influx_link import InfluxAddress, InfluxLink

DAY = 86_400_000
CO2 = SeriesKey("school", "board-1", "co2_ppm")


def one(at: int) -> Readings:
    return Readings([CO2], [0], [at], [1.0], [GOOD])


def test_address_is_read_from_the_url():
    """User, password (percent-encoded), host, port, database, interface and organisation come from the URL."""
    found = InfluxAddress.parse("influxdb://us%40er:p%2Fw@h:1/db?api=v1")
    assert found == InfluxAddress("http://h:1", "db", "us@er", "p/w", "v1", "-")
    assert InfluxAddress.parse("influxdbs://h/db").server == "https://h:8086"
    assert InfluxAddress.parse("influxdb://[::1]:9/db").server == "http://[::1]:9"
    assert InfluxAddress.parse("influxdb://:secret@h/db?org=o").token == "secret"
    assert found.token == "us@er:p/w"


@pytest.mark.parametrize(
    "url",
    [
        "influxdb://u:secret@h",
        "influxdb://u:secret@h:x/db",
        "influxdb://u:secret@h/db?api=v3",
        "influxdb://u:secret@h/db?x=1",
    ],
)
def test_wrong_address_shows_no_secret(url):
    """An incomplete URL is a usage error that shows the form and not the password."""
    with pytest.raises(UsageError, match="influxdb://user:password@host") as raised:
        InfluxAddress.parse(url)
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(InfluxAddress.parse("influxdb://u:secret@h/db"))


def test_nothing_there(free_port):
    """A server that does not answer is one sentence with what to do."""
    with pytest.raises(StoreError, match=r"No InfluxDB answers .*--telemetry\.$"):
        open_influx(f"influxdb://127.0.0.1:{free_port()}/db")


def test_missing_client_package(monkeypatch):
    """Without the optional client package the error names what to install."""
    monkeypatch.setitem(sys.modules, "influxdb_client.client.influxdb_client", None)
    with pytest.raises(UsageError, match=r"campus-monitor\[influx\]"):
        open_influx("influxdb://127.0.0.1/db")


def test_refusals_are_sentences(influxdb):
    """A wrong password, a missing database and a server without the v2 interface each say what to do."""
    url = influxdb.database()
    with pytest.raises(StoreError, match="does not accept the user") as raised:
        open_influx(url.replace(f":{influxdb.password}@", ":wrong-secret@"))
    assert "wrong-secret" not in str(raised.value)
    with pytest.raises(StoreError, match="no database 'absent': create it"):
        open_influx(influxdb.url_of("absent") + "?api=v1")
    with pytest.raises(StoreError, match=r"\?api=v1"):
        open_influx(url)


def test_newer_schema_is_refused(influxdb):
    """Readings stored by a newer program are left alone."""
    url = influxdb.database() + "?api=v1"
    link = InfluxLink(InfluxAddress.parse(url))
    link.write("campus_schema version=2i 0")
    link.close()
    with pytest.raises(StoreError, match="newer version"):
        open_influx(url)


def test_older_than_the_retention_does_not_hold_up_the_rest(influxdb):
    """A batch with a reading older than the server keeps is settled: the rest is stored, the cursor moves."""
    url = influxdb.database()
    name = url.rsplit("/", 1)[1]
    influxdb.query(f'CREATE RETENTION POLICY "month" ON "{name}" DURATION 30d REPLICATION 1 DEFAULT')
    store = open_influx(url + "?api=v1")
    now = store._today()
    store.write(1, Readings([CO2], [0, 0], [now - 60 * DAY, now], [1.0, 2.0], [GOOD, GOOD]))
    assert store.cursor() == 1
    assert store.read([CO2], now - 90 * DAY, now + 1)[CO2] == [(now, 2.0, GOOD)]
    store.close()


def test_what_the_server_lets_go_is_not_taken_for_whole(influxdb):
    """Readings before the default policy's reach may be gone; without a policy all are there, to our knowledge."""
    url = influxdb.database()
    name = url.rsplit("/", 1)[1]
    store = open_influx(url + "?api=v1")
    assert store.raw_from() == 0
    store.close()
    influxdb.query(f'CREATE RETENTION POLICY "month" ON "{name}" DURATION 30d REPLICATION 1 DEFAULT')
    store = open_influx(url + "?api=v1")
    assert round((store._clock() * 1000 - store.raw_from()) / DAY) == 30
    store.close()


def test_store_away_and_back(influxdb):
    """While the server is away every call raises StoreError; when it is back the same store goes on."""
    store = open_influx(influxdb.database() + "?api=v1")
    store.write(1, one(1000))
    influxdb.stop()
    for call in (
        lambda: store.write(2, one(2000)),
        store.series,
        store.extent,
        lambda: store.read([CO2], 0, 1),
    ):
        with pytest.raises(StoreError, match="No InfluxDB answers"):
            call()
    assert store.cursor() == 1
    influxdb.start()
    store.write(2, one(2000))
    assert [at for at, _, _ in store.read([CO2], 0, 5000)[CO2]] == [1000, 2000]
    store.close()


def test_cursor_survives_midnight(influxdb):
    """The cursor is the highest number, on whichever day it was written, also when the clock goes back."""
    address = InfluxAddress.parse(influxdb.database() + "?api=v1")
    for day, number in ((100, 1), (101, 2), (99, 3)):
        store = InfluxTelemetry(InfluxLink(address), clock=lambda day=day: day * 86_400.0)
        assert store.cursor() == number - 1
        store.write(number, one(number))
        store.close()
    assert InfluxTelemetry(InfluxLink(address)).cursor() == 3


def test_large_batch_and_long_read(influxdb):
    """25,000 readings in one batch take several requests, and come back through chunked answers, once each."""
    store = open_influx(influxdb.database() + "?api=v1")
    count = 25_000
    store.write(
        1, Readings([CO2], [0] * count, list(range(count)), [float(i) for i in range(count)], [GOOD] * count)
    )
    assert store.read([CO2], 0, count)[CO2] == [(i, float(i), GOOD) for i in range(count)]
    assert [len(part) for part in store.rows(None, None, None, None, chunk=10_000)] == [10_000, 10_000, 5_000]
    store.close()


def test_half_a_point_is_not_shown(influxdb):
    """A point of which InfluxDB has only the value yet is in no answer, and no error."""
    store = open_influx(influxdb.database() + "?api=v1")
    link = store._link
    link.write(f"readings,site=school,board=board-1,point=co2_ppm value=2 {10 * DAY}")
    assert (store.series(), store.extent(), store.read([CO2], 0, 11 * DAY)) == ([], None, {CO2: []})
    store.write(1, one(9 * DAY))
    assert store.read([CO2], 0, 11 * DAY) == {CO2: [(9 * DAY, 1.0, GOOD)]}
    assert [row.observed_at_ms for part in store.rows(None, None, None, None) for row in part] == [9 * DAY]
    assert store.extent() == (9 * DAY, 9 * DAY)
    link.write(f"readings,site=school,board=board-1,point=co2_ppm quality=0i {10 * DAY}")
    assert [at for at, *_ in store.read([CO2], 0, 11 * DAY)[CO2]] == [9 * DAY, 10 * DAY]
    assert len([row for part in store.rows(None, None, None, None) for row in part]) == 2
    store.close()

"""The parts of which collectors of some sites each are made: ownership, filters, cursors, what they see."""

import pytest
from broker_client import Client, until
from cli import campus, refused
from collector_process import INVENTORY

from campus.errors import StoreError, UsageError
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.records.ownership import Ownership
from campus.telemetry import GOOD, Readings, SeriesKey
from campus.telemetry.stores import open_telemetry
from campus.wire.server import canary_topic
from collector.service import CollectorService
from collector.sites import filters, left_over, own

A, B = "site-a", "site-b"


@pytest.fixture
def owners(postgresql):
    """A function that makes an Ownership on one database; all are released in the end."""
    url, made = postgresql.database(), []

    def make(*sites, shared=False):
        made.append(Ownership(url, sites, shared))
        return made[-1]

    yield make
    for each in made:
        each.release()


def test_what_excludes_what(owners):
    """Two of one site, and one of every site beside any other; members of a share only those who do not share."""
    first = owners(A)
    first.take(0)
    owners(B).take(0)
    for wrong in (owners(A), owners("site-c", A), owners(), owners(A, shared=True)):
        with pytest.raises(UsageError, match="no site may have two"):
            wrong.take(0)
    owners("site-c").take(0)  # the refused one left nothing behind
    members = owners("site-d", shared=True), owners("site-d", shared=True)
    for member in members:
        member.take(0)
    with pytest.raises(UsageError, match="site-d"):
        owners("site-d").take(0)
    first.release()
    owners(A).take(5)


def test_a_collector_of_every_site_is_alone(owners):
    """Neither a worker nor another of its kind comes beside it."""
    alone = owners()
    alone.take(0)
    for wrong in (owners(A), owners()):
        with pytest.raises(UsageError, match="Another collector takes in"):
            wrong.take(0)
    alone.keep()
    alone.release()
    owners(A).take(5)


def test_ownership_comes_back_with_the_server(owners, postgresql):
    """After a restart of PostgreSQL it is taken again, unless somebody else was quicker: then that is said."""
    first, second = owners(A), owners(B)
    first.take(0)
    second.take(0)
    postgresql.kill()
    with pytest.raises(StoreError):
        first.keep()
    postgresql.start()
    quicker = owners(A)
    quicker.take(5)
    with pytest.raises(StoreError, match="Another collector takes in the site 'site-a'"):
        first.keep()
    second.keep()
    with pytest.raises(UsageError):
        owners(B).take(0)
    quicker.release()
    until(lambda: _kept(first), 30)
    first.keep()


def _kept(owner):
    try:
        owner.keep()
    except StoreError:
        return False
    return True


def test_filters_name_the_sites():
    """All of them without a site; else each leaf of each; in a share with its prefix, but for one's own."""
    assert "campus/v1/+/+/telemetry" in filters() and "campus/ext/#" in filters()
    of_two = filters([A, B])
    assert {f"campus/v1/{site}/+/birth" for site in (A, B)} <= set(of_two) and len(of_two) == 12
    assert f"campus/ext/{A}/#" in of_two and not any("+/+" in each for each in of_two)
    shared = filters([A], "crew")
    assert f"$share/crew/campus/v1/{A}/+/telemetry" in shared and shared[-1] == canary_topic(A)
    assert len(shared) == 7


def test_what_was_subscribed_once_is_remembered(tmp_path):
    """Over runs, from the collector of all to workers and back; a file that cannot be read counts as that of all."""
    file = tmp_path / "subscribed.json"
    assert left_over(file, filters()) == [] and not file.exists()
    assert set(left_over(file, filters([A]))) == set(filters())
    assert set(left_over(file, filters([B]))) == set(filters()) | set(filters([A]))
    assert set(left_over(file, filters())) == set(filters([A])) | set(filters([B]))
    file.write_text("[")
    assert set(left_over(file, filters([A]))) == set(filters())


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_site_that_was_given_away_does_not_come_any_more(tmp_path, mosquitto, forgetful):
    """The broker's session outlives the run with its filters; forgetting them is the control."""
    for sites in ([A, B], [B]):
        if forgetful:
            (tmp_path / "subscribed.json").unlink(missing_ok=True)
        with open_records("sqlite", tmp_path) as records:
            store = open_telemetry("duckdb", tmp_path)
            service = CollectorService(mosquitto.url, tmp_path, records, store, Live(), sites=sites)
            service.start()
            try:
                assert until(lambda service=service: service.health().ready, 20)
                if sites == [B]:
                    with Client(mosquitto.port) as client:
                        for site in (A, B):
                            client.publish(f"campus/v1/{site}/board/telemetry", "broken")
                    assert until(lambda service=service: service.collector.received >= 1, 10)
                    until(lambda service=service: service.collector.received >= 2, 1)
                    assert service.collector.received == (2 if forgetful else 1)
            finally:
                service.stop()
                store.close()


def test_a_shared_subscription_brings_messages(tmp_path, mosquitto):
    """One member gets them all, and still hears itself."""
    with open_records("sqlite", tmp_path) as records:
        records.import_inventory(Inventory.model_validate(INVENTORY))
        store = open_telemetry("duckdb", tmp_path)
        service = CollectorService(
            mosquitto.url, tmp_path, records, store, Live(), sites=["school"], share="crew"
        )
        service.start()
        try:
            assert until(lambda: service.health().ready, 20), service.health()
            with Client(mosquitto.port) as client:
                for _ in range(3):
                    client.publish("campus/v1/school/board/telemetry", "broken")
            assert until(lambda: service.collector.rejected == 3, 10)
        finally:
            service.stop()
            store.close()


def test_a_worker_sees_its_own_sites_and_boards(tmp_path):
    """So that it judges no other's boards silent; everything else is asked as it is."""
    with open_records("sqlite", tmp_path) as records:
        for site in (A, B):
            told = {"site": {"id": site, "name": site}, "boards": [{"id": f"board-of-{site}"}]}
            records.import_inventory(Inventory.model_validate(told))
        mine = own(records, [A])
        assert [site.id for site in mine.sites()] == [A] and [board.site for board in mine.boards()] == [A]
        assert mine.boards(B) == [] and mine.site(B).id == B
        assert own(records, []) is records and len(records.boards()) == 2


def test_cursors_of_several_journals(influxdb):
    """Each its own, over a reopening; a collector alone does not see them, nor they its."""
    url = f"{influxdb.database()}?api=v1"
    batch = Readings([SeriesKey(A, "board", "co2_ppm")], [0], [1_795_000_000_000], [500.0], [GOOD])
    for journal, number in (("aa", 7), ("bb", 3), (None, 5)):
        store = open_telemetry(url, None, journal=journal)
        assert store.cursor() == 0
        store.write(number, batch)
        store.close()
    for journal, number in (("aa", 7), ("bb", 3), (None, 5), ("cc", 0)):
        store = open_telemetry(url, None, journal=journal)
        assert store.cursor() == number
        store.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--share", "crew"], "--share needs --sites"),
        (["--sites", "A b"], "an id is of a-z"),
        (["--sites", " ,"], "--sites is empty"),
        (["--sites", "a", "--share", "x/#"], "--share is 'x/#'"),
        (["--sites", "a"], "need stores that all of them reach"),
        (["--sites", "a", "--telemetry", "influxdb://h/db"], "need stores that all of them reach"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, words, told):
    """Before anything is opened."""
    assert told in refused(campus("collector", "--mqtt", "mqtt://127.0.0.1:1", *words, cwd=tmp_path))


def test_an_unknown_site_is_refused(tmp_path, influxdb, postgresql):
    """A misspelt site would be taken in by nobody."""
    stores = ("--telemetry", f"{influxdb.database()}?api=v1", "--records", postgresql.database())
    words = ("collector", "--mqtt", "mqtt://127.0.0.1:1", "--sites", "nowhere", *stores)
    assert "There is no site 'nowhere'; known are: none." in refused(campus(*words, cwd=tmp_path))

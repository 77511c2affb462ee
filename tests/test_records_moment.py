"""What is read together is of one moment, on both databases, whatever others write meanwhile."""

import threading

import pytest
from records_stores import DATABASES, SITE, example, fill, url_of

from campus.acting import acting
from campus.records import database, open_records
from campus.records.inventory import Inventory


@pytest.fixture(params=DATABASES)
def pair(request, tmp_path):
    """Two programs over the same records: one reads, one writes."""
    url = url_of(request)
    with open_records(url, tmp_path) as reading, open_records(url, tmp_path) as writing:
        fill(writing, rooms=2)
        yield reading, writing


def rename(records, name):
    document = example()
    document["site"]["name"] = name
    records.import_inventory(Inventory.parse(document))


def test_nothing_changes_within_a_moment(pair):
    """Neither what was read before the write nor what is read for the first time after it."""
    reading, writing = pair
    before = reading.site(SITE).name
    with reading.moment():
        assert len(reading.rooms(SITE)) == 2
        rename(writing, "Another name")
        fill(writing, rooms=3)
        assert len(reading.rooms(SITE)) == 2
        assert reading.site(SITE).name == before
    assert len(reading.rooms(SITE)) == 3


def test_control_reads_apart_see_the_write(pair):
    reading, writing = pair
    assert len(reading.rooms(SITE)) == 2
    fill(writing, rooms=3)
    assert len(reading.rooms(SITE)) == 3


def test_a_moment_is_of_one_thread_and_of_who_acts(pair):
    """Another thread, and whoever else acts, reads what is there now."""
    reading, writing = pair
    told = []
    with reading.moment():
        before = reading.site(SITE).name
        rename(writing, "Another name")
        other = threading.Thread(target=lambda: told.append(reading.site(SITE).name))
        other.start()
        other.join()
        with acting("admin", "test", frozenset({SITE})):
            told.append(reading.site(SITE).name)
        with writing.moment():
            told.append(writing.site(SITE).name)
            assert reading.site(SITE).name == "Another name"  # the moment of the other program is the newest
        assert reading.site(SITE).name == before
    assert told == ["Another name"] * 3


def test_a_moment_ends_with_what_fails_in_it(pair):
    reading, _ = pair
    with pytest.raises(RuntimeError), reading.moment():
        raise RuntimeError
    assert database._MOMENT.get() is None

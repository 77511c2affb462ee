"""What boards report is kept in the records, and never overtaken by what is older; what is hostile is put aside."""

import pytest
from test_collector_ingest import BOOT, NOW, OTHER_BOOT, Bench

from campus.errors import StoreError
from campus.wire.lifecycle import encode_birth
from campus.wire.remote import encode_reply, encode_reported
from campus.wire.topics import board_topic

AT = ("school", "board-1")


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def arrive(bench, leaf, payload, retain=False):
    bench.arrive(payload, topic=board_topic(*AT, leaf), retain=retain)
    bench.pipeline.pump()


def board(bench):
    return bench.records.board(*AT)


def birth(boot=BOOT, **more):
    return encode_birth(boot, "0.2.0", "esp32", "watchdog", "ntp", {}, **more)


def test_births_reports_and_answers_come_to_the_records(bench):
    """Each with the time it was received; a birth without access point and notes takes away those of the one before."""
    arrive(bench, "birth", birth(access_point="a0b1c2d3e4f5", notes=["update-reverted"]))
    arrive(bench, "config/reported", encode_reported(3, False, ["ntp has to be a text"]))
    arrive(bench, "reply", encode_reply("op-1", False, {"code": "hash", "message": "board/app.mpy"}))
    found, at = board(bench), NOW + 60_000
    assert (found.reset_cause, found.access_point, found.notes) == (
        "watchdog",
        "a0b1c2d3e4f5",
        ("update-reverted",),
    )
    assert (found.reported.rev, found.reported.ok, found.reported.errors) == (
        3,
        False,
        ("ntp has to be a text",),
    )
    assert (found.last_reply.id, found.last_reply.ok, found.last_reply.code) == ("op-1", False, "hash")
    times = (found.reported.received_at, found.last_reply.received_at, found.firmware_since)
    assert {int(time.timestamp() * 1000) for time in times} == {at}
    bench.now_ms += 1000
    arrive(bench, "birth", birth())
    assert (board(bench).access_point, board(bench).notes) == (None, ())
    assert board(bench).firmware_since == found.firmware_since


def test_the_same_report_on_each_connection_is_no_news(bench):
    """It keeps the time at which the board first said it."""
    arrive(bench, "config/reported", encode_reported(3, True))
    first = board(bench).reported
    bench.now_ms += 60_000
    arrive(bench, "config/reported", encode_reported(3, True))
    assert board(bench).reported == first
    arrive(bench, "config/reported", encode_reported(3, False, ["the old one is back"]))
    assert board(bench).reported.received_at > first.received_at


def test_what_the_broker_repeats_never_overtakes_what_was_heard(bench):
    """An older revision, a birth of an earlier boot, a reply: a broker that was set back repeats what it had then."""
    for boot, rev in ((BOOT, 3), (OTHER_BOOT, 4)):
        arrive(bench, "birth", birth(boot, notes=[f"stalled:{rev}"]))
        arrive(bench, "config/reported", encode_reported(rev, True))
        arrive(bench, "reply", encode_reply(f"op-{rev}", True))
    now, heard_ms = board(bench), bench.live.board(*AT).last_seen_ms
    bench.now_ms += 3_600_000
    arrive(bench, "birth", birth(BOOT, notes=["stalled:3"]), retain=True)
    arrive(bench, "config/reported", encode_reported(3, True), retain=True)
    arrive(bench, "reply", encode_reply("op-3", True), retain=True)
    assert board(bench) == now and bench.live.board(*AT).last_seen_ms == heard_ms
    arrive(bench, "config/reported", encode_reported(5, True), retain=True)
    assert board(bench).reported.rev == 5, "said while we were not there"
    arrive(bench, "config/reported", encode_reported(1, True))
    assert board(bench).reported.rev == 1, "a board that was set up anew counts from the beginning"


def test_what_the_broker_repeats_is_no_sign_of_life(bench, tmp_path):
    """A board that was gone for long is not heard at the moment the collector starts and is told of it."""
    arrive(bench, "birth", birth())
    seen = board(bench).last_seen
    bench.now_ms += 86_400_000
    bench.close()
    again = Bench(tmp_path)
    again.now_ms = bench.now_ms
    for _ in range(2):
        arrive(again, "birth", birth(), retain=True)
        arrive(again, "config/reported", encode_reported(3, True), retain=True)
    arrive(again, "birth", birth(OTHER_BOOT), retain=True)
    assert board(again).last_seen == seen
    assert (board(again).boot, board(again).reported.rev) == (OTHER_BOOT, 3)
    again.close()


def test_the_journal_read_again_does_not_go_back(bench, tmp_path, monkeypatch):
    """The records had the latest report when the store failed; what is read again after the crash is older, or it."""
    arrive(bench, "config/reported", encode_reported(1, True))
    monkeypatch.setattr(bench.telemetry, "write", _away)
    for rev in (2, 3):
        bench.now_ms += 1000
        bench.arrive(encode_reported(rev, True), topic=board_topic(*AT, "config/reported"))
        bench.arrive(encode_reply(f"op-{rev}", True), topic=board_topic(*AT, "reply"))
        bench.collector.ingest()
    with pytest.raises(StoreError):
        bench.pipeline.projector.project()
    now = board(bench)
    assert (now.reported.rev, now.last_reply.id) == (3, "op-3")
    bench.close()
    again, told = Bench(tmp_path), []
    saw_boards = again.records.saw_boards
    monkeypatch.setattr(again.records, "saw_boards", lambda seen: told.extend(seen) or saw_boards(seen))
    again.pipeline.pump()
    assert board(again) == now
    assert told and not any(each.reported or each.reply for each in told)
    again.close()


def _away(*batch):
    raise StoreError("The store is away.")


@pytest.mark.parametrize("leaf", ["reply", "config/reported"])
def test_hostile_answers_are_dead_letters_counted_by_cause(bench, leaf):
    """64 KiB, no JSON, wrong types: nothing of them reaches the records, and the stream goes on."""
    for payload in (
        b'{"v":1,"id":"' + b"x" * 65_500 + b'","ok":true,"rev":1,"errors":[]}',
        b"\xff" * 65_536,
        b'{"v":1,"id":7,"ok":"yes","rev":"1","errors":{}}',
        b'{"v":2,"id":"a","ok":true,"rev":1,"errors":[]}',
        b"[" * 5_000,
    ):
        bench.arrive(payload, topic=board_topic(*AT, leaf))
    bench.pipeline.pump()
    assert bench.pipeline.journal.dead_counts() == {"json": 1, "shape": 1, "size": 2, "version": 1}
    assert bench.records.boards() == []
    arrive(bench, "reply", encode_reply("op-1", True))
    assert board(bench).last_reply.ok

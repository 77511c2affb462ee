"""`campus dead-letters` and `campus gaps`: what is in the journal, whoever holds it, and safe for a terminal."""

import json
import os
import re
import shutil
import sqlite3
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import pytest
from cli import Running, campus, refused
from hypothesis import given
from hypothesis import strategies as st
from test_collector_ingest import BOOT, NOW, OTHER_BOOT, TOPIC, Bench, sample

from campus.cli.letters import MEANINGS, harmless, shown
from campus.errors import NotFound, StoreError
from campus.wire.causes import CAUSES
from collector.intake import DISORDER, FAULT
from collector.journal import Journal
from collector.journal_view import Gap, find_gaps, gap_ranges, rejected
from collector.ledger import MAX_RANGES, BootKey, BootLedger
from collector.limits import FLOOD
from collector.messages import DeadLetter

EVIL = b'\x1b]0;owned\x07\x1b[2J{"v":1,"x":"\xc2\x9b31m\xe2\x80\xae"}\r\n'
HELD = BootLedger(20, [[0, 4], [7, 9], [18, 25]], None, False, 3)


@pytest.fixture
def data(tmp_path) -> Path:
    """A data folder whose journal has letters of three causes, and boots with and without gaps."""
    journal = Journal(tmp_path / "d" / "journal.sqlite")
    letters = [DeadLetter(NOW + n, "json", TOPIC, b'{"n":%d' % n) for n in range(30)]
    letters.append(DeadLetter(NOW + 1000, "id", "campus/v1/school/\x1b[31mx/telemetry", EVIL))
    letters.append(DeadLetter(NOW + 2000, "size", TOPIC, b"\xff\x00" * 1024))
    settled = [
        (BootKey("school", "board-1", BOOT), HELD),
        (BootKey("school", "board-1", OTHER_BOOT), BootLedger(5, [[0, 8]])),
        (BootKey("annex", "board-2", BOOT), BootLedger(1, [[1, 1]])),
    ]
    journal.append([], settled, letters, (), {"flood": 7})
    journal.close()
    return tmp_path / "d"


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sets(st.integers(0, 9), min_size=1)).map(
            lambda told: (told[0], sorted(told[0] + offset for offset in told[1]))
        ),
        max_size=40,
    ),
    st.sampled_from([3, MAX_RANGES]),
)
def test_gap_ranges_and_what_was_given_up_are_all_gaps(messages, most):
    """Whatever came in whatever order: the ranges hold what is under low and not settled, and the counts agree."""
    boot, settled, low = BootLedger(), set(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.ledger.MAX_RANGES", most)
        for first, seqs in messages:
            if not boot.refused(seqs, first):
                boot.settle(first, seqs)
                settled |= set(seqs)
                low = max(low, first)
    ranges = gap_ranges(boot.low, boot.ranges)
    missing = {seq for first, last in ranges for seq in range(first, last + 1)}
    assert Gap("s", "b", BOOT, ranges, boot.closed).missing == boot.gaps()
    assert all(first <= last for first, last in ranges)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))
    if not boot.closed:
        assert missing == set(range(low)) - settled
    assert missing <= set(range(low)) - settled


@given(st.binary(max_size=60))
def test_nothing_that_is_shown_can_command_a_terminal(payload):
    """Any bytes come to one line of printable signs, at most as wide as asked."""
    assert shown(payload).isprintable() and len(shown(payload, 20)) <= 20
    assert harmless(payload.decode("utf-8", "surrogateescape")).isprintable()


def test_dead_letters_are_counted_explained_and_shown(data, tmp_path):
    """Counts of all causes with their meaning; the newest first, in the school's time, escaped and cut."""
    done = campus("dead-letters", "--data", data, cwd=tmp_path, COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout
    assert re.search(r"json\s+30\s+not UTF-8 JSON", out) and re.search(r"flood\s+7\s+more messages", out)
    assert "The newest 20, times of Asia/Ho_Chi_Minh" in out
    letters = re.findall(r"^(2026-09-21 \S+)  (\w+)  (\S+)\n    (.*)$", out, re.M)
    assert [each[1] for each in letters] == ["size", "id", *["json"] * 18]
    assert letters[0][0] == "2026-09-21 21:13:22" and letters[0][3].startswith("hex ff 00 ff")
    assert letters[1][2] == "campus/v1/school/\\x1b[31mx/telemetry"
    assert letters[1][3].startswith("\\x1b]0;owned\\x07\\x1b[2J{") and "\\x9b31m\\u202e" in letters[1][3]
    assert all(sign.isprintable() or sign == "\n" for sign in out)
    assert max(map(len, out.splitlines())) <= 100
    full = campus("dead-letters", "--data", data, "--full", "--limit", 1, cwd=tmp_path).stdout
    assert full.count("ff 00") == 1024


def test_dead_letters_of_one_cause_in_another_time_zone(data, tmp_path):
    """--cause, --limit and the setting tz."""
    done = campus(
        "dead-letters", "--data", data, "--cause", "json", "--limit", 2, "--tz", "UTC", cwd=tmp_path
    )
    assert re.findall(r"^(2026-\S+ \S+)  json", done.stdout, re.M) == ["2026-09-21 14:13:20"] * 2
    assert '{"n":29' in done.stdout and '{"n":28' in done.stdout and '{"n":27' not in done.stdout


def test_dead_letters_as_json(data, tmp_path):
    """One document; a payload is text, or hex where it is none; a terminal may be shown it."""
    out = campus("dead-letters", "--data", data, "--json", "--limit", 2, cwd=tmp_path).stdout
    document = json.loads(out)
    assert document["counts"] == {"flood": 7, "id": 1, "json": 30, "size": 1}
    binary, evil = document["letters"]
    assert binary["payload"] is None and bytes.fromhex(binary["payload_hex"]) == b"\xff\x00" * 1024
    assert evil["payload"].encode() == EVIL and evil["received_at"] == "2026-09-21T21:13:21.000+07:00"
    assert out.strip().isprintable()


def test_gaps_are_listed_by_board_and_boot(data, tmp_path):
    """Numbers of the records that are missing, those whose numbers were given up, and what it means."""
    out = campus("gaps", "--data", data, cwd=tmp_path).stdout
    assert re.search(rf"annex\s+board-2\s+{BOOT}\s+1\s+0\s", out)
    assert re.search(
        rf"school\s+board-1\s+{BOOT}\s+13\s+5\.\.6, 10\.\.17, 3 whose numbers were given up", out
    )
    assert OTHER_BOOT not in out and "14 records were measured and never delivered" in out
    document = json.loads(campus("gaps", "--data", data, "--board", "board-1", "--json", cwd=tmp_path).stdout)
    assert document == {
        "records_missing": 13,
        "boots": [
            {
                "site": "school",
                "board": "board-1",
                "boot": BOOT,
                "ranges": [[5, 6], [10, 17]],
                "closed": 3,
                "missing": 13,
            }
        ],
    }
    assert HELD.gaps() == 13
    only = campus("gaps", "--data", data, "--site", "annex", "--json", cwd=tmp_path).stdout
    assert [each["board"] for each in json.loads(only)["boots"]] == ["board-2"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("dead-letters", "--data", "none"), 1, "There is no journal in none yet"),
        (("gaps", "--data", "none"), 1, "There is no journal in none yet"),
        (("dead-letters", "--data", "d", "--cause", "nope"), 2, "known are: json, version"),
        (("dead-letters", "--data", "d", "--tz", "Mars/North"), 2, "tz is 'Mars/North'"),
        (("gaps", "--data", "d", "--board", "nobody"), 2, "board 'nobody'"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(data, tmp_path, arguments, code, said):
    """A folder without a journal, a cause, a zone or a board that there is not; nothing is made on the way."""
    done = campus(*arguments, cwd=tmp_path)
    assert done.returncode == code and said in refused(done)
    assert [one.name for one in tmp_path.iterdir()] == ["d"]


def test_every_cause_there_is_is_explained():
    """Those of the wire contract, and the collector's own."""
    assert set(MEANINGS) == {*CAUSES, FLOOD, DISORDER, FAULT}


def test_a_journal_that_another_holds_or_that_is_odd(data, tmp_path):
    """Beside a writer in the middle of a transaction; of schema 1; newer, empty, damaged; and nothing is changed."""
    journal = Journal(data / "journal.sqlite")
    with journal._file.writing() as db:
        db.execute("UPDATE dead_counts SET count = 999 WHERE cause = 'json'")
        assert rejected(data, 1)[0]["json"] == 30
    assert rejected(data, 1)[0]["json"] == 999
    journal.close()
    db = sqlite3.connect(data / "journal.sqlite")
    db.execute("DROP TABLE unsynced")
    db.execute("PRAGMA user_version = 1")
    db.close()
    assert len(find_gaps(data)) == 2 and rejected(data, 5, "id")[1][0].payload == EVIL
    with pytest.raises(NotFound):
        find_gaps(data, "school", "board-2")
    db = sqlite3.connect(data / "journal.sqlite")
    assert db.execute("PRAGMA user_version").fetchone() == (1,), "a reader brings no file to another schema"
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer version"):
        rejected(data, 1)
    for content, said in ((b"", "no journal"), (b"this is no database. " * 500, "cannot be read")):
        folder = tmp_path / str(len(content))
        folder.mkdir()
        (folder / "journal.sqlite").write_bytes(content)
        with pytest.raises(StoreError, match=said):
            find_gaps(folder)


def test_a_folder_that_may_only_be_read(data):
    """A copy on a medium that cannot be written is read all the same, by a user who owns nothing of it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(data / "journal.sqlite", folder)
        Path(folder, "journal.sqlite").chmod(0o444)
        Path(folder).chmod(0o555)
        with ProcessPoolExecutor(1, get_context("fork"), give_up_rights) as pool:
            assert len(pool.submit(find_gaps, Path(folder)).result(60)) == 2
        assert [one.name for one in Path(folder).iterdir()] == ["journal.sqlite"]
        Path(folder).chmod(0o700)


def give_up_rights() -> None:
    if os.geteuid() == 0:
        os.setuid(65534)


def test_both_commands_work_beside_a_running_system(tmp_path):
    """While a collector holds the folder, and after it has stopped."""
    demo = Running("demo", "--data", "d", "--http", "127.0.0.1:0", "--days", 0, "--rooms", 1, cwd=tmp_path)
    try:
        demo.told("Ctrl-C stops it")
        told = campus("dead-letters", "--data", "d", cwd=tmp_path)
        assert (told.returncode, told.stdout) == (0, "No message was ever rejected.\n"), told
        told = campus("gaps", "--data", "d", cwd=tmp_path)
        assert told.returncode == 0 and told.stdout.startswith("No record is missing"), told
    finally:
        assert demo.stop() == 0
    assert campus("gaps", "--data", "d", cwd=tmp_path).returncode == 0


def test_a_sample_is_no_letter(tmp_path):
    """What is sound is not shown, and a journal without letters says so."""
    bench = Bench(tmp_path)
    bench.arrive(sample(0))
    bench.pipeline.pump()
    assert rejected(tmp_path, 10) == ({}, []) and find_gaps(tmp_path) == []
    bench.close()

"""Boards whose clocks are wrong: each record once, at the time it claims, flagged, with when it came beside it."""

import pytest
from clock_board import Boot, measured, rows, stored
from test_collector_derive import DAY, HOUR, MINUTE, START, School

SINCE_2000_MS = 946_684_800_000
DAY_OF_IT = list(measured())


def sent(samples, shift_ms):
    """(true ms, topic, payload): by a clock that is wrong by `shift_ms`, and says `ntp`."""
    return list(Boot(-shift_ms).send(samples))


def came(samples, rows=30):
    """When each sample is received: with the last of its message."""
    last = {}
    for first in range(0, len(samples), rows):
        part = samples[first : first + rows]
        last |= {at: part[-1][0] for at, _ in part}
    return last.__getitem__


def ran(folder, told, crashes):
    """All of it, with a crash between journal and store where one is asked for; the school that was opened last."""
    school = School(folder)
    for n, (at, topic, payload) in enumerate(told):
        school.now_ms = at
        school.pipeline.offer(topic, payload)
        if n in crashes:
            while school.pipeline.collector.ingest():
                pass
            school.close()
            school = School(folder, at)
        if n % 5 == 0:
            school.pipeline.pump()
    school.pipeline.pump()
    school.now_ms = START + DAY + HOUR
    school.pipeline.derive()
    return school


@pytest.mark.parametrize("crashes", [(), (3, 20, 21)], ids=["", "killed"])
@pytest.mark.parametrize(
    ("shift_ms", "quality"),
    [
        (-START, "implausible_time"),
        (SINCE_2000_MS - START, "implausible_time"),
        (DAY + HOUR, "implausible_time"),
        (DAY, "good"),
        (-DAY, "good"),
    ],
    ids=["1970", "2000", "a day and an hour ahead", "a day ahead", "a day behind"],
)
def test_a_clock_that_is_wrong_is_kept_as_it_was(tmp_path, shift_ms, quality, crashes):
    """Never rewritten; flagged where it cannot be, and then with the time of arrival, also after a crash."""
    school = ran(tmp_path, sent(DAY_OF_IT, shift_ms), crashes)
    received = came(DAY_OF_IT) if quality != "good" else None
    assert stored(school) == rows(DAY_OF_IT, quality, shift_ms, received)
    if received:
        assert school.outcome() == ([], [])
    school.close()


@pytest.mark.parametrize("crashes", [(), (3, 20, 21)], ids=["", "killed"])
def test_a_clock_that_steps_back_repeats_an_hour(tmp_path, crashes):
    """Records before and after the step claim the same hour, and each is stored once, at what it claims."""
    before, after = DAY_OF_IT[: 12 * 60], DAY_OF_IT[12 * 60 :]
    clock = Boot()
    told = list(clock.send(before))
    clock.counted_ms = HOUR
    told += clock.send(after)
    school = ran(tmp_path, told, crashes)
    assert stored(school) == sorted(rows(before, "good") + rows(after, "good", -HOUR))
    school.close()


def test_ahead_by_the_limit_and_by_one_more(tmp_path):
    """24 h ahead of its arrival is believed, a millisecond more is not; and 2024 is where time begins."""
    school = School(tmp_path, START)
    begin_2024 = 1_704_067_200_000
    for seq, at in enumerate((START + DAY, START + DAY + 1, begin_2024, begin_2024 - 1)):
        (told,) = Boot(boot=f"9f3a61c20000020{seq}").send([(at, (1, 600))])
        school.pipeline.offer(*told[1:])
    school.pipeline.pump()
    found = {(row[1] - START, row[3], row[4]) for row in stored(school)}
    assert found == {
        (DAY, "good", None),
        (DAY + 1, "implausible_time", START),
        (begin_2024 - START, "good", None),
        (begin_2024 - START - 1, "implausible_time", START),
    }
    school.close()


def test_a_time_that_is_not_to_be_trusted_outweighs_a_value_that_is_wrong(tmp_path):
    """Null and out-of-range values of an unset clock are UNSYNCED too, so that they can be told by it."""
    school = School(tmp_path, START)
    told = [(START, (None, 99_999)), (START + MINUTE, (7, 600))]
    for clock, counted_ms in (("up", START), ("ntp", START)):
        boot = Boot(counted_ms, clock, f"9f3a61c20000030{len(clock)}")
        for _, topic, payload in boot.send(told):
            school.pipeline.offer(topic, payload)
    school.pipeline.pump()
    assert sorted(row[3] for row in stored(school)) == ["implausible_time"] * 4 + ["unsynced"] * 4
    school.close()

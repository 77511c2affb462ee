"""The virtual school's boards, live: firmware's own Link against a real broker."""

import asyncio
from datetime import date, timedelta

import paho.mqtt.client as paho
import pytest

from campus.errors import UsageError
from campus.wire import server, telemetry
from campus.wire.points import plausible
from campus.wire.server import parse
from campus.wire.topics import board_topic
from simulator.faults import CLOCK_SKEW, LOST, faults_on
from simulator.live import BelievedClock, LiveClock, run
from simulator.school import MINUTE_MS, School, midnight_ms
from simulator.sensors import ClockFeed
from simulator.world import World

TODAY = date(2026, 11, 23)
NINE = midnight_ms(TODAY) + 9 * 60 * MINUTE_MS


class Listener:
    """Stands in for the collector at the broker: keeps what boards say, and answers with `committed`."""

    def __init__(self, broker) -> None:
        self.births: list = []
        self.availability: list = []
        self.telemetry: list = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect(broker.host, broker.port)
        self._client.subscribe("campus/v1/+/+/+", 1)
        self._client.loop_start()

    def _take(self, client, userdata, message) -> None:
        topic = parse(message.topic)
        if topic.leaf == "telemetry":
            read = telemetry.decode(message.payload)
            self.telemetry.append((topic.name, read))
            answer = server.encode_committed(read.boot, server.last_seq(read))
            client.publish(board_topic(topic.site, topic.name, "committed"), answer)
        elif topic.leaf == "birth":
            self.births.append((topic.name, server.decode_birth(message.payload)))
        elif topic.leaf == "availability":
            self.availability.append((topic.name, server.decode_availability(message.payload)))

    def close(self) -> None:
        self._client.loop_stop()
        self._client.disconnect()


@pytest.fixture
def listener(mosquitto):
    listener = Listener(mosquitto)
    yield listener
    listener.close()


def until(school, broker, done, **options) -> None:
    """Run the boards until `done()`, at most 20 s, then stop them in good order."""

    async def go() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(run(school, broker.url, stop, **options))
        for _ in range(400):
            if done() or running.done():
                break
            await asyncio.sleep(0.05)
        stop.set()
        await running
        for _ in range(40):  # the farewells are on their way to the listener
            await asyncio.sleep(0.01)

    asyncio.run(go())
    assert done()


def test_every_board_is_born_measures_and_says_goodbye(mosquitto, listener):
    """Each of 24 boards announces its points, reports plausible values of them all, and ends as `offline`."""
    school = School.make(seed=1, today=TODAY)
    boards = {room.board for room in school.rooms}

    def done() -> bool:
        return {b for b, t in listener.telemetry if "rssi_dbm" in t.columns} == boards and len(
            listener.births
        ) >= 24

    until(school, mosquitto, done, start_ms=NINE, faults=())
    births = dict(listener.births)
    assert births.keys() == boards
    for board, read in listener.telemetry:
        assert read.boot == births[board].boot
        for row in read.rows:
            for point, value in zip(read.columns, row[2:], strict=True):
                assert point in births[board].points
                assert value in (None, telemetry.ABSENT) or plausible(point, value)
    first = {board: read for board, read in reversed(listener.telemetry)}
    assert all(read.why.get("co2_ppm") == "warmup" for read in first.values())
    assert {state.state for _, state in listener.availability} == {"online", "offline"}


def test_live_boards_never_use_a_boot_of_history(mosquitto, listener):
    """Boot ids are drawn at random for each start: two starts share none."""
    school = School.make(seed=1, rooms=2, today=TODAY)
    for births in (2, 4):
        until(school, mosquitto, lambda n=births: len(listener.births) >= n, start_ms=NINE, faults=())
    assert len({birth.boot for _, birth in listener.births}) == 4


def lost_board():
    """A one-room school, and a short power cut of its board."""
    school = School.make(seed=1, rooms=1, today=TODAY)
    for i in range(400):
        for fault in faults_on(school, TODAY - timedelta(days=i), (LOST,)):
            if fault.end_minute - fault.start_minute < 60:
                return school, fault
    raise AssertionError


def test_a_power_cut_is_a_will_and_then_a_new_boot(mosquitto, listener):
    """The broker says `lost` for the board; it comes back under another boot, with nothing measured in between."""
    school, fault = lost_board()

    def done() -> bool:
        return len(listener.births) >= 2 and listener.telemetry[-1][1].boot == listener.births[-1][1].boot

    until(school, mosquitto, done, start_ms=fault.start_ms - 45 * MINUTE_MS, speed=1200, faults=(LOST,))
    states = [state.state for _, state in listener.availability]
    assert states[:3] == ["online", "lost", "online"]
    assert listener.births[0][1].boot != listener.births[1][1].boot
    times = [t.ts_ms + row[1] for _, t in listener.telemetry for row in t.rows]
    tolerance_ms = 15 * MINUTE_MS  # at this speed the program looks at the power every few minutes
    assert not any(fault.start_ms + tolerance_ms < at < fault.end_ms for at in times)


def test_each_board_signs_in_with_its_own_credential(mosquitto, listener):
    """The callback is asked for every board that is started, and for no other."""
    school = School.make(seed=1, rooms=5, today=TODAY)
    asked = []

    def credential(board):
        asked.append(board)
        return board, "made-up"

    until(
        school, mosquitto, lambda: len(listener.births) >= 3, start_ms=NINE, boards=3, credential=credential
    )
    assert asked == [room.board for room in school.rooms[:3]]


def test_motion_is_reported_when_it_begins(mosquitto, listener):
    """With samples a minute apart, the first movement after a quiet time does not wait for the next sample."""
    school = School.make(seed=1, rooms=1, today=TODAY)
    world = World(school, ())
    motion = world.day(TODAY).physics.motion_ms[0]
    first = int(motion[motion > midnight_ms(TODAY) + 5 * 60 * MINUTE_MS][0])

    def seen():
        return [
            t.ts_ms + row[1]
            for _, t in listener.telemetry
            for row in t.rows
            if dict(zip(t.columns, row[2:], strict=True)).get("motion") == 1
        ]

    until(school, mosquitto, seen, start_ms=first - 40_000, speed=15, sample_s=60, faults=())
    assert first <= seen()[0] < first + 15_000  # the next sample would be 20 s later


def test_live_continues_the_world_of_history():
    """At the end of a minute the live sensors show what history has there."""
    school = School.make(seed=1, rooms=3, today=TODAY)
    world = World(school, ())
    day = world.day(TODAY)
    for minute in (0, 545, 1439):
        clock = LiveClock(start_ms=day.start_ms + minute * MINUTE_MS, wall=lambda: 0.0)
        for room in school.rooms:
            feed = ClockFeed(world, room, clock)
            for point in day.points(room):
                assert feed.value(point) == day.measured[point][room.index, minute]


def test_wrong_arguments_are_refused():
    """A URL that is no broker's, a speed of zero and an unknown fault say what to write."""
    school = School.make(seed=1, rooms=1, today=TODAY)
    for url, options in (("http://x", {}), ("mqtt://h:99999", {}), ("mqtt://h", {"speed": 0})):
        with pytest.raises(UsageError, match=r"mqtt://|above 0"):
            asyncio.run(run(school, url, asyncio.Event(), **options))
    with pytest.raises(UsageError, match=CLOCK_SKEW):
        asyncio.run(run(school, "mqtt://h", asyncio.Event(), faults=("flood",)))


def test_a_skewed_clock_is_wrong_on_its_day_and_right_on_the_next():
    """The error begins and ends at midnight, as in history and in the truth, without a new boot."""
    school = School.make(1, 24, TODAY)
    day, skew = next(
        (day, fault)
        for day in (TODAY + timedelta(days=i) for i in range(60))
        for fault in faults_on(school, day, (CLOCK_SKEW,))
    )
    seconds = [0.0]
    begin = midnight_ms(day) - 60_000
    world, room = World(school, (CLOCK_SKEW,)), school.room(skew.room)
    clock = BelievedClock(world, room, LiveClock(start_ms=begin, wall=lambda: seconds[0]))
    seen = []
    for seconds[0] in (0.0, 60.0, 86_400.0, 86_460.0):
        seen.append((clock.now_ms() - begin - int(seconds[0] * 1000), clock.quality()))
    assert seen == [(0, "ntp"), (skew.offset_ms, "hold"), (skew.offset_ms, "hold"), (0, "ntp")]

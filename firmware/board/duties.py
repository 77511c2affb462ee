"""What a board does all the time, each a loop: measure, keep the clock, answer, look after itself."""

import machine

from campus.wire.remote import encode_reported

from .config import parse, replace
from .port import const, sleep_ms, wait_for_ms
from .recovery import HEALTHY_MS
from .sntp import keep_time
from .spill import TICK_MS

_EDGE_MS = const(50)  # how soon a sensor's edge is noticed
_READ_MS = const(2000)  # how long one sensor may keep the others waiting
_LOOK_MS = const(1000)
_KEEP_TIME_MS = const(3600000)
_PORTAL_MS = const(300000)  # without ever having joined the Wi-Fi: its settings may be wrong
_FAREWELL_MS = const(3000)


def bounded(reading):
    return wait_for_ms(reading, _READ_MS)


def duties(board):
    """The coroutines of a Board (board/app.py) that go on beside its link."""
    tasks = [again(each, board) for each in (measure, keep_clock, answer, supervise)]
    tasks.append(board.lag.run())
    if board.probes:
        tasks.append(again(board.probes.run))
    if board.spill:
        tasks.append(again(spill, board))
    if len(board.nvs.text("ap_password", "")) >= 8:
        tasks.append(again(offer_portal, board))
    return tasks


async def again(duty, *args):
    """Do a duty to its end: what breaks it off, such as a MemoryError, is told, and it begins anew."""
    while True:
        try:
            return await duty(*args)
        except Exception as error:
            print("again: %r" % (error,))
        await sleep_ms(_LOOK_MS)


async def measure(board):
    """Sample for ever: every `sample_ms`, and at once when a sensor saw something that cannot wait."""
    watch = board.watch
    watch.expect("measure", 60000 + 2 * board.config.sample_ms)
    while True:
        record = await board.sampler.sample()
        if record:
            board.outbox.add(record)
            if board.spill:
                board.spill.added(board.link.connected)
            board.link.wake()
        watch.alive("measure")
        for _ in range(max(1, board.config.sample_ms // _EDGE_MS)):
            await sleep_ms(_EDGE_MS)
            if board.sampler.urgent():
                break


async def spill(board):
    """Move to the flash what nobody answers for."""
    while True:
        await sleep_ms(TICK_MS)
        board.spill.tick()


async def keep_clock(board):
    """Ask the gateway, the broker's host and the configured servers for the time, in turn."""
    radio = board.radio

    def hosts():
        addresses = radio and radio.addresses()
        return [addresses and addresses[1], board.config.broker.host] + board.config.ntp

    await keep_time(board.clock, hosts, radio.connected if radio else lambda: True, machine.RTC().datetime)


async def answer(board):
    """Once the broker has accepted us, and on trial all went well for a minute too, what is on trial is confirmed; then
    do what the server asks."""
    while not board.link.accepted or (board.recovery.trial and board.watch.healthy_ms() < HEALTHY_MS):
        await sleep_ms(_LOOK_MS)
    board.confirm()
    await board.remote.run(board.link.say)


async def supervise(board):
    """Feed the watchdog, say which configuration runs, restart when that is due."""
    accepted = False
    noted_ms = 0
    link = board.link
    while True:
        board.watch.look()
        now = board.clock.ticks_ms()
        if link.accepted and not accepted and not board.recovery.trial:
            accepted = True
            report = board.remote.reported()
            if board.broken:
                report = encode_reported(board.nvs.number("config_rev"), False, [board.broken])
            link.say("config/reported", report, True)
        accepted = accepted and link.accepted
        if board.clock.quality() == "ntp" and (not noted_ms or now - noted_ms > _KEEP_TIME_MS):
            noted_ms = now
            board.nvs.set(time_s=board.clock.now_ms() // 1000, guessed=None)
        if board.restarting or board.recovery.look(now, board.watch.healthy_ms()):
            await sleep_ms(_LOOK_MS)  # for the reply
            if board.spill:
                board.spill.move()
            await link.stop(_FAREWELL_MS)
            return
        await sleep_ms(_LOOK_MS)


async def offer_portal(board):
    """Ask for what a person at the board can type: where there is no Wi-Fi, none that was ever joined since the start,
    or where what was last typed has led to no broker yet."""
    radio = board.radio
    while True:
        if radio:
            await sleep_ms(_PORTAL_MS)
            if radio.joins and not board.nvs.number("typed"):
                return
            radio.resting = True
        try:
            import network

            from .portal import AccessPoint, Portal

            point = AccessPoint(network)
            portal = Portal(
                point, board.nvs, board.config.board, board.document, lambda changes: save(board, changes)
            )
            if await portal.serve():
                return board.restart()
        finally:
            if radio:
                radio.resting = False


def save(board, changes):
    """Write changes into config.json, two levels deep. Raises ConfigError before anything is written, or OSError."""
    document = dict(board.document)
    for key in changes:
        document[key] = dict(document.get(key) or {})
        document[key].update(changes[key])
    parse(document, board.config.board)
    replace(document)
    board.nvs.set(typed=1)

"""Records on the flash: written when nobody answers, sent again behind the live ones, freed by `committed` only."""

import os

from campus.wire.telemetry import decode
from firmware.board import spill as spills
from firmware.board import spool as spools
from firmware.board.outbox import Outbox
from firmware.board.sampling import Record
from firmware.board.spill import Spill
from firmware.board.spool import Spool

BOOT, LATER = "9f3a61c20000002a", "9f3a61c20000002b"
NOW_MS = 1795326683120
FOLDER = "spool"
WINDOW = 4  # messages on their way at a time
MAX_STRIKES = 20  # unanswered sends, while others advance, and a message is given up


def clean():
    try:
        for name in os.listdir(FOLDER):
            os.remove(FOLDER + "/" + name)
    except OSError:
        pass


def box(count=0, boot=BOOT, capacity=64):
    outbox = Outbox(boot, capacity)
    fill(outbox, count)
    return outbox


def fill(outbox, count):
    for _ in range(count):
        seq = outbox.next_seq
        outbox.add(Record(NOW_MS + 1000 * seq, "ntp", {"co2_ppm": 400 + seq}, None))


def moved(spool, outbox):
    Spill(outbox, spool, print).move()


def fresh(budget=65536):
    clean()
    return Spool(FOLDER, budget)


def seqs(message):
    return [message.seq + row[0] for row in message.rows]


def drain(spool, boot=BOOT):
    """Everything that comes out when the collector answers each message alone."""
    found = []
    while True:
        message = spool.message()
        if message is None:
            return found
        spool.sent()
        found += [(message.boot, seq) for seq in seqs(message)]
        spool.committed(message.boot, -1, [(seqs(message)[0], seqs(message)[-1])])


def test_what_is_moved_leaves_the_outbox_and_comes_out_with_its_time_boot_and_number():
    spool, outbox = fresh(), box(40)
    moved(spool, outbox)
    assert (outbox.depth, outbox.pending, outbox.dropped, spool.depth) == (0, 0, 0, 40)
    assert outbox.low == outbox.next_seq == 40 and spool.low(BOOT) == 0
    message = spool.message()
    assert message.boot == BOOT and message.low == 0
    assert message.ts_ms == NOW_MS and message.rows[0][2] == 400
    assert drain(spool) == [(BOOT, seq) for seq in range(40)]
    assert os.listdir(FOLDER) == [] and spool.depth == 0 and spool.dropped == 0


def test_records_in_flight_move_too_and_a_late_answer_frees_them_on_the_flash():
    spool, outbox = fresh(), box(10)
    outbox.sent(outbox.message())
    moved(spool, outbox)
    assert outbox.in_flight == 0 and spool.message().seq == 0
    assert outbox.committed(BOOT, 9) == 0
    assert spool.committed(BOOT, 9) == 10
    assert os.listdir(FOLDER) == []


def test_a_restart_keeps_everything_and_sends_the_old_boot_first():
    spool, outbox = fresh(), box(30)
    moved(spool, outbox)
    spool = Spool(FOLDER, 65536)
    assert spool.depth == 30 and spool.low(BOOT) == 0 and spool.low(LATER) is None
    later = box(5, LATER)
    moved(spool, later)
    assert spool.low(LATER) == 0
    assert drain(spool) == [(BOOT, seq) for seq in range(30)] + [(LATER, seq) for seq in range(5)]


def test_committed_frees_exactly_what_it_names():
    spool, outbox = fresh(), box(30)
    moved(spool, outbox)
    fill(outbox, 30)
    moved(spool, outbox)
    first = spool.message()
    spool.sent()
    second = spool.message()
    spool.sent()
    assert spool.in_flight == 2
    assert spool.committed(LATER, 59) == 0  # another boot
    assert spool.committed(BOOT, seqs(first)[-1] - 1) == 0  # not the whole message
    assert spool.committed(BOOT, -1, [(second.seq, seqs(second)[-1])]) == len(second.rows)
    assert spool.low(BOOT) == 0 and spool.in_flight == 1 and spool.answers == 0
    assert spool.committed(BOOT, seqs(first)[-1]) == len(first.rows)
    assert spool.answers == 1


def test_holes_are_covered_piece_by_piece():
    """A record that was settled before the others moved leaves a hole, which `committed` steps over."""
    spool, outbox = fresh(), box(6)
    outbox.sent(outbox.message())
    outbox.committed(BOOT, -1, [(2, 3)])
    moved(spool, outbox)
    assert spool.depth == 4 and spool.message()
    assert spool.committed(BOOT, 1) == 0
    assert spool.committed(BOOT, 1, [(4, 5)]) == 4


def test_only_so_many_are_on_their_way_and_unanswered_ones_go_again():
    spool = fresh()
    for _ in range(WINDOW + 1):
        outbox = box(3)
        moved(spool, outbox)
    for _ in range(WINDOW):
        assert spool.message()
        spool.sent()
    assert spool.message() is None
    assert spool.resend(1) == 1 and spool.in_flight == WINDOW - 1
    assert spool.message() is not None


def test_a_message_that_stays_unanswered_while_others_advance_is_given_up():
    spool, outbox = fresh(), box()
    for _ in range(MAX_STRIKES + 2):
        fill(outbox, 1)
        moved(spool, outbox)
    for others in range(1, MAX_STRIKES + 1):
        assert spool.dropped == 0 and spool.low(BOOT) == 0
        assert spool.message().seq == 0
        spool.sent()
        assert spool.message().seq == others
        spool.sent()
        spool.committed(BOOT, -1, [(others, others)])
        spool.resend()
    assert spool.dropped == 1 and spool.low(BOOT) == MAX_STRIKES + 1


def test_without_any_answer_nothing_is_given_up():
    spool, outbox = fresh(), box(3)
    moved(spool, outbox)
    for _ in range(3 * MAX_STRIKES):
        assert spool.message()
        spool.sent()
        spool.resend()
    assert spool.dropped == 0 and spool.depth == 3


def test_over_its_budget_the_oldest_file_goes_and_is_counted():
    whole, spools.FILE_BYTES = spools.FILE_BYTES, 2048
    try:
        spool, outbox = fresh(budget=3 * 2048), box()
        for _ in range(20):
            fill(outbox, 60)
            moved(spool, outbox)
        assert spool.dropped > 0 and spool.depth + spool.dropped == 1200
        used = sum([os.stat(FOLDER + "/" + name)[6] for name in os.listdir(FOLDER)])
        assert used <= 3 * 2048
        low = spool.low(BOOT)
        assert low == spool.dropped
        assert drain(spool) == [(BOOT, seq) for seq in range(low, 1200)]
    finally:
        spools.FILE_BYTES = whole


def test_a_flash_that_refuses_costs_nothing_while_there_is_ram():
    spool, outbox = fresh(), box(30)
    told = []
    spill = Spill(outbox, spool, told.append)
    spool.folder = "not/there"
    spill.move()
    spill.move()
    assert outbox.depth == 30 and len(told) == 1
    spool.folder = FOLDER
    spill.move()
    assert outbox.depth == 0 and spool.depth == 30


class Full:
    """A flash file that takes a few bytes and then no more."""

    def __init__(self, path, mode):
        self._file = open(path, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        self._file.write(data[:9])
        raise OSError(28)


def test_behind_half_a_line_of_a_failed_write_nothing_is_written():
    spool, outbox = fresh(), box(5)
    spools.open = Full
    try:
        moved(spool, outbox)
    finally:
        del spools.open
    assert outbox.depth == 5 and spool.depth == 0 and len(os.listdir(FOLDER)) == 1
    moved(spool, outbox)
    assert len(os.listdir(FOLDER)) == 2
    spool = Spool(FOLDER, 65536)
    assert drain(spool) == [(BOOT, seq) for seq in range(5)]


def test_half_a_line_is_passed_over_and_nothing_is_written_behind_it():
    spool, outbox = fresh(), box(30)
    moved(spool, outbox)
    (name,) = os.listdir(FOLDER)
    with open(FOLDER + "/" + name, "ab") as file:
        file.write(b'30-30 {"v":1,"boot"')
    spool = Spool(FOLDER, 65536)
    assert spool.depth == 30
    later = box(2, LATER)
    moved(spool, later)
    assert drain(spool) == [(BOOT, seq) for seq in range(30)] + [(LATER, 0), (LATER, 1)]
    assert spool.dropped == 0


def test_a_line_that_is_no_message_is_dropped_and_counted():
    clean()
    try:
        os.mkdir(FOLDER)
    except OSError:
        pass
    with open(FOLDER + "/00000003-" + BOOT, "wb") as file:
        file.write(b'0-4 {"v":1}\n')
    spool = Spool(FOLDER, 65536)
    assert spool.depth == 5
    assert spool.message() is None
    assert (spool.depth, spool.dropped, os.listdir(FOLDER)) == (0, 5, [])


def test_only_while_nobody_answers_is_anything_written():
    """With a collector that answers within seconds the flash is never touched; without a connection every 30 records
    are, and what waits for 30 s is."""
    spool, outbox = fresh(), box()
    spill = Spill(outbox, spool, print)
    for _ in range(100):
        fill(outbox, 20)
        spill.added(True)
        outbox.sent(outbox.message())
        outbox.committed(BOOT, outbox.next_seq - 1)
        spill.tick()
    assert spool.depth == 0 and os.listdir(FOLDER) == []
    fill(outbox, 29)
    spill.added(False)
    assert spool.depth == 0
    fill(outbox, 1)
    spill.added(False)
    assert (spool.depth, outbox.depth) == (30, 0)
    fill(outbox, 1)
    ticks = 0
    while spool.depth < 31 and ticks < 10:
        spill.tick()
        ticks += 1
    assert spool.depth == 31 and ticks * spills.TICK_MS <= 30000


def test_a_full_outbox_moves_instead_of_dropping():
    spool, outbox = fresh(), box()
    spill = Spill(outbox, spool, print)
    for _ in range(1000):
        fill(outbox, 1)
        spill.added(True)
    assert outbox.dropped == 0 and spool.depth + outbox.depth == 1000


def test_lines_are_messages_of_the_contract():
    spool, outbox = fresh(), box(3)
    moved(spool, outbox)
    (name,) = os.listdir(FOLDER)
    with open(FOLDER + "/" + name, "rb") as file:
        runs, _, payload = file.read().partition(b" ")
    assert runs == b"0-2" and decode(payload.strip()).boot == BOOT

"""The smallest thing that honours the contract's promise to a board: takes telemetry in, says `committed`."""

import threading
import time
from collections import defaultdict

import paho.mqtt.client as paho

from campus.wire import server
from campus.wire.server import parse, seqs
from campus.wire.telemetry import decode
from campus.wire.topics import board_topic

WITHIN_S = 60


def wait_for(condition, what, pause=time.sleep):
    """Wait until `condition()`; fail with `what` if it does not come."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        pause(0.2)


class SmallCollector:
    """Everything it stored is in `stored`: boot -> seq -> (Unix ms, {point: value}).

    `lose`: how many of the first messages it forgets although the broker was told that they arrived.
    """

    def __init__(self, broker, user=None, password=None, lose=0):
        self.stored = defaultdict(dict)
        self.seen = defaultdict(list)  # leaf -> decoded payloads, in order of arrival
        self.duplicates = self.lost = 0
        self.answers = True
        self._lose = lose
        self._owed = set()
        self._change = threading.Condition()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="small-collector", clean_session=False
        )
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("campus/v1/#", qos=1)
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._stopping = threading.Event()
        self._answering = threading.Thread(target=self._answer, daemon=True)
        self._answering.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._answering.join()
        self._client.disconnect()
        self._client.loop_stop()

    def until(self, condition, what):
        """Wait until `condition()`; fail with `what` if it does not come."""
        with self._change:
            wait_for(condition, what, self._change.wait)

    def records(self):
        return sum(map(len, self.stored.values()))

    def states(self):
        return [each.state for each in self.seen["availability"]]

    def _on_message(self, client, userdata, message):
        topic = parse(message.topic)
        with self._change:
            if topic.leaf == "telemetry":
                self._store(topic, decode(message.payload))
            elif topic.leaf in ("availability", "birth"):
                self.seen[topic.leaf].append(getattr(server, "decode_" + topic.leaf)(message.payload))
            self._change.notify_all()

    def _store(self, topic, telemetry):
        if self._lose:
            self._lose -= 1
            self.lost += len(telemetry.rows)
            return
        self.seen["telemetry"].append(telemetry)
        stored = self.stored[telemetry.boot]
        for seq, row in zip(seqs(telemetry), telemetry.rows, strict=True):
            values = {p: v for p, v in zip(telemetry.columns, row[2:], strict=True) if v != "-"}
            reading = (telemetry.ts_ms + row[1], values)
            self.duplicates += seq in stored
            assert stored.setdefault(seq, reading) == reading, "one number, two records"
        self._owed.add((topic.site, topic.name, telemetry.boot, telemetry.low))

    def _answer(self):
        """At most one `committed` in a while and board, as the contract has it."""
        while not self._stopping.wait(0.1):
            with self._change:
                owed, self._owed = self._owed, set()
            for site, board, boot, low in owed if self.answers else ():
                topic = board_topic(site, board, "committed")
                self._client.publish(topic, self.committed(boot, low), qos=0)

    def committed(self, boot, low):
        through, also = ranges(sorted(self.stored[boot]), low)
        return server.encode_committed(boot, through, also)


def ranges(stored, low):
    """(seq, also) of the contract for rising numbers: the end of the run from `low`, then the runs above it."""
    runs = []
    for seq in stored:
        if seq < low:
            continue
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    through = runs.pop(0)[1] if runs and runs[0][0] == low else low - 1
    return through, runs

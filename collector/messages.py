"""What goes through the collector: messages, and a batch of them packed for the journal."""

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Message(NamedTuple):
    """One message of a board. `ticket` acknowledges it at the broker; None: nothing waits for it.

    `offered`: handed in by this process, such as history, and not sent by a board.
    """

    topic: str
    payload: bytes
    received_at_ms: int
    retain: bool = False
    ticket: tuple[int, int] | None = None
    offered: bool = False


class DeadLetter(NamedTuple):
    """A message that was rejected for good. `cause` is one of campus.wire.causes.CAUSES, or "disorder"."""

    received_at_ms: int
    cause: str
    topic: str
    payload: bytes


class Up(NamedTuple):
    """How times that count from a boot became Unix ms: by that of the boot, `told` by its board or else estimated.

    Beside a clock that says "hold": what is added to its times, see `held_clocks`.
    `was_ms`: of a message that is taken again, the estimate that its readings were written with before.
    """

    offset_ms: int
    told: bool
    was_ms: int | None = None


class Kept(NamedTuple):
    """A message as the journal keeps it, with all that a replay needs to make the same readings of it.

    `only`: the seqs of it that were new; None = all of them. `up`: where its clock counts from the boot, or is wrong.
    """

    message: Message
    only: list[int] | None = None
    up: Up | None = None


_HEAD = struct.Struct("<II")


def pack(kept: Sequence[Kept]) -> bytes:
    """One blob: columns of numbers, what only some have, then all topics, then all payloads."""
    topics = [each.message.topic.encode() for each in kept]
    payloads = [each.message.payload for each in kept]
    rare = [(str(at), each) for at, each in enumerate(kept) if each.only is not None or each.up is not None]
    some: dict[str, Any] = {at: each.only for at, each in rare if each.only is not None}
    if up := {at: each.up for at, each in rare if each.up is not None}:
        some["up"] = up
    told = json.dumps(some).encode() if some else b""
    count = len(kept)
    return b"".join(
        (
            _HEAD.pack(count, len(told)),
            np.fromiter(map(len, topics), "<u2", count).tobytes(),
            np.fromiter(map(len, payloads), "<u4", count).tobytes(),
            np.fromiter((each.message.received_at_ms for each in kept), "<i8", count).tobytes(),
            np.fromiter((each.message.retain for each in kept), "u1", count).tobytes(),
            told,
            *topics,
            *payloads,
        )
    )


def packed_count(head: bytes) -> int:
    """How many messages a blob holds, of its first 8 bytes."""
    return int(_HEAD.unpack(head)[0])


def unpack(blob: bytes) -> list[Kept]:
    """The opposite of `pack`, without the tickets. Earlier versions kept no `up`."""
    count, told = _HEAD.unpack_from(blob)
    at = _HEAD.size
    columns = []
    for kind, size in (("<u2", 2), ("<u4", 4), ("<i8", 8), ("u1", 1)):
        columns.append(np.frombuffer(blob, kind, count, at).tolist())
        at += size * count
    only = json.loads(blob[at : at + told]) if told else {}
    up = {int(index): Up(*each) for index, each in only.pop("up", {}).items()}
    at += told
    payload_at = at + sum(columns[0])
    kept = []
    for index, (topic_size, size, received_at_ms, retain) in enumerate(zip(*columns, strict=True)):
        topic = blob[at : at + topic_size].decode()
        at += topic_size
        payload = blob[payload_at : payload_at + size]
        payload_at += size
        message = Message(topic, payload, received_at_ms, bool(retain))
        kept.append(Kept(message, only.get(str(index)), up.get(index)))
    return kept

"""What goes through the collector: messages, and a batch of them packed for the journal."""

import json
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Message(NamedTuple):
    """One message of a board. `ticket` acknowledges it at the broker; None: nothing waits for it."""

    topic: str
    payload: bytes
    received_at_ms: int
    retain: bool = False
    ticket: tuple[int, int] | None = None


class DeadLetter(NamedTuple):
    """A message that was rejected for good. `cause` is one of campus.wire.causes.CAUSES, or "disorder"."""

    received_at_ms: int
    cause: str
    topic: str
    payload: bytes


class Kept(NamedTuple):
    """A message as the journal keeps it. `only`: the seqs of it that were new; None = all of them."""

    message: Message
    only: list[int] | None = None


_HEAD = struct.Struct("<II")


def pack(kept: Sequence[Kept]) -> bytes:
    """One blob: columns of numbers, then all topics, then all payloads."""
    topics = [each.message.topic.encode() for each in kept]
    payloads = [each.message.payload for each in kept]
    only = {str(at): each.only for at, each in enumerate(kept) if each.only is not None}
    told = json.dumps(only).encode() if only else b""
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


def unpack(blob: bytes) -> list[Kept]:
    """The opposite of `pack`, without the tickets."""
    count, told = _HEAD.unpack_from(blob)
    at = _HEAD.size
    columns = []
    for kind, size in (("<u2", 2), ("<u4", 4), ("<i8", 8), ("u1", 1)):
        columns.append(np.frombuffer(blob, kind, count, at).tolist())
        at += size * count
    only = json.loads(blob[at : at + told]) if told else {}
    at += told
    payload_at = at + sum(columns[0])
    kept = []
    for index, (topic_size, size, received_at_ms, retain) in enumerate(zip(*columns, strict=True)):
        topic = blob[at : at + topic_size].decode()
        at += topic_size
        payload = blob[payload_at : payload_at + size]
        payload_at += size
        kept.append(Kept(Message(topic, payload, received_at_ms, bool(retain)), only.get(str(index))))
    return kept

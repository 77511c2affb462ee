"""Devices that schools can buy, decoded to readings of our own points. Pure: no I/O, no clock.

Best effort, outside the promise of no loss: they have no record numbers and mostly QoS 0. See docs/foreign.md.
"""

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from campus.wire.errors import WireError
from campus.wire.parsing import check
from campus.wire.topics import check_id
from collector.foreign import esphome, shelly, tasmota, zigbee2mqtt
from collector.foreign.values import Heard, Value

__all__ = ["DECODERS", "Heard", "Value", "decode"]

MAX_REST = 256

Decoder = Callable[[str, str, bytes, int, ZoneInfo], list[Heard] | None]
DECODERS: dict[str, Decoder] = {
    "tasmota": tasmota.decode,
    "shelly": shelly.decode,
    "esphome": esphome.decode,
    "zigbee2mqtt": zigbee2mqtt.decode,
}
"""In the order in which they are asked: each knows its own topics, the last takes any."""

_UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def decode(source: str, rest: str, payload: bytes, received_at_ms: int, zone: ZoneInfo) -> list[Heard]:
    """What a message under `campus/ext/{site}/{source}/{rest}` tells of each device in it; [] where that is nothing.

    The kind of device is recognised, never configured. `received_at_ms` is Unix ms; `zone` is the site's, in which a
    Tasmota tells its time. Raises WireError for what is no message of any such device, and never anything else:
    id, topic, size, json, shape, value. What is read of a message is at most 64 KiB.
    """
    check_id(source)
    check(0 < len(rest) <= MAX_REST and not _UNCLEAN.search(rest), "topic", "no name of a device")
    for decoder in DECODERS.values():
        heard = decoder(source, rest, payload, received_at_ms, zone)
        if heard is not None:
            return heard
    raise WireError("topic", "of no device that is known")

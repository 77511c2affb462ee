"""Kinds of equipment as power knows them: what each draws in use, at least, and which are never switched off. Pure.

Sources of the watts: docs/equipment.md. They are the start; each piece learns its own, between 0.5 and 3 times.
"""

import re
from typing import NamedTuple


class PowerClass(NamedTuple):
    """`default_w`: in use from about here on, before anything is learned. `always_on`: never in use, never learns."""

    name: str
    default_w: float
    always_on: bool = False


OTHER = PowerClass("other", 15.0)
CLASSES = (
    PowerClass("projector", 60.0),
    PowerClass("computer", 30.0),
    PowerClass("computers", 100.0),  # of a whole room, on one meter: their standby adds up
    PowerClass("display", 30.0),
    PowerClass("monitor", 12.0),
    PowerClass("laptop", 10.0),
    PowerClass("air-conditioner", 30.0),  # its fan alone is use too
    PowerClass("audio", 30.0),
    PowerClass("lighting", 20.0),
    PowerClass("fan", 15.0),
    PowerClass("printer", 60.0),
    PowerClass("always-on", 1.0, always_on=True),
    OTHER,
)
_WORDS = {
    "projector": "videoprojector beamer may-chieu",
    "computer": "pc desktop pc-desktop workstation may-tinh",
    "computers": "pcs computer-room may-tinh-phong",
    "display": "tv television tv-lcd interactive-board interactive-display smart-board smartboard bang-tuong-tac "
    "man-hinh-tuong-tac",
    "monitor": "monitor-tft screen man-hinh",
    "laptop": "notebook pc-laptop laptop-pc may-tinh-xach-tay",
    "air-conditioner": "airconditioner aircon ac split-unit dieu-hoa may-dieu-hoa may-lanh",
    "audio": "amplifier speaker speakers sound dan-am-thanh loa",
    "lighting": "lights lamp lamps light den",
    "fan": "ventilator quat",
    "printer": "copier photocopier may-in",
    "always-on": "router switch access-point accesspoint ap gateway modem server nvr camera ups fridge refrigerator "
    "freezer tu-lanh",
}
_BY_NAME = {one.name: one for one in CLASSES}
_BY_WORD = {
    **_BY_NAME,
    **{word: _BY_NAME[name] for name, words in _WORDS.items() for word in words.split()},
}
_LONGEST_FIRST = sorted(_BY_WORD, key=lambda word: (-len(word), word))


def power_class(kind: str | None) -> PowerClass:
    """The class of a kind's id as the records hold it (`projector`, `may-chieu`); OTHER for one it does not know."""
    return _BY_WORD.get((kind or "").strip().lower().replace("_", "-"), OTHER)


def kind_in(name: str) -> str | None:
    """The longest known kind that stands as whole words in a name such as `pc-laptop-room-3`; None without one."""
    text = f"-{'-'.join(re.findall('[a-z0-9]+', name.lower()))}-"
    return next((word for word in _LONGEST_FIRST if f"-{word}-" in text), None)

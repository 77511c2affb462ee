"""MicroPython for ESP32 as one downloads it: which chip an image is for, and where it goes."""

from dataclasses import dataclass
from pathlib import Path

from campus.errors import UsageError

MAGIC = 0xE9
CHIP_AT = 12  # two bytes, in the extended header
CHIPS = {0: ("esp32", 0x1000), 9: ("esp32s3", 0x0), 5: ("esp32c3", 0x0)}
"""chip id of an image -> (name for esptool, where its bootloader begins on the flash).

https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/firmware-image-format.html
"""
PARTITIONS_AT = 0x8000  # on the flash, of every MicroPython
PARTITIONS_MAGIC = b"\xaa\x50"


@dataclass(frozen=True, slots=True)
class Image:
    """A file that holds bootloader, partition table and MicroPython. `offset`: its first byte's place on the flash."""

    file: Path
    chip: str
    offset: int


def read_image(file: Path, chip: str = "auto") -> Image:
    """The image in `file`. `chip`: the one it must be for. Raises UsageError where it would not start on a board."""
    names = [name for name, _ in CHIPS.values()]
    if chip not in ("auto", *names):
        raise UsageError(f"--chip is '{chip}': choose auto, {', '.join(names)}.")
    try:
        held = file.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from error
    if len(held) <= CHIP_AT + 1 or held[0] != MAGIC:
        raise UsageError(f"{file} is no image for an ESP32: download MicroPython's .bin file for the board.")
    known = CHIPS.get(held[CHIP_AT] | held[CHIP_AT + 1] << 8)
    if known is None:
        raise UsageError(f"{file} is for a chip that is not supported: {', '.join(names)} are.")
    name, offset = known
    if chip not in ("auto", name):
        raise UsageError(f"{file} is for {name}, not for {chip}.")
    at = PARTITIONS_AT - offset
    if held[at : at + 2] != PARTITIONS_MAGIC:
        raise UsageError(
            f"{file} is no whole image, but a part of one: download the .bin file, not .app-bin."
        )
    return Image(file, name, offset)

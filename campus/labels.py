"""Sheets of QR labels for equipment: A4 pages as PDF, made without any network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import segno
from fpdf import FPDF

from campus.errors import UsageError

COLUMNS, ROWS = 3, 8
WIDTH, HEIGHT = 63.5, 33.9  # mm, of 24 labels on A4 as they are sold (L7159)
LEFT, TOP, GAP = 7.25, 12.9, 2.5
MOST = 5000
_CODE = 26.0  # mm, the side of a QR code with its quiet zone
FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/google-noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial.ttf",
    "C:/Windows/Fonts/arial.ttf",
)
"""Where fonts with Vietnamese letters are, on the systems that have them."""


@dataclass(frozen=True, slots=True)
class Label:
    """`code` is what the QR code says."""

    code: str
    name: str
    school: str


def sheet(labels: Sequence[Label], skip: int = 0, fonts: Iterable[str] = FONTS) -> bytes:
    """A PDF of all labels; `skip` places of the first page are left empty, where a sheet was begun.

    Raises UsageError for too many labels, and where no font has the letters.
    """
    if not labels:
        raise UsageError("There is no equipment to print labels of.")
    if len(labels) > MOST or not 0 <= skip < COLUMNS * ROWS:
        raise UsageError(
            f"At most {MOST} labels are printed at once, after 0 to {COLUMNS * ROWS - 1} empty places."
        )
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title("QR")
    family = _font(pdf, labels, fonts)
    for place, label in enumerate(labels, skip):
        at = place % (COLUMNS * ROWS)
        if at == 0 or place == skip:
            pdf.add_page()
        _draw(
            pdf,
            label,
            family,
            LEFT + at % COLUMNS * (WIDTH + GAP),
            TOP + at // COLUMNS * HEIGHT,
        )
    return bytes(pdf.output())


def _font(pdf: FPDF, labels: Sequence[Label], fonts: Iterable[str]) -> str:
    path = next((path for path in fonts if Path(path).is_file()), None)
    if path is not None:
        pdf.add_font("campus", fname=path)
        return "campus"
    text = "".join(f"{label.code}{label.name}{label.school}" for label in labels)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(
            "This machine has no font with Vietnamese letters: install one, such as the package fonts-dejavu-core "
            "(Debian, Ubuntu) or dejavu-sans-fonts (Fedora), and print again."
        ) from None
    return "helvetica"


def _draw(pdf: FPDF, label: Label, family: str, x: float, y: float) -> None:
    matrix = [bytes(row) for row in segno.make(label.code, error="m", micro=False).matrix]
    module = _CODE / (len(matrix) + 8)  # four modules of quiet zone on each side
    left, top = x + 2 + 4 * module, y + (HEIGHT - _CODE) / 2 + 4 * module
    for row, modules in enumerate(matrix):
        start = None
        for column, dark in enumerate([*modules, 0]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                width = (column - start) * module
                pdf.rect(left + start * module, top + row * module, width, module, "F")
                start = None
    text = x + 2 + _CODE
    room = WIDTH - _CODE - 4
    pdf.set_font(family, size=9)
    lines = [(9.0, line) for line in _lines(pdf, label.code, room, 2)]
    pdf.set_font(family, size=7)
    lines += [(7.0, line) for line in _lines(pdf, label.name, room, 3)]
    pdf.set_font(family, size=5.5)
    lines += [(5.5, line) for line in _lines(pdf, label.school, room, 2)]
    below = y + 5.0
    for size, line in lines:
        pdf.set_font(family, size=size)
        below += size * 0.42
        pdf.text(text, below, line)


def _lines(pdf: FPDF, text: str, width: float, most: int) -> list[str]:
    """The text in lines that fit, by the font that is set; what is too long ends with dots."""
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most:
        fits = len(rest)
        while fits > 1 and pdf.get_string_width(rest[:fits]) > width:
            fits -= 1
        if fits < len(rest) and len(lines) == most - 1:
            return [*lines, f"{rest[: max(1, fits - 2)].rstrip()}..."]
        if fits < len(rest) and (space := rest.rfind(" ", 0, fits + 1)) > 0:
            fits = space
        lines.append(rest[:fits].strip())
        rest = rest[fits:].strip()
    return lines

"""The words of a register as schools write it: headings, conditions, dates and amounts, Vietnamese and English."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from campus.calendar.formats.labels import plain
from campus.wire.topics import valid_id

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("Mã hồ sơ", "id", "record id"),
    "item_code": ("Mã cá biệt", "item code", "item_code", "Mã thiết bị", "Mã TB", "Số hiệu", "Mã tài sản"),
    "name": ("Tên thiết bị", "name", "Tên thiết bị dạy học", "Tên tài sản", "Tên", "equipment"),
    "kind": ("Loại thiết bị", "kind", "type", "Loại", "Chủng loại", "Nhóm thiết bị"),
    "room": ("Phòng", "room", "Phòng học", "Nơi để", "Vị trí", "Nơi sử dụng", "Phòng sử dụng"),
    "quantity": ("Số lượng", "quantity", "SL"),
    "unit": ("Đơn vị tính", "unit", "ĐVT"),
    "maker": ("Hãng sản xuất", "maker", "manufacturer", "Nhà sản xuất", "Nơi sản xuất", "Hãng"),
    "model": ("Kiểu máy", "model", "Model", "Ký hiệu"),
    "serial": ("Số sê-ri", "serial", "serial number", "Số serial", "Số máy"),
    "price_vnd": ("Nguyên giá (đồng)", "price_vnd", "price", "Nguyên giá", "Đơn giá", "Giá", "Giá trị"),
    "fund": ("Nguồn kinh phí", "fund", "source of funds", "Nguồn", "Nguồn vốn", "Nguồn gốc"),
    "in_service_on": (
        "Ngày đưa vào sử dụng",
        "in_service_on",
        "in service",
        "date in service",
        "Ngày sử dụng",
        "Ngày nhập",
    ),
    "life_years": ("Số năm sử dụng", "life_years", "life in years", "Thời gian sử dụng (năm)", "Niên hạn"),
    "condition": ("Tình trạng", "condition", "Hiện trạng", "Chất lượng"),
    "subject_group": (
        "Tổ chuyên môn",
        "subject_group",
        "subject group",
        "Tổ phụ trách",
        "Tổ",
        "Bộ phận phụ trách",
    ),
    "verified_on": ("Ngày kiểm kê", "verified_on", "verified", "Ngày kiểm kê gần nhất"),
    "retired_on": ("Ngày thanh lý", "retired_on", "retired", "Ngày thanh lí"),
    "note": ("Ghi chú", "note", "notes"),
}
"""field -> its headings, compared without case and accents; the first is what we write."""

_FIELDS = {plain(heading): field for field, headings in COLUMNS.items() for heading in headings}
_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "good": ("Tốt", "good", "Sử dụng tốt", "Bình thường", "Mới", "Còn sử dụng được"),
    "worn": ("Cũ", "worn", "Trung bình", "Xuống cấp", "Kém"),
    "broken": ("Hỏng", "broken", "Hư hỏng", "Không sử dụng được"),
    "under-repair": ("Đang sửa chữa", "under-repair", "under repair", "Đang sửa", "Sửa chữa"),
}
_CONDITION_OF = {plain(word): one for one, words in _CONDITIONS.items() for word in words}
_DAY = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T00:00:00)?")
_GROUPED = re.compile(r"\d{1,3}(?:([.,  ])\d{3})(?:\1\d{3})*")


def field_of(heading: str) -> str | None:
    """The field that a column is for; what stands in brackets, or after a star, is no part of its name."""
    text = plain(heading)
    return _FIELDS.get(text) or _FIELDS.get(plain(re.sub(r"\(.*?\)|[*:]", " ", text)))


def heading(field: str) -> str:
    return COLUMNS[field][0]


def condition_word(condition: str) -> str:
    return _CONDITIONS[condition][0]


def read_cell(field: str, text: str) -> Any:
    """The value of a cell that is not empty. Raises ValueError saying what is allowed."""
    match field:
        case "condition":
            if plain(text) not in _CONDITION_OF:
                allowed = ", ".join(words[0] for words in _CONDITIONS.values())
                raise ValueError(f"write one of {allowed}")
            return _CONDITION_OF[plain(text)]
        case "in_service_on" | "verified_on" | "retired_on":
            return _date(text)
        case "quantity" | "life_years":
            return _whole(text, "write a whole number")
        case "price_vnd":
            amount = re.sub(r"\s*(?:đồng|đ|₫|vnd|vnđ)\s*$", "", text.casefold())
            return _whole(amount, "write whole đồng, such as 12500000 or 12.500.000")
        case "kind":
            return text if valid_id(text) else slug(text)
        case "note":
            return text.replace("\r\n", "\n")
    return re.sub(r"[\r\n\t]+", " ", text)


def shown(field: str, value: Any) -> str | int | date:
    """How we write a value; `read_cell` reads it back to the same."""
    if field == "condition":
        return condition_word(value)
    if isinstance(value, date | int):
        return value
    return str(value)


def words(field: str, value: Any) -> tuple[str, ...]:
    """The texts that say a value, the one we write first."""
    if field == "condition":
        return _CONDITIONS[value]
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y"), value.isoformat()
    return (str(value),)


def slug(text: str) -> str:
    """Words as an id: 'Máy chiếu' is may-chieu. Raises ValueError where nothing is left."""
    made = "-".join(re.findall("[a-z0-9]+", plain(text)))[:64].strip("-")
    if not made:
        raise ValueError("write at least one letter or digit")
    return made


def _date(text: str) -> date:
    allowed = "write a date as 31/12/2026 or 2026-12-31"
    if found := _ISO.fullmatch(text):
        year, month, day = found.groups()
    elif found := _DAY.fullmatch(text):
        day, month, year = found.groups()
    else:
        raise ValueError(allowed)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError(allowed) from None


def _whole(text: str, allowed: str) -> int:
    text = text.strip()
    if found := _GROUPED.fullmatch(text):
        text = text.replace(found[1], "")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise ValueError(allowed)
    return int(text)

"""Subject -> place: where the lessons of a subject are held, in a usual Vietnamese school and by a school's own rows.

The names are those of the programmes of general education of 2018 (Thông tư 32/2018/TT-BGDĐT) and of 2006 (Quyết định
16/2006/QĐ-BGDĐT), and the abbreviations of timetables. Special rooms: Thông tư 14/2020/TT-BGDĐT (phòng học bộ môn).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from campus.calendar import HOME_ROOM, IN_ROOM, IN_ROOM_TYPE, NO_LESSON, OUTSIDE, PLACES, SubjectPlace

# Held in the yard or on the sports ground: of the whole school, or with the body.
_OUTSIDE = """
    Chào cờ | CC | SHDC | Sinh hoạt dưới cờ | HĐTN-SHDC | HĐTN (SHDC) | Chào cờ - Sinh hoạt dưới cờ
    Thể dục | TD | Thể chất | GDTC | Giáo dục thể chất | GD thể chất | TDTT | Thể dục thể thao | Quốc phòng
    QP | QPAN | QP-AN | GDQP | GDQPAN | GDQP-AN | GDQP&AN | GD QPAN | GD QP-AN | Giáo dục quốc phòng
    Giáo dục quốc phòng và an ninh | Giáo dục quốc phòng - an ninh | Quốc phòng an ninh
    Quốc phòng và an ninh
"""

# With the class teacher, or experience activities that are not the flag ceremony.
_CLASS = """
    Sinh hoạt | SH | SHL | Sinh hoạt lớp | SHCN | Sinh hoạt chủ nhiệm | GVCN | Chủ nhiệm | CN lớp | SHTT
    Sinh hoạt tập thể | HĐTN | HĐTN-SHL | HĐTN (SHL) | HĐTNHN | HĐTN-HN | HĐTN, HN | HĐ TNHN | TNHN
    HĐTN - Sinh hoạt lớp | Hoạt động trải nghiệm | Trải nghiệm | HĐTN, hướng nghiệp
    Hoạt động trải nghiệm, hướng nghiệp | HĐTN theo chủ đề | Hoạt động trải nghiệm hướng nghiệp
    Hướng nghiệp | HN | HĐNG | HĐNGLL | NGLL | Hoạt động ngoài giờ lên lớp | HĐTT | Kĩ năng sống
    Kỹ năng sống | KNS | GDKNS | An toàn giao thông | ATGT
"""

# Taught in the class's own room, unless the school says otherwise.
_SUBJECTS = """
    Toán | Toán học | Đại số | Đại | Hình học | Hình | Giải tích | Chuyên đề Toán | CĐ Toán | Toán chuyên đề
    Ngữ văn | Văn | Văn học | Tiếng Việt | TV | Tập đọc | Chính tả | Luyện từ và câu | LTVC | Tập làm văn
    Kể chuyện | Tập viết | Học vần | Chuyên đề Văn | CĐ Văn | Chuyên đề Ngữ văn | Ngoại ngữ | NN | NN1 | NN2
    Ngoại ngữ 1 | Ngoại ngữ 2 | Anh | AV | T.Anh | TA | Tiếng Anh | Anh văn | Pháp | Tiếng Pháp | Tiếng Nhật
    Nhật | Tiếng Trung | Trung | Tiếng Trung Quốc | Tiếng Nga | Nga | Tiếng Đức | Đức | Tiếng Hàn | Hàn
    Anh NN | Anh bản ngữ | Tiếng dân tộc thiểu số | Tiếng dân tộc | Chuyên đề Anh | CĐ Anh
    Khoa học tự nhiên | KHTN | KHTN 1 | KHTN 2 | KHTN 3 | KHTN (Lý) | KHTN (Lí) | KHTN (Hóa) | KHTN (Sinh)
    KHTN-Lý | KHTN-Lí | KHTN-Hóa | KHTN-Sinh | KHTN (VL) | KHTN (HH) | KHTN (SH) | Vật lí | Vật lý | Lí | Lý
    VL | Hóa học | Hóa | HH | Sinh học | Sinh | Chuyên đề Lý | CĐ Lý | Chuyên đề Vật lí | Chuyên đề Vật lý
    CĐ Lí | Chuyên đề Hóa | CĐ Hóa | Chuyên đề Hóa học | Chuyên đề Sinh | CĐ Sinh | Chuyên đề Sinh học
    Lịch sử | Sử | LS | Địa lí | Địa lý | Địa | ĐL | Lịch sử và Địa lí | Lịch sử và Địa lý | LS-ĐL | LS&ĐL
    LSĐL | Sử - Địa | Lịch sử & Địa lí | Lịch sử & Địa lý | LS và ĐL | Sử Địa | LS-ĐL (Sử) | LS-ĐL (Địa)
    Chuyên đề Sử | CĐ Sử | Chuyên đề Địa | CĐ Địa | Chuyên đề Lịch sử | Chuyên đề Địa lí | Chuyên đề Địa lý
    Giáo dục công dân | GDCD | CD | Công dân | Giáo dục kinh tế và pháp luật | GDKT&PL | GDKTPL | KTPL
    GD KTPL | KT&PL | GDKT-PL | KT-PL | Kinh tế và pháp luật | Chuyên đề GDKTPL | CĐ KTPL | Đạo đức
    Tự nhiên và Xã hội | TNXH | TN&XH | TN-XH | Khoa học | Kĩ thuật | Kỹ thuật | Thủ công | Công nghệ | CN
    Công nghệ công nghiệp | Công nghệ nông nghiệp | CNCN | CNNN | CN (CN) | CN (NN) | Chuyên đề Công nghệ
    CĐ CN | Âm nhạc | Nhạc | ÂN | Mĩ thuật | Mỹ thuật | MT | Nghệ thuật | NT | Nghệ thuật (Âm nhạc)
    Nghệ thuật (Mĩ thuật) | Nghệ thuật (Mỹ thuật) | NT (ÂN) | NT (MT) | Giáo dục địa phương | GDĐP | NDGDĐP
    Nội dung giáo dục của địa phương | Nội dung giáo dục địa phương | GD địa phương | Địa phương | Tự học
    Ôn tập | Hướng dẫn học | HDH
"""

_ROOM_TYPES: Mapping[str, str] = {
    "tin-hoc": """
        Tin học | Tin | Tin học ứng dụng | THUD | Tin học và Công nghệ | TH&CN | Tin học & Công nghệ
        Thực hành Tin | Thực hành Tin học | TH Tin | TH Tin học | Chuyên đề Tin | CĐ Tin | Chuyên đề Tin học
        Tin học (thực hành) | Tin (TH) | Tin học - Công nghệ
    """,
    "vat-li": """
        Thực hành Lý | Thực hành Lí | Thực hành Vật lí | Thực hành Vật lý | TH Lý | TH Lí | TH Vật lí
        TH Vật lý | Vật lí (thực hành) | Vật lý (thực hành) | Lý (TH) | Lí (TH)
    """,
    "hoa-hoc": "Thực hành Hóa | Thực hành Hóa học | TH Hóa | TH Hóa học | Hóa học (thực hành) | Hóa (TH)",
    "sinh-hoc": "Thực hành Sinh | Thực hành Sinh học | TH Sinh | TH Sinh học | Sinh học (thực hành) | Sinh (TH)",
    "khtn": "Thực hành KHTN | TH KHTN | KHTN (TH) | Thực hành Khoa học tự nhiên | Thí nghiệm | Thực hành thí nghiệm",
    "cong-nghe": "Thực hành Công nghệ | TH Công nghệ | TH CN | Công nghệ (thực hành) | CN (TH)",
    "thuc-hanh": "Thực hành",
    "thu-vien": "Thư viện | Tiết đọc thư viện | Đọc thư viện | Tiết thư viện",
}

# FET names what is not a lesson "---"; meetings and free hours are entered beside lessons.
_NO_LESSON = """
    --- | -- | - | Nghỉ | Trống | Họp | Họp tổ | Họp tổ chuyên môn | Họp nhóm | Họp hội đồng | HHĐ | SHTCM
    SH tổ | Ra chơi | Trực | Sinh hoạt tổ chuyên môn | Sinh hoạt tổ | Break
"""

NO_ROOM = {OUTSIDE: "Ngoài trời", IN_ROOM_TYPE: "(Phòng chức năng)"}
"""What we write in place of a room where a lesson is in none, or in one that is not named."""
_OUTSIDE_ROOMS = ("Sân", "Sân trường", "Sân bãi", "Sân tập", "Sân thể dục", "Sân TD", "Sân vận động")

_TONE = "([\u0300\u0301\u0303\u0309\u0323])"


@lru_cache(1000)
def normal(text: str) -> str:
    """How names are compared: without case, double spaces, and the two ways to set a tone (hoá, hóa)."""
    bare = " ".join(unicodedata.normalize("NFD", text.casefold().replace("–", "-")).split())
    bare = re.sub(r"\s*([-&,])\s*", r"\1", bare)
    # "hoá" bears its tone on the a, "hóa" on the o: on the first of the two for both.
    return unicodedata.normalize("NFC", re.sub(f"(o)(a|e){_TONE}|(u)(y){_TONE}", _tone_first, bare))


def _tone_first(found: re.Match[str]) -> str:
    first, second, tone, other_first, other_second, other_tone = found.groups()
    return f"{first}{tone}{second}" if first else f"{other_first}{other_tone}{other_second}"


def _names(text: str) -> Iterable[str]:
    return (name.strip() for line in text.splitlines() for name in line.split("|") if name.strip())


def _defaults() -> dict[str, SubjectPlace]:
    found: dict[str, SubjectPlace] = {}
    for text, place, target in (
        (_OUTSIDE, OUTSIDE, None),
        (_CLASS, HOME_ROOM, None),
        (_SUBJECTS, HOME_ROOM, None),
        (_NO_LESSON, NO_LESSON, None),
        *((names, IN_ROOM_TYPE, room_type) for room_type, names in _ROOM_TYPES.items()),
    ):
        for name in _names(text):
            found.setdefault(normal(name), SubjectPlace(name, place, target))
    return found


NO_ROOMS: Mapping[str, str] = {
    **{normal(word): OUTSIDE for word in (*_OUTSIDE_ROOMS, OUTSIDE)},
    **{normal(word): place for place, word in NO_ROOM.items()},
    normal(IN_ROOM_TYPE): IN_ROOM_TYPE,
}
"""normal(text that stands for a room in a file) -> place in no room of ours."""

DEFAULTS: Mapping[str, SubjectPlace] = _defaults()
"""normal(subject) -> where it is held in a usual school."""


def table(own: Iterable[SubjectPlace]) -> dict[str, SubjectPlace]:
    """normal(subject) -> place: the school's own rows over the defaults."""
    return {**DEFAULTS, **{normal(row.subject): row for row in own}}


def parse(text: str) -> SubjectPlace:
    """A row as a person writes it: "Tin học=room-type:tin-hoc", "Nhạc=room:b201", "Bơi=outside".

    Raises ValueError with a sentence.
    """
    subject, sign, where = text.rpartition("=")
    place, _, target = where.strip().partition(":")
    if not sign or not subject.strip() or place not in PLACES:
        raise ValueError(
            f"'{text}' is not SUBJECT=PLACE; the place is {HOME_ROOM}, {IN_ROOM}:ID, {IN_ROOM_TYPE}:ID, {OUTSIDE} or "
            f"{NO_LESSON}."
        )
    if (place in (IN_ROOM, IN_ROOM_TYPE)) != bool(target):
        raise ValueError(
            f"'{text}': {IN_ROOM} and {IN_ROOM_TYPE} need an id, as in {IN_ROOM}:b201; others have none."
        )
    return SubjectPlace(" ".join(subject.split()), place, target or None)

"""The indicators of connectivity in school hours: from the first bell to the last of open days. Sums: `LinkSums`."""

from campus.indicators.definition import DESIGN, LINK, Definition, count, minutes

_SCHOOL = minutes("school_ms")
_JUDGED = minutes("school_ms", less=("lost_server_ms",))
_COVERAGE = ((_JUDGED, _SCHOOL),)
_UNJUDGED = "time in which our own server did not listen is in no denominator"


def _there(id: str, name_vi: str, name_en: str, of: str) -> Definition:
    return Definition(
        id, 1, name_vi, name_en,
        f"minutes {of} was online ÷ judged minutes of the school hours; {_UNJUDGED}",
        "1", DESIGN, LINK, minutes("online_ms"), _JUDGED, _COVERAGE,
    )  # fmt: skip


def _lost(cause: str, name_vi: str, name_en: str) -> Definition:
    return Definition(
        f"lost_{cause}", 1, f"tỷ lệ mất kết nối do {name_vi}", f"connection lost: {name_en}",
        f"minutes lost with this cause ÷ judged minutes of the school hours; {_UNJUDGED}",
        "1", DESIGN, LINK, minutes(f"lost_{cause}_ms"), _JUDGED, _COVERAGE,
    )  # fmt: skip


DEFINITIONS = (
    _there(
        "board_connectivity", "tỷ lệ trực tuyến của thiết bị đo trong giờ học", "boards online", "a board"
    ),
    _there(
        "room_connectivity",
        "tỷ lệ trực tuyến của phòng trong giờ học",
        "rooms online",
        "at least one board of a room",
    ),
    _lost("power", "mất điện", "power"),
    _lost("uplink", "đường truyền của trường", "uplink"),
    _lost("access_point", "điểm truy cập", "access point"),
    _lost("board", "thiết bị đo", "board"),
    _lost("unknown", "nguyên nhân chưa rõ", "cause not known"),
    Definition(
        "interruptions",
        1,
        "số lần mất kết nối trong giờ học",
        "interruptions",
        "losses that reach into the school hours, counted per day and board or room; two with no connection between "
        "them are one",
        "losses",
        DESIGN,
        LINK,
        count("interruptions", unit="losses"),
        _JUDGED,
        _COVERAGE,
        total=True,
    ),
    Definition(
        "link_coverage",
        1,
        "độ phủ dữ liệu kết nối",
        "coverage of connectivity",
        "judged minutes ÷ minutes of the school hours",
        "1",
        DESIGN,
        LINK,
        _JUDGED,
        _SCHOOL,
        _COVERAGE,
        least_coverage_pct=0,
    ),
)

"""A school whose timetable is imported, and lessons for it."""

from datetime import UTC, date, datetime, timedelta

from campus.records.inventory import Inventory

SITE = "thcs-hoa-sen"
FROM = date(2026, 9, 7)
PERIODS = 5


def bells(weekdays=(1, 2, 3, 4, 5, 6)):
    """Five periods of 45 minutes in the morning and in the afternoon."""
    found = []
    for session, hour in (("morning", 7), ("afternoon", 13)):
        for period in range(1, PERIODS + 1):
            start = datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(minutes=50 * (period - 1))
            end = start + timedelta(minutes=45)
            found.append(
                {
                    "weekday": list(weekdays),
                    "session": session,
                    "period": period,
                    "start": f"{start:%H:%M}",
                    "end": f"{end:%H:%M}",
                }
            )
    return found


def school(classes, labs=1, homeless=(), **more):
    """An inventory: each class with its home room p-CLASS, and `labs` computer rooms tin-1, tin-2..."""
    homes = [
        {"id": f"p-{name.lower()}", "name": f"Phòng {name}", "room_type": "phong-hoc"} for name in classes
    ]
    special = [
        {"id": f"tin-{n}", "name": f"Phòng Tin học {n}", "room_type": "tin-hoc"} for n in range(1, labs + 1)
    ]
    return Inventory.parse(
        {
            "site": {"id": SITE, "name": "THCS Hoa Sen"},
            "room_types": [{"id": one, "name_vi": one, "name_en": one} for one in ("phong-hoc", "tin-hoc")],
            "rooms": homes + special,
            "classes": [
                {"name": name, "home_room": None if name in homeless else f"p-{name.lower()}"}
                for name in classes
            ],
            "subject_groups": [{"id": "toan", "name": "Tổ Toán"}],
            "terms": [{"name": "HK1", "start": "2026-09-07", "end": "2027-01-16"}],
            "bells": bells(),
            **more,
        }
    )


def rows(*lines):
    """A CSV of our own shape from lines such as "6A,Thứ 2,Sáng,1,Toán,Sen,,"."""
    return ("Lớp,Thứ,Buổi,Tiết,Môn,Giáo viên,Phòng,Tuần\n" + "".join(line + "\n" for line in lines)).encode()

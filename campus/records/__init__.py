"""The relational record: places, equipment, boards, calendar, timetable, intervals, facts, people."""

from campus.records.facade import Records, open_records

__all__ = ["Records", "open_records"]

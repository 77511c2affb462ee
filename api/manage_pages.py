"""The pages with which a school is set up and looked after, as one router."""

from fastapi import APIRouter

from api import (
    manage_pages_boards,
    manage_pages_connectivity,
    manage_pages_equipment,
    manage_pages_months,
    manage_pages_places,
    manage_pages_timetable,
    manage_pages_timetable_files,
)

router = APIRouter(include_in_schema=False)
for _pages in (
    manage_pages_places,
    manage_pages_boards,
    manage_pages_equipment,
    manage_pages_timetable,
    manage_pages_timetable_files,
    manage_pages_months,
    manage_pages_connectivity,
):
    router.include_router(_pages.router)

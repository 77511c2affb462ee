"""FET's own XML: NAME_data_and_timetable.fet; NAME_subgroups.xml of a solution; NAME_activities.xml with its .fet.

Shape (https://lalescu.ro/liviu/fet/): a .fet holds Activities_List, and the solution as constraints
ConstraintActivityPreferredStartingTime and ConstraintActivityPreferredRoom. A subgroups.xml is Students_Timetable:
Subgroup > Day > Hour > Activity, Teacher, Subject, Room. An activities.xml gives Id, Day, Hour and Room of each
activity, and neither subject nor class: those are in the .fet of the same solution.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from xml.etree.ElementTree import Element

from campus.calendar.formats import Activity, FormatError, Given, Parsed, Problem
from campus.calendar.formats.fet_csv import activity as hour_of
from campus.calendar.formats.xml import parse, text, texts

_Starts = Mapping[str, tuple[str, str]]
_Rooms = Mapping[str, str]
_USE = "import NAME_data_and_timetable.fet, NAME_subgroups.xml or NAME_timetable.csv of the same solution."


def read(content: bytes, given: Given) -> Parsed:
    root = parse(content)
    if root.tag == "fet":
        return _data(root, *_solution(root), given)
    if root.tag == "Activities_Timetable" and given.data is not None:
        data = parse(given.data)
        if data.tag != "fet":
            raise FormatError(f"The second file is <{data.tag}>; an activities.xml goes with its .fet.")
        return _data(data, *_placed(root), given)
    if root.tag == "Students_Timetable":
        return _subgroups(root, given)
    if root.tag == "Activities_Timetable":
        raise FormatError(
            "FET's activities.xml names no subjects and classes; name its .fet with --with, or " + _USE
        )
    if root.tag == "Teachers_Timetable":
        raise FormatError(f"FET's {root.tag} does not name all subjects and classes; {_USE}")
    raise FormatError(f"The XML is <{root.tag}>, which is none of FET's timetables; {_USE}")


def _solution(root: Element) -> tuple[_Starts, _Rooms]:
    """Where a .fet that holds a solution places its activities."""
    starts = {
        text(one, "Activity_Id"): (text(one, "Preferred_Day", "Day"), text(one, "Preferred_Hour", "Hour"))
        for one in _active(root, "Time_Constraints_List/ConstraintActivityPreferredStartingTime")
        if text(one, "Weight_Percentage") in ("", "100")  # a preference of less is no place in the solution
    }
    rooms = {
        text(one, "Activity_Id"): "+".join(texts(one, "Real_Room")) or text(one, "Room")
        for one in _active(root, "Space_Constraints_List/ConstraintActivityPreferredRoom")
    }
    return starts, rooms


def _placed(root: Element) -> tuple[_Starts, _Rooms]:
    """The same from an activities.xml; what is not placed has no day there."""
    rows = {text(one, "Id"): one for one in root.findall("Activity") if text(one, "Day")}
    starts = {id: (text(one, "Day"), text(one, "Hour")) for id, one in rows.items()}
    return starts, {id: "+".join(texts(one, "Real_Room")) or text(one, "Room") for id, one in rows.items()}


def _data(root: Element, starts: _Starts, rooms: _Rooms, given: Given) -> Parsed:
    hours = [text(hour, "Name") or (hour.text or "").strip() for hour in root.findall("Hours_List/Hour")]
    hours = hours or texts(root.find("Hours_List") or Element("none"), "Name")
    sets = _Sets(root, given.classes)
    activities: list[Activity] = []
    problems: list[Problem] = []
    unplaced: list[str] = []
    inactive = 0
    for one in root.findall("Activities_List/Activity"):
        id = text(one, "Id")
        if text(one, "Active") == "false":
            inactive += 1
            continue
        students, subject = texts(one, "Students"), text(one, "Subject")
        if id not in starts:
            unplaced.append(f"activity {id} ({'+'.join(students)} {subject})")
            continue
        found = _hours(one, id, starts[id], rooms.get(id, ""), hours, given)
        for hour in found:
            if isinstance(hour, Problem):
                problems.append(hour)
            else:
                activities.extend(sets.told(hour))
    if not starts and unplaced:
        raise FormatError(
            f"The .fet has no times of activities: it was not solved yet. Solve it in FET, then {_USE}"
        )
    notes = [f"{inactive} activities are inactive in FET and are left out."] if inactive else []
    return Parsed(activities, problems, unplaced, notes)


def _active(root: Element, path: str) -> Iterable[Element]:
    return (one for one in root.findall(path) if text(one, "Active") != "false")


def _hours(
    one: Element, id: str, start: tuple[str, str], room: str, hours: list[str], given: Given
) -> Iterable[Activity | Problem]:
    """The hours of one activity, in the order of the file's own list of hours."""
    row, (day, hour), length = f"activity {id}", start, text(one, "Duration") or "1"
    if hour not in hours:
        yield Problem(row, "Hour", f"'{hour}' is not in the file's Hours_List.")
        return
    first = hours.index(hour)
    if not length.isdecimal() or not 1 <= int(length) <= len(hours) - first:
        yield Problem(row, "Duration", f"'{length}' hours from '{hour}' do not end within the day.")
        return
    told = {
        "Day": day,
        "Students Sets": "+".join(texts(one, "Students")),
        "Subject": text(one, "Subject"),
        "Teachers": "+".join(texts(one, "Teacher")),
        "Activity Tags": "+".join(texts(one, "Activity_Tag")),
        "Room": room,
    }
    for name in hours[first : first + int(length)]:
        yield hour_of(row, {**told, "Hour": name}, given)


class _Sets:
    """FET's years, groups and subgroups of students, as the school's classes and parts of them."""

    def __init__(self, root: Element, classes: frozenset[str]) -> None:
        self._classes = classes
        self._above: dict[str, set[str]] = {}
        self._below: dict[str, list[str]] = {}
        for year in root.findall("Students_List/Year"):
            for group in year.findall("Group"):
                self._link(text(year, "Name"), text(group, "Name"))
                for subgroup in group.findall("Subgroup"):
                    self._link(text(group, "Name"), text(subgroup, "Name"))

    def _link(self, upper: str, lower: str) -> None:
        self._above.setdefault(lower, set()).add(upper)
        if lower not in self._below.setdefault(upper, []):
            self._below[upper].append(lower)

    def told(self, activity: Activity) -> list[Activity]:
        """The activity by classes; one per class where a part of a class is taught."""
        whole: list[str] = []
        parts: list[Activity] = []
        for name in activity.classes:
            below = [one for one in self._follow(name, self._below) if one in self._classes]
            above = sorted(one for one in self._follow(name, self._above) if one in self._classes)
            if name in self._classes or (not below and len(above) != 1):
                whole.append(name)
            elif below:
                whole.extend(below)
            else:
                parts.append(replace(activity, classes=(above[0],), group=name))
        if whole or not parts:
            parts.append(replace(activity, classes=tuple(dict.fromkeys(whole))))
        return parts

    def _follow(self, name: str, links: Mapping[str, Iterable[str]]) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(links.get(name, ()))
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting.extend(links.get(one, ()))
        return list(found)


def _subgroups(root: Element, given: Given) -> Parsed:
    """Every hour of every subgroup; what several subgroups have in common is one activity."""
    names = [one.get("name", "") for one in root.findall("Subgroup")]
    owners = {name: class_of(name, given.classes) for name in names}
    taught: dict[tuple[str, ...], dict[str, str]] = {}
    who: dict[tuple[str, ...], list[str]] = {}
    for subgroup in root.findall("Subgroup"):
        for day in subgroup.findall("Day"):
            for hour in day.findall("Hour"):
                told = {
                    "Day": day.get("name", ""),
                    "Hour": hour.get("name", ""),
                    "Subject": "+".join(_named(hour, "Subject")),
                    "Teachers": "+".join(_named(hour, "Teacher")),
                    "Activity Tags": "+".join(_named(hour, "Activity_Tag")),
                    "Room": "+".join(_named(hour, "Real_Room")) or "+".join(_named(hour, "Room")),
                }
                ids = [one.get("id", "") for one in hour.findall("Activity")]
                if not ids and not told["Subject"]:
                    continue
                # Files of older versions name no activity: one without a teacher cannot be shared then.
                shared = bool(ids or told["Teachers"])
                key = (*ids, *told.values(), "" if shared else owners[subgroup.get("name", "")][0])
                taught.setdefault(key, told)
                who.setdefault(key, []).append(subgroup.get("name", ""))
    activities: list[Activity] = []
    problems: list[Problem] = []
    for key, told in taught.items():
        classes = dict.fromkeys(owners[name][0] for name in who[key])
        row = f"{who[key][0]}, {told['Day']} {told['Hour']}"
        found = hour_of(row, {**told, "Students Sets": "+".join(classes)}, given)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        absent = [name for name in names if owners[name][0] in classes and name not in who[key]]
        group = ", ".join(owners[name][1] or name for name in who[key]) if absent else None
        activities.append(replace(found, group=group))
    return Parsed(activities, problems)


def _named(hour: Element, name: str) -> list[str]:
    return [found for child in hour.findall(name) if (found := child.get("name", "").strip())]


def class_of(name: str, classes: frozenset[str]) -> tuple[str, str | None]:
    """(class, part) of a set of students: the class itself, or the longest class name before a space, -, _, . or /."""
    if name in classes:
        return name, None
    begun = [one for one in classes if name.startswith(one) and name[len(one)] in " -_./"]
    if not begun:
        return name, None
    longest = max(begun, key=len)
    return longest, name[len(longest) + 1 :].strip() or None

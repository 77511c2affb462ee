"""What the records hand out: frozen values, never database rows. Datetimes are aware UTC, dates are local."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from campus.indicators import EquipmentFact, RoomFact
from campus.inference import Interval, Stretch

LEVELS = ("primary", "lower-secondary", "upper-secondary", "multi-level")
CONDITIONS = ("good", "worn", "broken", "under-repair")
ADMINISTRATOR = "administrator"
ROLES = (ADMINISTRATOR, "leader", "facilities", "it", "equipment", "auditor")
LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Site:
    """A school, or a satellite campus of it. `tz` is an IANA name; `level` is one of LEVELS, or None."""

    id: str
    name: str
    tz: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Building:
    """`version` rises with every change of it."""

    site: str
    id: str
    name: str
    area_m2: float | None = None
    built_year: int | None = None
    floors: int | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class RoomType:
    """A kind of room, shared by all sites. `in_frequency_rate`: its lesson slots count as time available."""

    id: str
    name_vi: str
    name_en: str
    in_frequency_rate: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """`capacity` in people, None while unknown; `volume_m3` is used by the CO2 model only.

    `version` rises with every change of it.
    """

    site: str
    id: str
    name: str
    building: str | None
    floor: int | None
    room_type: str
    capacity: int | None
    volume_m3: float | None = None
    area_m2: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Equipment:
    """A thing with a record. `kind` is an id (`projector`); `condition` is one of CONDITIONS.

    The whole record is campus.records.register.EquipmentRecord.
    """

    site: str
    id: str
    name: str
    kind: str
    room: str | None = None
    in_service_on: date | None = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class of pupils, known by its name ("6A"); `size` in pupils."""

    site: str
    name: str
    home_room: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class SubjectGroup:
    """The teachers of related subjects (tổ chuyên môn)."""

    site: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What a board made of the configuration it was sent as revision `rev`; not `ok`: why it refused or left it."""

    rev: int
    ok: bool
    errors: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LastReply:
    """A board's latest answer to a command. `code` and `message` say what was wrong; None where nothing was."""

    id: str
    ok: bool
    code: str | None
    message: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """A board as last heard. `points` is that of its latest birth: name -> {"unit": ..., "max_interval_ms": ...}.

    `availability` is the word on the wire, or "unknown" before anything was heard; first_seen and
    last_seen are None for a board of the inventory that was never heard. `firmware_since`: when that version
    was first heard of this board. `reset_cause`, `access_point` and `notes` are those of its latest birth, as
    in campus.wire.server.Birth. People write `name` and `note`; `version` rises with these and with its placements.
    """

    id: str
    site: str
    firmware: str | None = None
    hardware: str | None = None
    boot: str | None = None
    points: dict[str, Any] = field(default_factory=dict)
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    availability: str = "unknown"
    firmware_since: datetime | None = None
    reset_cause: str | None = None
    access_point: str | None = None
    notes: tuple[str, ...] = ()
    reported: Reported | None = None
    last_reply: LastReply | None = None
    name: str | None = None
    note: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Placement:
    """Board -> room, or board channel -> equipment, over [valid_from, valid_to).

    Exactly one of `room` and `equipment` is set; `channel` is set if and only if `equipment` is.
    """

    id: int
    board: str
    room: str | None
    channel: int | None
    equipment: str | None
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learned of a room or a piece of equipment (`kind` as in campus.inference), used from then on."""

    kind: str
    id: str
    issued_at_ms: int
    learned: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Derivation:
    """What was derived for one room over [start_ms, end_ms), of any length: see Records.store_derivation.

    `stretches`: (kind, id, aspect) -> over the same range. `settled`: numbers of what was dirty, and is not any more.
    """

    site: str
    room: str
    start_ms: int
    end_ms: int
    intervals: Sequence[Interval]
    facts: Sequence[RoomFact]
    checkpoints: Sequence[tuple[int, Mapping[str, Any]]]
    derived_through_ms: int
    stretches: Mapping[tuple[str, str, str], Sequence[Stretch]] = field(default_factory=dict)
    equipment_facts: Sequence[EquipmentFact] = ()
    calibrations: Sequence[Calibration] = ()
    settled: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Dirty:
    """Local dates [start, end) of a room that are to be made anew: `again` is "facts" or "readings"."""

    number: int
    site: str
    room: str
    start: date
    end: date
    again: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A month (its first day) whose figures were signed; the calendar they were computed with."""

    site: str
    start: date
    closed_at: datetime
    closed_by: str
    calendar_version: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """Sums of one day of one thing that changed after the month was closed; only the fields that did."""

    at: datetime
    kind: str
    id: str
    date: date
    before: Mapping[str, int]
    after: Mapping[str, int]
    number: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, one of ROLES, at one site; `site` None: at every site of this server."""

    role: str
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a token may of what its person may: these rights only (None: all), reading only, one site only."""

    rights: frozenset[str] | None = None
    reads_only: bool = False
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signs in with `name`. `language` is one of LANGUAGES.

    `identity` is the e-mail address or subject by which a sign-in service knows the person. `limits` are those of the
    token that is used; None: the person signed in.
    """

    id: int
    name: str
    grants: tuple[Grant, ...] = ()
    language: str = "vi"
    identity: str | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of a browser; `is_own`: the one that asks. `id` is not its secret."""

    id: str
    created_at: datetime
    expires_at: datetime
    address: str | None
    agent: str | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A personal API token, without its secret. `last_used_at` is right to the hour."""

    id: int
    person: int
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, from where, to which object of `kind` and `id` (of one site, or of none), and what it changed."""

    number: int
    at: datetime
    who: str
    from_where: str
    what: str
    kind: str
    site: str | None
    id: str
    before: Any
    after: Any
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last row of the audit log: noted elsewhere, it shows that nothing before it was changed."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The audit log was right up to row `right`; `wrong` is the first row that is not, and `why`; None: all right."""

    right: int
    wrong: int | None
    why: str | None

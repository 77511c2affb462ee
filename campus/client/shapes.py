"""What the API takes and answers. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from campus.client.shape import Shape


class Amendment(Shape):
    """Sums of one day of one thing that changed after its month was closed; times in ms, energy in mWh."""

    number: int
    at: datetime
    kind: str
    id: str
    date_: date = Field(..., alias="date")
    before: dict[str, int]
    after: dict[str, int]


class Audit(Shape):
    """Who did what, from where, and what it changed; `hash` is that of this row and all before it."""

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


class Availability(Shape):
    """Half-open [start_ms, end_ms) in which a board was in one state; `unknown`: nobody listened."""

    start_ms: int
    end_ms: int
    state: Literal["online", "lost", "offline", "sleeping", "unknown"]


class Bell(Shape):
    """Bell times of one period of a session on a weekday (Monday = 1); `valid_from` 0001-01-01: since
    ever."""

    weekday: int
    session: str
    period: int
    start: str
    end: str
    valid_from: date
    valid_to: date | None


class BoardChanges(Shape):
    """What people write of a board; what is left out stays, null empties."""

    id: None = None
    name: str | None = None
    note: str | None = None


class Board(Shape):
    """A board. `room` None with `assigned` False: heard, and placed nowhere yet. `access_point`: the address
    of the access point the board is joined to. `notes`: what it went through, in codes (docs/remote.md).
    People write `name` and `note`; `version` rises with these and with its placements."""

    site: str
    id: str
    room: str | None
    assigned: bool
    availability: str
    firmware: str | None
    firmware_since: datetime | None
    hardware: str | None
    reset_cause: str | None
    access_point: str | None
    notes: list[str]
    reported: Reported | None
    last_reply: LastReply | None
    points: dict[str, Any]
    first_seen: datetime | None
    last_seen: datetime | None
    name: str | None
    note: str | None
    version: int


class BoardState(Shape):
    """BoardStateOut."""

    site: str
    board: str
    availability: str
    last_seen_ms: int | None
    room: str | None
    rssi_dbm: float | None


class BuildingChanges(Shape):
    """Fields to change; what is left out stays, null empties."""

    id: None = None
    name: str | None = None
    area_m2: float | None = None
    built_year: int | None = None
    floors: int | None = None


class BuildingNew(Shape):
    """A building to add."""

    id: str
    name: str
    area_m2: float | None = None
    built_year: int | None = None
    floors: int | None = None


class Building(Shape):
    """A building. `version` rises with every change."""

    site: str
    id: str
    name: str
    area_m2: float | None
    built_year: int | None
    floors: int | None
    version: int


class CloseForm(Shape):
    """`move`: what was found and is recorded elsewhere belongs to this room now."""

    move: bool | None = None


class Closure(Shape):
    """[start, end) without lessons; `public`: a public holiday. Its `id` is another after each import."""

    id: int
    start: date
    end: date
    reason: str
    public: bool


class Completeness(Shape):
    """Counts by kind and room ("" for no room), what each record lacks, codes without a record, and the
    targets."""

    total: Counts
    kinds: dict[str, Counts]
    rooms: dict[str, Counts]
    missing: dict[str, list[str]]
    unrecorded: list[Unrecorded]
    targets: list[Target]


class Counts(Shape):
    """CountsOut."""

    known: int
    complete: int


class Definition(Shape):
    """What a figure means. `personal`: it tells about the work of teachers."""

    id: str
    version: int
    name_vi: str
    name_en: str
    formula: str
    unit: str
    source: str
    of: str
    least_coverage_pct: int
    personal: bool


class EquipmentChanges(Shape):
    """Fields to change; what is left out stays, null empties. `version`: only if the record still has it."""

    id: None = None
    name: str | None = None
    kind: str | None = None
    room: str | None = None
    in_service_on: date | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    item_code: str | None = None
    quantity: int | None = None
    unit: str | None = None
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    price_vnd: int | None = None
    fund: str | None = None
    life_years: int | None = None
    subject_group: str | None = None
    verified_on: date | None = None
    retired_on: date | None = None
    note: str | None = None
    version: int | None = None


class EquipmentFact(Shape):
    """What happened in one slot of one date to one piece of equipment; `room`: where it was measured."""

    equipment: str
    room: str
    date_: date = Field(..., alias="date")
    start: datetime
    end: datetime
    kind: str
    session: str | None
    period: int | None
    school_class: str | None
    slot_minutes: float
    valid_minutes: float
    on_minutes: float
    standby_minutes: float
    energy_minutes: float
    energy_wh: float
    idle_minutes: float
    idle_wh: float


class EquipmentNew(Shape):
    """A piece of equipment to add; `item_code` is unique at the site."""

    id: str
    name: str
    kind: str
    room: str | None = None
    in_service_on: date | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    item_code: str | None = None
    quantity: int | None = None
    unit: str | None = None
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    price_vnd: int | None = None
    fund: str | None = None
    life_years: int | None = None
    subject_group: str | None = None
    verified_on: date | None = None
    retired_on: date | None = None
    note: str | None = None


class Equipment(Shape):
    """A record. `code` stands on its label; `missing`: what the record lacks today to be complete."""

    site: str
    id: str
    code: str
    name: str
    kind: str
    room: str | None
    in_service_on: date | None
    condition: str | None
    item_code: str | None
    quantity: int
    unit: str | None
    maker: str | None
    model: str | None
    serial: str | None
    price_vnd: int | None
    fund: str | None
    life_years: int | None
    subject_group: str | None
    verified_on: date | None
    retired_on: date | None
    note: str | None
    version: int
    missing: list[str]


class Exam(Shape):
    """[start, end) with exams of these classes, of all where none is named. `id` as of closures."""

    id: int
    name: str
    start: date
    end: date
    classes: list[str]


class Fact(Shape):
    """What happened in one slot of one date in one room; `coverage` = valid minutes / slot minutes."""

    site: str
    room: str
    date_: date = Field(..., alias="date")
    start: datetime
    end: datetime
    kind: str
    session: str | None
    period: int | None
    school_class: str | None
    subject: str | None
    slot_minutes: float
    valid_minutes: float
    occupied_minutes: float
    coverage: float
    outcome: str


class Figures(Shape):
    """The indicators of a scope over [from, to), with the lists behind two of them."""

    indicators: list[Indicator]
    ghost_slots: list[GhostSlot]
    never_used: list[str]


class File(Shape):
    """A photo or document of a piece, `size` in bytes."""

    number: int
    equipment: str
    name: str
    media: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str


class Finding(Shape):
    """A sensor that cannot be right, since when, with the figures that say so."""

    room: str
    kind: Literal["stuck", "blind", "echo", "still", "baseline_low", "baseline_creeps"]
    point: str
    since_ms: int
    figures: dict[str, float]


class Flapping(Shape):
    """Whether a board comes and goes, by `checks` of its last 24 hours. `flapping` null has a `reason`."""

    flapping: bool | None
    change_pct: float | None
    since_ms: int | None
    checks: int
    reason: str | None


class Forecast(Shape):
    """The occupied share that is expected in the period which starts at a minute of the local date. `value`
    null has a `reason`: too_short (under two comparable weeks) or irregular (the room has no pattern)."""

    date_: date = Field(..., alias="date")
    start_minute: int
    value: float | None
    reason: str | None
    score: Score


class GhostSlot(Shape):
    """A class's weekly slot that nobody came to on `empty` of the `dates` on which it was judged."""

    room: str
    weekday: int
    session: str
    period: int
    school_class: str
    dates: list[date]
    empty: int


class GrantForm(Shape):
    """A role at one site; `site` null: at every site of this server, which only its administrators can
    give."""

    role: Literal["administrator", "leader", "facilities", "it", "equipment", "auditor"]
    site: str | None


class Grant(Shape):
    """A role at one site; without a site at every site of this server."""

    role: str
    site: str | None


class HealthDetail(Shape):
    """The whole health of this process."""

    ready: bool
    reasons: list[str] | None = None
    version: str


class Health(Shape):
    """Whether the system takes and answers; why not is for those who are signed in."""

    ready: bool


class Incident(Shape):
    """Boards of a site lost together by one cause; `end_ms` null: it goes on. `evidence`: what the cause was
    told from. `unknown` until the boards told by their return; of `server` nobody listened, and no board is
    blamed."""

    number: int
    cause: Literal["power", "uplink", "access_point", "board", "server", "unknown"]
    start_ms: int
    end_ms: int | None
    boards: list[str]
    evidence: dict[str, Any]


class Indicator(Shape):
    """A figure with its evidence. `value` null carries a `reason`; it is never a zero for unknown."""

    id: str
    version: int
    value: float | None
    reason: str | None
    unit: str
    numerator: float
    denominator: float
    coverage: float | None
    calendar_version: str
    computed_at: datetime
    provisional: bool
    counts: dict[str, int]
    reason_code: str | None = None
    reason_values: dict[str, float | str] | None = None


class Interval(Shape):
    """Half-open [start_ms, end_ms) in which a room was in one state."""

    start_ms: int
    end_ms: int
    state: Literal["occupied", "vacant", "unknown"]


class Inventory(Shape):
    """What an inventory changes, or would change: one line per change."""

    changes: list[str]


class Judged(Shape):
    """A past period beside the band [low, high] in which it was expected; `anomaly`: two of three were
    outside."""

    date_: date = Field(..., alias="date")
    start_minute: int
    value: float
    low: float
    high: float
    outside: bool
    anomaly: bool


class LastReply(Shape):
    """A board's latest answer to a command; `code` and `message` say what was wrong."""

    id: str
    ok: bool
    code: str | None
    message: str | None
    received_at: datetime


class Lesson(Shape):
    """A weekly lesson over [valid_from, valid_to); `place` says where one without a room is held. Its `id`
    changes when a timetable is imported. `teacher` is for those who may see single periods, null to
    others."""

    id: int
    room: str | None
    weekday: int
    session: str
    period: int
    school_class: str
    subject: str
    valid_from: date
    valid_to: date | None
    subject_group: str | None
    week: str | None
    teacher: str | None
    place: str


class Live(Shape):
    """Everything the live stream changes, as it is now."""

    at_ms: int
    rooms: list[RoomState]
    boards: list[BoardState]
    progress: list[Progress]


class LoanForm(Shape):
    """A loan slip. `out_at` is now and `due_on` the day of the loan, unless given."""

    equipment: str
    borrower: str
    quantity: int | None = None
    out_at: datetime | None = None
    due_on: date | None = None
    used_on: date | None = None
    session: Literal["morning", "afternoon"] | None = None
    period: int | None = None
    lesson: str | None = None
    school_class: str | None = None
    subject_group: str | None = None
    note: str | None = None


class Loan(Shape):
    """A loan slip; `status` is lent, overdue (since the day after `due_on`) or returned."""

    number: int
    equipment: str
    quantity: int
    borrower: str
    out_at: datetime
    due_on: date
    back_at: datetime | None
    status: Literal["lent", "overdue", "returned"]
    used_on: date | None
    session: str | None
    period: int | None
    lesson: str | None
    school_class: str | None
    subject_group: str | None
    condition_back: str | None
    note: str | None
    lent_by: str
    taken_back_by: str | None


class MakeUpDay(Shape):
    """A date that follows another weekday, and a week where it names one."""

    date_: date = Field(..., alias="date")
    weekday: int
    reason: str
    week: str | None


class MeteredIn(Shape):
    """A channel of a board, and the piece of equipment that it meters."""

    channel: int
    equipment: str


class MonthForm(Shape):
    """The month to close, as YYYY-MM."""

    month: str


class Month(Shape):
    """A month whose figures were signed; the version of the calendar they were computed with."""

    start: date
    closed_at: datetime
    closed_by: str
    calendar_version: str


class NewPassword(Shape):
    """The one time a generated password is shown; only its hash is kept."""

    password: str


class NewPerson(Shape):
    """The one time a generated password is shown; only its hash is kept."""

    name: str
    language: str
    identity: str | None
    grants: list[Grant]
    password: str


class NewToken(Shape):
    """The one time a token is shown; only its hash is kept."""

    token: str


class PasswordForm(Shape):
    """Your password, and the one to have from now on."""

    old: str
    new: str


class PersonChange(Shape):
    """What is left out, or null, stays as it is; `identity` "" takes it away; `grants` replaces them all."""

    grants: list[GrantForm] | None = None
    language: Literal["vi", "en"] | None = None
    identity: str | None = None


class PersonForm(Shape):
    """PersonForm."""

    name: str
    grants: list[GrantForm]
    language: Literal["vi", "en"] | None = None
    identity: str | None = None


class Person(Shape):
    """`identity`: the e-mail address or subject by which the sign-in service knows the person."""

    name: str
    language: str
    identity: str | None
    grants: list[Grant]


class Placed(Shape):
    """Where a board is, and what it meters, from the instant of the change on, later placements included."""

    placements: list[Placement]


class PlacementIn(Shape):
    """Where a board is from `at` on, null: from now on. `channels`: all that it meters; null: as it is while
    the board stays in its room, else nothing."""

    room: str
    at: datetime | None = None
    channels: list[MeteredIn] | None = None


class Placement(Shape):
    """Over [valid_from, valid_to) a board was in a room, or its channel on a piece of equipment; null: it
    still is. Exactly one of `room` and `equipment` is given, and `channel` only with `equipment`."""

    id: int
    board: str
    room: str | None
    channel: int | None
    equipment: str | None
    valid_from: datetime
    valid_to: datetime | None


class Progress(Shape):
    """Long work under way; finished when done equals total."""

    task: str
    done: float
    total: float
    note: str


class Quality(Shape):
    """A board's connection over [start_ms, end_ms), the last 10 minutes; the part `available` is of 24 hours.
    `value` is 0 to 100, null with a `reason` where nothing of the link was measured. `measured`: the share, 0
    to 1, of the weights that was."""

    start_ms: int
    end_ms: int
    value: float | None
    label: Literal["good", "fair", "poor"] | None
    measured: float
    reason: str | None
    signal: Literal["good", "fair", "weak", "poor"] | None
    parts: list[QualityPart]
    flapping: Flapping


class QualityPart(Shape):
    """One part of a quality: `score` is 0 to 1, `point` what it was read from. `value` null has a
    `reason`."""

    name: Literal["rssi_dbm", "loss", "rtt_p95_ms", "jitter_ms", "available"]
    value: float | None
    score: float | None
    weight: float
    point: str | None
    reason: str | None


class Quota(Shape):
    """Lessons with equipment of a subject group ("": the school) over [start, end); `rate` is lessons ÷
    quota."""

    subject_group: str
    start: date
    end: date
    quota: int
    lessons: int
    rate: float


class Reading(Shape):
    """One value of one point; null = measured but invalid, and `quality` says why."""

    board: str
    point: str
    observed_at_ms: int
    value: float | None
    quality: str


class RecordChange(Shape):
    """What one field was and became. `created` is the first: all that was given."""

    number: int
    field: str
    before: Any
    after: Any
    at: datetime
    by: str
    how: str


class RegisterFile(Shape):
    """What a file changes, or would change; with any of `problems` nothing was written."""

    rows: int
    changes: list[str]
    problems: list[RowProblem]


class Reliability(Shape):
    """Availability, mean time between failures and mean time to repair of pieces of equipment."""

    indicators: list[Indicator]


class Reported(Shape):
    """What a board made of the configuration of revision `rev`; not `ok`: why it refused or left it."""

    rev: int
    ok: bool
    errors: list[str]
    received_at: datetime


class ReturnForm(Shape):
    """How it came back; a `condition` becomes that of the piece."""

    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    note: str | None = None


class RoomChanges(Shape):
    """Fields to change; what is left out stays, null empties."""

    id: None = None
    name: str | None = None
    room_type: str | None = None
    building: str | None = None
    floor: int | None = None
    capacity: int | None = None
    volume_m3: float | None = None
    area_m2: float | None = None


class RoomNew(Shape):
    """A room to add. `room_type` is one of /api/v1/room-types, `building` one of the site's."""

    id: str
    name: str
    room_type: str
    building: str | None = None
    floor: int | None = None
    capacity: int | None = None
    volume_m3: float | None = None
    area_m2: float | None = None


class Room(Shape):
    """A room and where it is; `capacity` in people. `version` rises with every change."""

    site: str
    id: str
    name: str
    building: str | None
    floor: int | None
    room_type: str
    capacity: int | None
    volume_m3: float | None
    area_m2: float | None
    version: int


class RoomState(Shape):
    """What a room is like now; `presence` null = not measured."""

    site: str
    room: str
    presence: bool | None
    since_ms: int | None
    motion_at_ms: int | None
    updated_at_ms: int
    values: dict[str, float]


class RoomType(Shape):
    """A type of rooms. `in_frequency_rate`: lesson slots of such rooms count as time available."""

    id: str
    name_vi: str
    name_en: str
    in_frequency_rate: bool


class RowProblem(Shape):
    """RowProblemOut."""

    row: str
    field: str
    message: str


class ScanForm(Shape):
    """A label that was seen; `counted` of a set."""

    code: str
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    counted: int | None = None


class SchoolClass(Shape):
    """A class, known by its name; `size` in pupils."""

    name: str
    home_room: str | None
    size: int | None


class Score(Shape):
    """Errors of the last 28 days, Σ|value − forecast| ÷ Σ|value|; of the forecast and of "same as last
    week"."""

    points: int
    wape: float | None
    last_week_wape: float | None


class Session(Shape):
    """A browser that is signed in. `id` is not its secret; `is_own`: the one that asks."""

    id: str
    created_at: datetime
    expires_at: datetime
    address: str | None
    agent: str | None
    is_own: bool


class SignInForm(Shape):
    """Name and password of a person."""

    name: str
    password: str


class SignedMonth(Shape):
    """A closed month with its figures as they were signed."""

    start: date
    closed_at: datetime
    closed_by: str
    calendar_version: str
    indicators: list[Indicator]


class SiteDetail(Shape):
    """A site with its buildings and the types of its rooms."""

    id: str
    name: str
    tz: str
    level: str | None
    buildings: list[Building]
    room_types: list[RoomType]


class Site(Shape):
    """A school or a satellite campus."""

    id: str
    name: str
    tz: str
    level: str | None


class StockItem(Shape):
    """`state`: found, missing, unexpected (recorded in `recorded_room`), or unknown: no record has the
    code."""

    code: str
    equipment: str | None
    name: str | None
    state: str
    recorded_room: str | None
    found_at: datetime | None
    found_by: str | None
    condition: str | None
    recorded_condition: str | None
    counted: int | None
    quantity: int | None


class StocktakingForm(Shape):
    """StocktakingForm."""

    room: str


class StocktakingHead(Shape):
    """A stocktaking of a room; open while `closed_at` is null."""

    number: int
    room: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None


class Stocktaking(Shape):
    """A stocktaking of a room with its difference report; open while `closed_at` is null."""

    number: int
    room: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    items: list[StockItem]


class SubjectGroup(Shape):
    """The teachers of related subjects (tổ chuyên môn)."""

    id: str
    name: str


class SubjectPlace(Shape):
    """Where the lessons of a subject are held; `target`: the id of the room or room type."""

    subject: str
    place: str
    target: str | None


class Substitution(Shape):
    """What a class has on one date in place of its timetable; `subject` null: the lesson falls out. `teacher`
    and `reason` are for those who may see single periods, null to others."""

    date_: date = Field(..., alias="date")
    session: str
    period: int
    school_class: str
    subject: str | None
    room: str | None
    subject_group: str | None
    teacher: str | None
    reason: str | None


class Target(Shape):
    """TargetOut."""

    indicator: str
    year: int
    value: float


class Tariff(Shape):
    """What a kilowatt hour costs from a date on."""

    valid_from: date
    vnd_per_kwh: float


class Term(Shape):
    """A semester over [start, end). `first_week`: the letter of the week in which it starts."""

    name: str
    start: date
    end: date
    year: str | None
    first_week: str


class TimetableFile(Shape):
    """What a file holds, and changes or would change; with any of `problems` nothing was written.
    `activities` are counted as in the file, before classes taught together are told apart. `unplaced`: what
    the file names without a time."""

    format: str
    activities: int
    lessons: int
    classes: int
    changes: list[str]
    problems: list[TimetableProblem]
    notes: list[str]
    unplaced: list[str]


class TimetableProblem(Shape):
    """What is wrong in a row of the file, as its own program names the row."""

    row: str
    field: str
    message: str


class TokenForm(Shape):
    """What the token is for, in the person's words, and what it may: at most what you may yourself."""

    label: str
    reads_only: bool | None = None
    rights: list[str] | None = None
    site: str | None = None
    days: int | None = None


class Token(Shape):
    """TokenOut."""

    id: int
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    reads_only: bool
    rights: list[str] | None
    site: str | None


class Unrecorded(Shape):
    """UnrecordedOut."""

    code: str
    room: str


class UpkeepEndForm(Shape):
    """What ended it: cause, work and cost; `condition` as it is now."""

    cause: str | None = None
    work: str | None = None
    cost_vnd: int | None = None
    closed_at: datetime | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None


class UpkeepForm(Shape):
    """Maintenance or an incident that begins; an incident puts the piece out of use unless `down` is
    false."""

    kind: Literal["maintenance", "incident"]
    symptom: str
    down: bool | None = None
    opened_at: datetime | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    equipment: str


class Upkeep(Shape):
    """UpkeepOut."""

    number: int
    equipment: str
    kind: str
    down: bool
    opened_at: datetime
    opened_by: str
    symptom: str
    closed_at: datetime | None
    closed_by: str | None
    cause: str | None
    work: str | None
    cost_vnd: int | None


class Use(Shape):
    """Uses of equipment in lessons, one for each piece, date and period: by loan slips and by what was
    measured."""

    declared: int
    measured: int
    both: int
    declared_only: int
    measured_only: int
    not_measured: int

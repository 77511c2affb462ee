"""What the API takes and answers about people, their sessions and tokens, and the health of the system."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api.context import Id
from api.models import example
from api.rights import ALL_RIGHTS
from campus.records.accounts import MOST_GRANTS, MOST_IDENTITY, NAME
from campus.records.tokens import DAYS, MOST_DAYS

Role = Literal["administrator", "leader", "facilities", "it", "equipment", "auditor"]
Language = Literal["vi", "en"]
Identity = Annotated[str, Field(max_length=MOST_IDENTITY, examples=["lan@thcs-hoa-binh.edu.vn"])]


def _form(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class GrantOut(BaseModel):
    """A role at one site; without a site at every site of this server."""

    model_config = example(role="leader", site="thcs-hoa-binh")

    role: str
    site: str | None


_GRANTS = [{"role": "leader", "site": "thcs-hoa-binh"}]


class PersonOut(BaseModel):
    """`identity`: the e-mail address or subject by which the sign-in service knows the person."""

    model_config = example(name="lan", language="vi", identity=None, grants=_GRANTS)

    name: str
    language: str
    identity: str | None
    grants: list[GrantOut]


class GrantForm(BaseModel):
    """A role at one site; `site` null: at every site of this server, which only its administrators can give."""

    model_config = _form(role="leader", site="thcs-hoa-binh")

    role: Role
    site: Id | None


class PersonForm(BaseModel):
    model_config = _form(name="lan", grants=_GRANTS)

    name: str = Field(pattern=rf"^{NAME.pattern}$", examples=["lan"])
    grants: list[GrantForm] = Field(min_length=1, max_length=MOST_GRANTS)
    language: Language = "vi"
    identity: Identity | None = None


class PersonChange(BaseModel):
    """What is left out, or null, stays as it is; `identity` "" takes it away; `grants` replaces them all."""

    model_config = _form(grants=_GRANTS)

    grants: list[GrantForm] | None = Field(None, min_length=1, max_length=MOST_GRANTS)
    language: Language | None = None
    identity: Identity | None = None


class NewPerson(PersonOut):
    """The one time a generated password is shown; only its hash is kept."""

    model_config = example(name="lan", language="vi", identity=None, grants=_GRANTS, password="…")  # noqa: S106

    password: str


class NewPassword(BaseModel):
    """The one time a generated password is shown; only its hash is kept."""

    password: str = Field(examples=["…"])


class SignInForm(BaseModel):
    """Name and password of a person."""

    model_config = _form(name="admin", password="…")  # noqa: S106

    name: str = Field(min_length=1, max_length=128)
    password: str = Field(min_length=1, max_length=256)


class PasswordForm(BaseModel):
    """Your password, and the one to have from now on."""

    model_config = _form(old="…", new="ten signs or more")

    old: str = Field(min_length=1, max_length=256)
    new: str = Field(min_length=10, max_length=256)


class SessionOut(BaseModel):
    """A browser that is signed in. `id` is not its secret; `is_own`: the one that asks."""

    model_config = example(
        id="9f86d081884c7d65",
        created_at="2026-11-23T00:05:00Z",
        expires_at="2026-11-23T12:05:00Z",
        address="192.168.1.20",
        agent="Mozilla/5.0",
        is_own=True,
    )

    id: str
    created_at: datetime
    expires_at: datetime
    address: str | None
    agent: str | None
    is_own: bool


class TokenForm(BaseModel):
    """What the token is for, in the person's words, and what it may: at most what you may yourself."""

    model_config = _form(label="Monthly report", reads_only=True, rights=["figures"], site="demo", days=90)

    label: str = Field(min_length=1, max_length=100)
    reads_only: StrictBool = False
    rights: list[str] | None = Field(
        None,
        max_length=len(ALL_RIGHTS),
        description=f"Of {', '.join(sorted(ALL_RIGHTS))}; null: all of yours",
    )
    site: Id | None = Field(None, description="null: all of your sites")
    days: int = Field(DAYS, ge=1, le=MOST_DAYS, description="Until it ends")


class TokenOut(BaseModel):
    model_config = example(
        id=7,
        label="Monthly report",
        created_at="2026-11-23T03:15:00Z",
        expires_at="2027-02-21T03:15:00Z",
        last_used_at=None,
        reads_only=True,
        rights=["figures"],
        site="demo",
    )

    id: int
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="Right to the hour")
    reads_only: bool
    rights: list[str] | None
    site: str | None


class NewToken(BaseModel):
    """The one time a token is shown; only its hash is kept."""

    token: str = Field(examples=["…"])


class AuditOut(BaseModel):
    """Who did what, from where, and what it changed; `hash` is that of this row and all before it."""

    model_config = example(
        number=12,
        at="2026-11-23T03:15:00Z",
        who="admin",
        from_where="192.168.1.20",
        what="person.changed",
        kind="person",
        site="thcs-hoa-binh",
        id="lan",
        before={"language": "vi"},
        after={"language": "en"},
        hash="…",
    )

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


class HealthOut(BaseModel):
    """Whether the system takes and answers; why not is for those who are signed in."""

    model_config = example(ready=True)

    ready: bool


class HealthDetail(BaseModel):
    """The whole health of this process."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"ready": True, "reasons": [], "version": "1.0.0"}]}
    )

    ready: bool
    reasons: list[str] = []
    version: str

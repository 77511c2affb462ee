"""What the API answers about people, their tokens, and the health of the system."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.models import example


class PersonOut(BaseModel):
    model_config = example(name="admin", role="administrator", language="vi")

    name: str
    role: str
    language: str


class SignInForm(BaseModel):
    """Name and password of a person."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "admin", "password": "…"}]}
    )

    name: str = Field(min_length=1, max_length=128)
    password: str = Field(min_length=1, max_length=256)


class TokenForm(BaseModel):
    """What the token is for, in the person's words."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"label": "Monthly report"}]})

    label: str = Field(min_length=1, max_length=100)


class TokenOut(BaseModel):
    model_config = example(id=7, label="Monthly report", created_at="2026-11-23T03:15:00Z")

    id: int
    label: str
    created_at: datetime


class NewToken(BaseModel):
    """The one time a token is shown; only its hash is kept."""

    token: str = Field(examples=["…"])


class HealthOut(BaseModel):
    """Whether the system takes and answers; why not is for those who are signed in."""

    model_config = example(ready=True)

    ready: bool


class HealthDetail(BaseModel):
    """The whole health of this process."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"ready": True, "reasons": []}]})

    ready: bool
    reasons: list[str] = []
    version: str

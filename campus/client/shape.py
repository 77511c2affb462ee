"""What every resource of the API has in common here."""

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Shape(BaseModel):
    """Fields as the OpenAPI has them; what a newer server adds is left out."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True)

    _etag: str | None = PrivateAttr(None)

    @property
    def etag(self) -> str:
        """Says to a change what was read. Raises ValueError for what was not read singly."""
        if self._etag is None:
            raise ValueError(
                f"Read this {type(self).__name__} singly before it is changed: a list has no ETags."
            )
        return self._etag

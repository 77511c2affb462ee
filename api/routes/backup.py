"""The whole server as one file, for `campus backup` on this machine and nobody else: it holds every secret."""

from itertools import chain

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from api.context import ContextDep
from api.problems import ProblemError
from api.rates import EXPORT_TURN
from api.security import PersonDep
from campus.errors import CampusError

router = APIRouter(prefix="/backup", include_in_schema=False)


@router.get("", dependencies=[EXPORT_TURN])
def backup(context: ContextDep, person: PersonDep) -> StreamingResponse:
    """An uncompressed tar. Only the token in DIR/run.json may ask, whatever the role of others."""
    if person.id != 0:
        raise ProblemError(
            403, "A backup holds every secret of this server: make it there, with `campus backup`."
        )
    if context.backup is None:
        raise ProblemError(
            404, "This process makes no backups: run `campus backup` where its data folder is."
        )
    try:
        size, pieces = context.backup()
    except CampusError as error:
        raise ProblemError(503, str(error)) from error
    first = next(pieces)  # begun, so that its files are closed even if nobody reads on
    return StreamingResponse(
        chain([first], pieces), media_type="application/x-tar", headers={"Content-Length": str(size)}
    )

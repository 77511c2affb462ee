"""Health: the one route besides signing in that is open to everyone."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from api.account_models import HealthDetail, HealthOut
from api.context import ContextDep
from api.rights import PLACES
from api.security import has

open_router = APIRouter(tags=["health"])
router = APIRouter(prefix="/health", tags=["health"], dependencies=[Depends(has(PLACES))])


@open_router.get("/health", response_model=HealthOut, responses={503: {"model": HealthOut}})
def health(context: ContextDep, response: Response) -> Any:
    """200 when the system takes and answers, 503 when not."""
    ready = bool(context.health().get("ready"))
    response.status_code = 200 if ready else 503
    return {"ready": ready}


@router.get("", response_model=HealthDetail)
def health_detail(context: ContextDep) -> Any:
    """Everything this process knows of its health."""
    return {"version": context.version, **context.health()}

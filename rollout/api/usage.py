"""The door for usage and cost: asked at the router, answered by the analyst."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Request as Asked
from starlette.requests import Request
from starlette.responses import Response

from rollout.access.principal import INSTALLATION
from rollout.api import problems, reads
from rollout.api.admit import Caller
from rollout.api.scrape import scope_of
from rollout.measure.usage import By

if TYPE_CHECKING:
    from rollout.api.door import Door

public = APIRouter()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in ((422, "Not as described"), (503, "The analyst is away"))
}


@public.get("/v1/usage", tags=["metrics"], responses=_REFUSALS)
def usage(
    request: Asked,
    tenant: reads.Tenant,
    since: Annotated[
        datetime | None, Query(alias="from", description="With an offset; the first of the month if left out")
    ] = None,
    to: Annotated[datetime | None, Query(description="With an offset; now if left out")] = None,
    by: By = "workflow",
) -> dict[str, Any]:
    """Tickets, agents' replies, tokens, model and shadow cost, people's minutes: used in a period.

    Money is in US dollars and null where no price is known; `model_unknown` and `shadow_unknown` count the
    answers without one. Those of no tenant who name none get everybody's.
    """
    asked = None if tenant == INSTALLATION else tenant
    answer: dict[str, Any] = request.app.state.answers.usage(asked, since, to, by)
    return answer


async def read_usage(door: "Door", request: Request, caller: Caller) -> Response:
    """Hand the question on, about everybody where the caller belongs to no tenant and names none."""
    scope = scope_of(request, caller)
    return await door.analyst.forward(request, INSTALLATION if scope is None else scope)

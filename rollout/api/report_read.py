"""The door for the report that `ridealong report` writes, while a server holds the folder."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple, Protocol, cast

from fastapi import APIRouter, Query, Request

from rollout.api import problems, reads
from rollout.api.problems import Refused

public = APIRouter()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in ((404, "No such workflow"), (422, "Not as described"), (503, "The analyst is away"))
}
Length = Annotated[str, Query(pattern=r"^([1-9][0-9]{0,3}[hdw]|all)$", description="30d, 12w, 48h or all")]
Where = Annotated[
    list[Annotated[str, Query(max_length=300)]],
    Query(max_length=6, description="NAME=VALUE: only tickets with it; repeatable"),
]


class ReportAsked(NamedTuple):
    """One workflow's report; equal questions have equal answers until something is recorded."""

    workflow: str
    period: str
    as_of: datetime | None
    filters: tuple[tuple[str, str], ...]
    week: bool


class Reports(Protocol):
    """What this read is answered from."""

    def report(self, tenant: str, asked: ReportAsked) -> dict[str, Any]: ...


@public.get("/v1/report", tags=["metrics"], responses=_REFUSALS)
def report(
    request: Request,
    *,
    workflow: str,
    tenant: reads.Tenant,
    period: Length = "30d",
    as_of: Annotated[datetime | None, Query(description="With an offset; the present if left out")] = None,
    where: Where = [],  # noqa: B006 - the framework copies it
    week: Annotated[bool, Query(description="Gate, ladder and incidents, too")] = True,
) -> dict[str, Any]:
    """What `ridealong report` tells of a workflow: ``headlines``, what the ``week`` comes to, ``notes``."""
    if as_of is not None and as_of.tzinfo is None:
        raise Refused("invalid", f"as_of={as_of.isoformat()}: give an offset, e.g. {as_of.isoformat()}Z")
    answers = cast("Reports", request.app.state.answers)
    return answers.report(tenant, ReportAsked(workflow, period, as_of, _filters(where), week))


def _filters(where: list[str]) -> tuple[tuple[str, str], ...]:
    found = []
    for each in where:
        name, sign, value = each.partition("=")
        if not (sign and value):
            raise Refused("invalid", f"where={each}: write NAME=VALUE, e.g. category=billing")
        found.append((name, value))
    return tuple(sorted(found))

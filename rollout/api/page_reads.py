"""The analyst's doors for the pages on knowledge, quality and the audit trail."""

from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from fastapi import APIRouter, Request

from rollout.api import problems, reads
from rollout.api.planning_inputs import BacktestRequest

if TYPE_CHECKING:
    from rollout.what_if import Changes  # and with it the statistics, which the router never loads

public = APIRouter()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in ((404, "No such workflow"), (422, "Not as described"), (503, "The analyst is away"))
}
What = Literal["", "orders", "access", "incidents", "desk", "judging", "erasures", "refusals"]


class PageAnswers(Protocol):
    """What these reads are answered from."""

    def knowledge(self, tenant: str, name: str, period: str) -> dict[str, Any]: ...

    def quality(self, tenant: str, name: str, period: str) -> dict[str, Any]: ...

    def trail(self, tenant: str, what: str) -> dict[str, Any]: ...

    def story(self, tenant: str, ticket_id: str) -> dict[str, Any]: ...

    def backtest(self, tenant: str, name: str, changes: "Changes", every: str) -> dict[str, Any]: ...


def _answers(request: Request) -> PageAnswers:
    return cast("PageAnswers", request.app.state.answers)


@public.get("/v1/knowledge", tags=["metrics"], responses=_REFUSALS)
def knowledge(
    request: Request, *, workflow: str, tenant: reads.Tenant, period: reads.Period = "28d"
) -> dict[str, Any]:
    """What agents could not answer, by category; articles in use, and which of them may be out of date.

    ``gaps`` are of three kinds: ``withheld`` (handed off for want of knowledge), ``unsure`` (answered with
    a confidence below ``unsure_below``), ``unanswered`` (failed, or abandoned by the customer).
    """
    return _answers(request).knowledge(tenant, workflow, period)


@public.get("/v1/quality", tags=["metrics"], responses=_REFUSALS)
def quality(
    request: Request, *, workflow: str, tenant: reads.Tenant, period: reads.Period = "28d"
) -> dict[str, Any]:
    """Rules broken by version over time, latency percentiles, model cost per day, and drift.

    ``drift`` compares with the equally long period before: the mix of tickets by PSI, and the change of
    quality at the earlier mix. Null where all time is asked for.
    """
    return _answers(request).quality(tenant, workflow, period)


@public.get("/v1/audit", tags=["record"], responses=_REFUSALS)
def audit(request: Request, *, tenant: reads.Tenant, what: What = "") -> dict[str, Any]:
    """Who did what, the newest 200; refusals of 28 days counted; the newest records verified just now."""
    return _answers(request).trail(tenant, what)


@public.get("/v1/tickets/{ticket_id}/story", tags=["record"], responses=_REFUSALS)
def story(request: Request, ticket_id: str, tenant: reads.Tenant) -> dict[str, Any]:
    """Who decided what of one ticket, on which evidence; its assignment computed anew from the record.

    Without its texts, and without who the customer is.
    """
    return _answers(request).story(tenant, ticket_id)


@public.post("/v1/plans/backtest", tags=["workflows"], responses={**_REFUSALS, **reads.ASKED_WITH_A_BODY})
def backtest(request: Request, tenant: reads.Tenant, asked: BacktestRequest) -> dict[str, Any]:
    """What the plan's gates, with the changes asked about, would have said at each look of the history.

    The first request begins it and the same one again tells how far it is: ``state`` is ``waiting``,
    ``running``, ``done`` or ``failed``, ``result`` has the form of `ridealong backtest --json`. Nothing is
    recorded or moved.
    """
    return _answers(request).backtest(tenant, asked.workflow, asked.changes(), asked.every)

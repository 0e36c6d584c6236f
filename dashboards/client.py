"""The only way the dashboard learns or changes anything: the HTTP API."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, cast
from urllib.parse import quote
from weakref import finalize

import httpx

from dashboards.desk_rows import ApprovalRow, ConversationRow, ItemRow, NextPairRow
from dashboards.quality_rows import AuditRow, KnowledgeRow, QualityRow
from dashboards.record_rows import BacktestRow, StoryRow
from dashboards.rows import DeskRow, GateRow, IncidentRow, MeRow, Overview, PathRow, WhatIfRow

_TIMEOUT: Final = httpx.Timeout(20.0, connect=2.0)


class ApiProblem(Exception):
    """The API refused or could not be reached. ``detail`` says what to do; it is meant for people."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.title, self.detail = status, title, detail


class Client:
    """A typed face of the API with one viewer's authority. Raises ``ApiProblem`` and nothing else."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        tenant: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.identity = sha256(repr((self.url, key, tenant)).encode()).hexdigest()
        """Whose answers these are: what one viewer may see is never shown to another from a cache."""
        self._has_key = key is not None
        self._tenant = {} if tenant is None else {"tenant": tenant}
        self._http = httpx.Client(
            base_url=self.url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,  # a proxy must not see loopback traffic
        )
        finalize(self, self._http.close)  # caches drop clients; whoever still shows a page keeps its own

    def me(self) -> MeRow:
        """Who the viewer is to the server, and what it may do."""
        return cast("MeRow", self._get("/v1/me"))

    def workflows(self) -> list[DeskRow]:
        """Every workflow with records; those with a rollout are ``WorkflowRow``."""
        return cast("list[DeskRow]", self._get("/v1/workflows")["workflows"])

    def workflow(self, name: str) -> DeskRow:
        return cast("DeskRow", self._get(f"/v1/workflows/{name}"))

    def gate(self, name: str, track: str = "ladder") -> GateRow:
        return cast("GateRow", self._get(f"/v1/workflows/{name}/gate", {"track": track}))

    def path(self, name: str, track: str = "ladder") -> PathRow:
        """How the gate's comparisons came about; ``pending`` above 0 says to ask again."""
        return cast("PathRow", self._get(f"/v1/workflows/{name}/path", {"track": track}))

    def overview(self, name: str, period: str, filters: Mapping[str, str] | None = None) -> Overview:
        """The headlines of one workflow over ``period`` (7d, 28d, 90d, all), filtered by dimension."""
        query = {"workflow": name, "period": period, **(filters or {})}
        return cast("Overview", self._get("/v1/metrics/overview", query))

    def incidents(self, name: str = "") -> list[IncidentRow]:
        """Open ones first; of every workflow where none is named."""
        asked = {"workflow": name} if name else {}
        return cast("list[IncidentRow]", self._get("/v1/incidents", asked)["incidents"])

    def queue(self, name: str, state: str) -> list[ItemRow]:
        """What waits for people at one workflow's desk, the gravest first; with its texts."""
        asked = {"workflow": name, "state": state, "limit": "100"}
        return cast("list[ItemRow]", self._get("/v1/queue", asked)["items"])

    def conversation(self, ticket_id: str) -> ConversationRow:
        return cast("ConversationRow", self._get(f"/v1/conversations/{quote(ticket_id, safe='')}"))

    def approvals(self, name: str) -> list[ApprovalRow]:
        """Tool calls that wait for a person."""
        return cast("list[ApprovalRow]", self._get("/v1/approvals", {"workflow": name})["approvals"])

    def next_pair(self, name: str, actor: str | None) -> NextPairRow:
        """The next pair that this rater has not judged; ``actor`` on servers without access keys."""
        asked = {"workflow": name} | ({} if actor is None else {"actor": actor})
        return cast("NextPairRow", self._get("/v1/reviews/next", asked))

    def knowledge(self, name: str, period: str) -> KnowledgeRow:
        return cast("KnowledgeRow", self._get("/v1/knowledge", {"workflow": name, "period": period}))

    def quality(self, name: str, period: str) -> QualityRow:
        return cast("QualityRow", self._get("/v1/quality", {"workflow": name, "period": period}))

    def audit(self, what: str) -> AuditRow:
        """Who did what, newest first; ``what`` narrows it to one kind of record, empty for all."""
        return cast("AuditRow", self._get("/v1/audit", {"what": what} if what else {}))

    def story(self, ticket_id: str) -> StoryRow:
        """Who decided what of one ticket, without its texts."""
        return cast("StoryRow", self._get(f"/v1/tickets/{quote(ticket_id, safe='')}/story"))

    def figures(self) -> str:
        """What the server counts of itself, as Prometheus reads it."""
        response = self._sent("GET", "/metrics", params=self._tenant)
        if response.is_success:
            return response.text
        return str(self._told("/metrics", response))

    def work(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do something at the desk: POST ``body`` to one of its doors."""
        return self._answer("POST", path, json=dict(body))

    def what_if(self, name: str, changes: Mapping[str, Any]) -> WhatIfRow:
        """How long the steps of a plan would take with ``changes``. Nothing is recorded."""
        return cast(
            "WhatIfRow", self._answer("POST", "/v1/plans/what-if", json={"workflow": name, **changes})
        )

    def backtest(self, name: str, asked: Mapping[str, Any]) -> BacktestRow:
        """How the backtest of a plan with changes stands; begun by asking. Nothing is recorded."""
        return cast(
            "BacktestRow", self._answer("POST", "/v1/plans/backtest", json={"workflow": name, **asked})
        )

    def act(
        self,
        name: str,
        action: str,
        *,
        reason: str,
        actor: str | None = None,
        track: str = "ladder",
        override: bool = False,
    ) -> dict[str, Any]:
        """Promote, pause, resume or abort; the answer is what changed.

        ``actor`` is for servers without access keys: elsewhere the key says who it is.
        """
        body: dict[str, Any] = {"reason": reason, "track": track}
        body |= {} if actor is None else {"actor": actor}
        body |= {"override": True} if override else {}
        return self._answer("POST", f"/v1/workflows/{name}/{action}", json=body)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._answer("GET", path, params=query)

    def _answer(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Any = None
    ) -> dict[str, Any]:
        response = self._sent(method, path, params={**self._tenant, **(params or {})}, json=json)
        return self._told(path, response)

    def _sent(self, method: str, path: str, *, params: Mapping[str, str], json: Any = None) -> httpx.Response:
        try:
            return self._http.request(method, path, params=params, json=json)
        except httpx.HTTPError as error:
            raise ApiProblem(
                0,
                "The server does not answer",
                f"{self.url}: {error or type(error).__name__}. Start it with `ridealong serve --data DIR`.",
            ) from error

    def _told(self, path: str, response: httpx.Response) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_success and isinstance(body, dict):
            return body
        if not isinstance(body, dict):
            raise ApiProblem(
                response.status_code, "Unexpected answer", f"{self.url}{path} is not Ridealong's API"
            )
        detail = str(body.get("detail", "no reason given"))
        if response.status_code == httpx.codes.UNAUTHORIZED and not self._has_key:
            detail = f"{detail}. Start the dashboard with your key in RIDEALONG_API_KEY."
        raise ApiProblem(response.status_code, str(body.get("title", "Refused")), detail)

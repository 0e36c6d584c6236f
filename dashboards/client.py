"""The only way the dashboard learns or changes anything: the HTTP API."""

from collections.abc import Mapping
from typing import Any, Final, cast

import httpx

from dashboards.rows import DeskRow, GateRow, Overview

_TIMEOUT: Final = httpx.Timeout(20.0, connect=2.0)


class ApiProblem(Exception):
    """The API refused or could not be reached. ``detail`` says what to do; it is meant for people."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.title, self.detail = status, title, detail


class Client:
    """A typed face of the API. Raises ``ApiProblem`` and nothing else."""

    def __init__(
        self, url: str, *, key: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._has_key = key is not None
        self._http = httpx.Client(
            base_url=self.url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,  # a proxy must not see loopback traffic
        )

    def workflows(self) -> list[DeskRow]:
        """Every workflow with records; those with a rollout are ``WorkflowRow``."""
        return cast("list[DeskRow]", self._get("/v1/workflows")["workflows"])

    def gate(self, name: str) -> GateRow:
        return cast("GateRow", self._get(f"/v1/workflows/{name}/gate"))

    def overview(self, name: str, period: str) -> Overview:
        """The headlines of one workflow over ``period``: 7d, 28d, 90d or all."""
        return cast("Overview", self._get("/v1/metrics/overview", {"workflow": name, "period": period}))

    def act(self, name: str, action: str, *, reason: str, actor: str) -> dict[str, Any]:
        """Promote, pause, resume or abort; the answer is what changed."""
        body = {"reason": reason, "actor": actor}
        return self._answer("POST", f"/v1/workflows/{name}/{action}", json=body)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._answer("GET", path, params=query)

    def _answer(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise ApiProblem(
                0,
                "The server does not answer",
                f"{self.url}: {error or type(error).__name__}. Start it with `ridealong serve --data DIR`.",
            ) from error
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

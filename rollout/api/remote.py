"""How the analyst has its decisions recorded: through the door, with the token of the run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx
import orjson

from rollout.errors import ConflictingEvent, RecordError
from rollout.record.journal import Receipt
from rollout.records import Event, Kind

TRANSITIONS: Final = "/internal/transitions"
BEARER: Final = "Bearer "


class RemoteRecorder:
    """Records events with the router. What the controller takes for its ``record``."""

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": BEARER + token, "Content-Type": "application/json"}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=10.0, trust_env=False, transport=transport
        )

    def __call__(self, events: Sequence[Event]) -> list[Receipt]:
        """Record the events, all or none; durable and in force on return.

        Raises:
            ConflictingEvent: the position has changed since it was judged.
            RecordError: the router does not answer or cannot record.

        """
        try:
            answer = self._http.post(TRANSITIONS, content=orjson.dumps(list(events)))
        except httpx.HTTPError as error:
            raise RecordError(f"the router does not answer ({error}); it is tried again") from error
        body = orjson.loads(answer.content)
        if answer.is_success:
            return [Receipt(**receipt) for receipt in body]
        if body.get("code") == "conflict":
            raise ConflictingEvent(body["detail"])
        raise RecordError(str(body.get("detail", answer.status_code)))

    def close(self) -> None:
        self._http.close()


def event_from(value: Mapping[str, Any]) -> Event:
    """The inverse of what ``RemoteRecorder`` sends."""
    return Event(
        **{
            **value,
            "kind": Kind(value["kind"]),
            "occurred_at": datetime.fromisoformat(value["occurred_at"]),
        }
    )

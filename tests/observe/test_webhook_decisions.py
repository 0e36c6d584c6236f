"""A ticket that a help desk reports is decided like any other, and counted like any other."""

import json
from pathlib import Path
from typing import Any

from rollout.api.webhooks import Reception
from rollout.webhooks.settings import Settings
from rollout.webhooks.signature import intercom_signature

SECRET = b"intercom-secret-of-now"
FILE = """\
intercom:
  - {name: chat, tenant: acme, workflow: tier1-support, secrets: ["file:secret"]}
"""


def notified(place: Any, item: dict[str, Any]) -> Any:
    body = {
        "type": "notification_event",
        "id": "notif_1",
        "topic": "conversation.user.created",
        "created_at": 1788264000,
        "app_id": "chat",
        "data": {"item": item},
    }
    raw = json.dumps(body).encode()
    headers = {"x-hub-signature": intercom_signature(SECRET, raw), "content-type": "application/json"}
    return place.http.request("POST", "/webhooks/intercom", content=raw, headers=headers)


def test_decisions_of_webhooks_are_counted_for_their_tenant(place: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "webhooks.yaml").write_text(FILE)
    settings = Settings(tmp_path / "webhooks.yaml")
    place.door.reception = Reception(settings, place.door.desk, place.door.clock)
    item = {
        "id": 215,
        "created_at": 1788263940,
        "source": {"type": "conversation", "body": "Where is it?", "author": {"type": "user", "id": "u"}},
    }
    answer = notified(place, item)
    assert answer.status_code == 200, answer.text
    assert [made["ticket_id"] for made in answer.json()["decisions"]] == ["215"]
    (sample,) = place.scraped("acme")["ridealong_decisions"].samples
    told = {name: sample.labels[name] for name in ("tenant", "workflow", "arm", "mode")}
    assert told == {"tenant": "acme", "workflow": "tier1-support", "arm": "human", "mode": "shadow"}
    assert sample.value == 1
    assert "ridealong_decisions" not in place.scraped("globex")

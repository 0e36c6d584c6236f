"""The record, page by page, for one tenant."""

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.problems import Refused
from rollout.record.journal import Journal
from rollout.records import Record

if TYPE_CHECKING:
    from rollout.api.door import Door

MOST_EXPORTED: Final = 5000
_MOST_LOOKED_AT: Final = 20_000
"""Records of all tenants that one page is looked for in."""


async def export(door: "Door", request: Request, caller: Caller) -> Response:
    """A page of the journal: the records of one tenant, oldest first."""
    after = _whole(request, "after", 0, 0, 2**62)
    limit = _whole(request, "limit", 100, 1, MOST_EXPORTED)
    head = door.journal.head().seq
    records, last = await asyncio.to_thread(_page, door.journal, caller.tenant, after, limit)
    return as_json({"events": [_exported(record) for record in records], "next_after": last, "head": head})


def _page(journal: Journal, tenant: str, after: int, limit: int) -> tuple[list[Record], int]:
    """Up to ``limit`` records of a tenant, and the number up to which it was looked."""
    found: list[Record] = []
    last = after
    for record in islice(journal.read(after, _MOST_LOOKED_AT), _MOST_LOOKED_AT):
        last = record.seq
        if record.tenant == tenant:
            found.append(record)
            if len(found) == limit:
                break
    return found, last


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Refused("invalid", f"{name}={text!r}: give a whole number from {least} to {most}")
    return int(text)


def _exported(record: Record) -> dict[str, Any]:
    return {
        "seq": record.seq,
        "event_id": record.event_id,
        "type": record.kind,
        "occurred_at": record.occurred_at,
        "recorded_at": record.recorded_at,
        "tenant": record.tenant,
        "workflow": record.workflow,
        "actor": record.actor,
        "erased": record.erased,
        "payload": record.payload,
    }

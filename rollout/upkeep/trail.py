"""Who did what: the newest uses of authority, and whether the newest records are what was written."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rollout.errors import JournalCorrupt, UsageError
from rollout.measure.query import Query, Source, aware_utc
from rollout.record.line import GENESIS, fault, last_of
from rollout.record.reader import durable_seq
from rollout.record.segments import corrupt, lines, parsed

MOST: Final = 200
CHECKED: Final = 20_000
"""Records at the journal's end that one look verifies; the whole chain is for the command line."""

KINDS: Final = {
    "orders": ("transition", "config"),
    "access": ("access",),
    "incidents": ("incident",),
    "desk": ("claim", "approval", "tool", "correction", "review"),
    "judging": ("calibration",),
    "erasures": ("erasure",),
}
"""What may be asked for, by the kinds of record it means."""
REFUSED: Final = "refusals"
KNOWN: Final = (*KINDS, REFUSED)
"""Everything that may be asked for."""

_ROWS: Final = f"""
SELECT * FROM (
    SELECT seq, occurred_at, kind, actor, workflow, ticket_id, payload FROM others
    WHERE tenant = $tenant AND list_contains($kinds, kind)
        AND ($refused IS FALSE OR json_extract_string(payload, '$.action') = 'refused')
        AND (kind <> 'approval' OR json_extract_string(payload, '$.verdict') IS NOT NULL)
        AND (kind <> 'tool' OR json_extract_string(payload, '$.what') IN ('refused', 'asked', 'begun'))
    UNION ALL
    SELECT seq, occurred_at, 'transition', actor, workflow, NULL,
        json_object('action', action, 'track', track, 'to_step', to_step, 'detail', sentence)
    FROM transitions WHERE tenant = $tenant AND list_contains($kinds, 'transition')
    UNION ALL
    SELECT seq, occurred_at, 'config', actor, workflow, NULL,
        json_object('action', 'pinned', 'detail', source)
    FROM plans WHERE tenant = $tenant AND list_contains($kinds, 'config')
) ORDER BY seq DESC LIMIT {MOST}"""
_REFUSALS: Final = """
SELECT json_extract_string(payload, '$.route') AS route,
    json_extract_string(payload, '$.detail.code') AS code,
    sum(coalesce(CAST(json_extract(payload, '$.count') AS BIGINT), 1)) AS n, max(occurred_at) AS newest
FROM others WHERE kind = 'access' AND tenant = $tenant
    AND json_extract_string(payload, '$.action') = 'refused'
    AND occurred_at > $since GROUP BY ALL ORDER BY n DESC, route, code LIMIT 50"""
_ABOUT: Final = ("rater", "incident_id", "approval_id", "tool", "ticket_id", "version", "route", "track")


def trail(source: Source, tenant: str, what: str = "", *, since: datetime) -> dict[str, Any]:
    """The newest records of what people and the controller did, newest first, at most ``MOST``.

    Args:
        source: the view.
        tenant: whose.
        what: one of ``KNOWN``, or empty for everything.
        since: aware; from when on refusals are counted.

    Returns:
        ``known`` (what may be asked for), ``rows``, ``refusals`` and ``since``.

    Raises:
        UsageError: there is no such kind.

    """
    if what not in ("", *KNOWN):
        raise UsageError(f"what={what!r}: there is {', '.join(KNOWN)}")
    kinds = (
        ["access"]
        if what == REFUSED
        else [kind for name in ([what] if what else KINDS) for kind in KINDS[name]]
    )
    params = {
        "tenant": tenant,
        "kinds": kinds,
        "refused": what == REFUSED,
        "since": since,
    }
    rows = Query(_ROWS, params).rows(source)
    refusals = Query(_REFUSALS, params).rows(source)
    return {
        "known": list(KNOWN),
        "rows": [_told(row) for row in rows],
        "refusals": [row | {"newest": _iso(row["newest"])} for row in refusals],
        "since": since.isoformat(),
    }


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    payload = json.loads(row["payload"]) if row["payload"] else {}
    about = [str(payload[name]) for name in _ABOUT if payload.get(name)]
    return {
        "seq": row["seq"],
        "at": _iso(row["occurred_at"]),
        "kind": row["kind"],
        "actor": row["actor"],
        "workflow": row["workflow"],
        "action": _action(row["kind"], payload),
        "about": ", ".join(about),
        "detail": _detail(payload),
        "count": int(payload.get("count") or 1),
    }


def _action(kind: str, payload: Mapping[str, Any]) -> str:
    if kind == "claim":
        return "claimed" if payload.get("owner") else "released"
    if kind == "review":
        return "compared"
    if kind == "erasure":
        return "erased"
    if kind == "calibration":
        return "judge calibrated" if payload.get("passed") else "judge fell short"
    return str(payload.get("action") or payload.get("verdict") or payload.get("what") or kind)


def _detail(payload: Mapping[str, Any]) -> str:
    """What is said about it in words or codes; never a customer's text, which is not in the view."""
    told = payload.get("detail")
    if isinstance(told, Mapping):
        return ", ".join(f"{name} {value}" for name, value in sorted(told.items()) if value not in (None, ""))
    if isinstance(payload.get("shortfalls"), list):
        return "; ".join([f"{payload.get('pairs')} pairs", *map(str, payload["shortfalls"])])
    found = [told, payload.get("title"), payload.get("reason"), payload.get("value")]
    return "; ".join(str(each) for each in found if each)


def _iso(moment: datetime) -> str:
    at = aware_utc(moment)
    assert at is not None
    return at.isoformat()


def verified(data: Path, now: datetime) -> dict[str, Any]:
    """Check digests and links of the newest ``CHECKED`` records. Takes no lock.

    Returns:
        ``sound``, ``records`` checked, ``first`` and ``head`` (numbers), ``hash`` of the head, ``whole``
        (whether that was the chain from its beginning), ``at`` and, where something is wrong, ``fault``.

    """
    journal = data / "journal"
    upto = durable_seq(journal) or 0
    after = max(upto - CHECKED - 1, 0)
    previous, seq, first, count = GENESIS, after, after + 1, 0
    told: dict[str, Any] = {"at": now.isoformat(), "whole": after == 0, "sound": True, "fault": None}
    try:
        for line in lines(journal, after, upto):
            entry = parsed(line)
            if after and seq == after:
                previous, seq, first = entry["hash"], last_of(entry), last_of(entry) + 1
                continue  # the one before the first: its hash is what the first has to name
            problem = fault(entry, previous)
            if problem:
                raise corrupt(line.segment, line.offset, entry["seq"], problem)
            count += last_of(entry) - entry["seq"] + 1
            previous, seq = entry["hash"], last_of(entry)
    except JournalCorrupt as error:
        told |= {"sound": False, "fault": str(error)}
    return told | {"records": count, "first": first, "head": seq, "hash": previous}

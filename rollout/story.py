"""The story of one ticket for a page: who decided what, on which evidence, and whether it follows.

As ``ridealong audit replay``, found by way of the view so that a long journal is not read from its
beginning. Whoever may see rollouts may read it, so it holds no text and not who the customer is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rollout.errors import UnknownTicket, UsageError
from rollout.measure.query import Query, Source
from rollout.upkeep.account import Account, account
from rollout.upkeep.recompute import Entry

_TABLES: Final = (
    *("tickets", "triages", "assignments", "handlings", "shadow_comparisons"),
    *("escalations", "resolutions", "csats", "histories", "others"),
)
_NUMBERS: Final = (
    "SELECT seq FROM ("
    + " UNION ALL ".join(
        f"SELECT seq, workflow FROM {table} WHERE tenant = $tenant AND ticket_id = $ticket"
        for table in _TABLES
    )
    + " UNION ALL SELECT seq, workflow FROM others WHERE tenant = $tenant AND kind = 'correction'"
    " AND json_extract_string(payload, '$.into') = $ticket)"
)
_MOVES: Final = (
    "SELECT seq FROM transitions WHERE tenant = $tenant UNION SELECT seq FROM plans WHERE tenant = $tenant"
)
_PRIVATE: Final = frozenset({"content", "customer_id", "unit", "ticket_id", "state", "evidence", "plan"})


def story_of(source: Source, data: Path, tenant: str, ticket_id: str) -> dict[str, Any]:
    """Everything on record of a ticket, oldest first, with its assignment computed anew.

    Returns:
        ``entries`` (``seq``, ``at``, ``kind``, ``actor``, ``told``), the transition in force (``in_force``)
        with what its gate had said, ``recomputed``, ``sound``, ``faults`` and ``notes``.

    Raises:
        UnknownTicket: nothing is on record of it, or the view has not read so far.
        JournalCorrupt: its records cannot be read.

    """
    params = {"tenant": tenant, "ticket": ticket_id}
    mine = {int(row["seq"]) for row in Query(_NUMBERS, params).rows(source)}
    if not mine:
        raise UnknownTicket(f"nothing is on record of a ticket {ticket_id!r}; look at how it is written")
    moves = {int(row["seq"]) for row in Query(_MOVES, params).rows(source)}
    try:
        found = account(data, ticket_id, tenant=tenant, numbers=sorted(mine | moves))
    except UsageError as error:
        raise UnknownTicket(str(error)) from error
    return _told(found)


def _told(found: Account) -> dict[str, Any]:
    again = found.recomputed
    return {
        "ticket_id": found.ticket_id,
        "workflow": found.workflow,
        "entries": [_entry(entry) for entry in found.entries],
        "in_force": None if found.transition is None else _move(found.transition, found.plan),
        "recomputed": {
            "agrees": again.agrees,
            "why_not": again.why_not,
            "bucket": again.bucket,
            "arm": again.arm,
            "reason": again.reason,
            "differences": [
                {"name": each.name, "recorded": each.recorded, "computed": each.computed}
                for each in again.differences
                if each.name not in _PRIVATE
            ],
        },
        "sound": found.sound,
        "faults": list(found.faults),
        "notes": list(found.notes),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry["seq"],
        "at": entry["at"],
        "kind": entry["kind"],
        "actor": entry["actor"],
        "erased": bool(entry.get("erased")),
        "told": _public(entry["payload"]),
    }


def _public(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What of a payload says something, and belongs to no customer."""
    return {
        name: value
        for name, value in payload.items()
        if name not in _PRIVATE and value not in (None, "", [], {})
    }


def _move(transition: Entry, plan: Entry | None) -> dict[str, Any]:
    told = transition["payload"]
    split = told["state"]["split"]
    evidence = told.get("evidence") or {}
    return {
        "seq": transition["seq"],
        "at": transition["at"],
        "actor": transition["actor"],
        "action": told["action"],
        "reason": told["reason"],
        "sentence": told["sentence"],
        "split": {
            name: split[name]
            for name in ("step", "mode", "stable", "weight", "canary", "canary_weight", "holdout")
        },
        "metrics": [
            {"metric": row["metric"], "verdict": row["verdict"], "sentence": row["sentence"]}
            for row in evidence.get("metrics") or ()
        ],
        "plan": None
        if plan is None
        else {"seq": plan["seq"], "actor": plan["actor"], "digest": told["plan_digest"], "at": plan["at"]},
    }

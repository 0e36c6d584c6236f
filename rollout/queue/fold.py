"""What each record changes at the desk. The journal alone says how things stand; this only sums it up."""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from policies.vocabulary import Urgency
from rollout.conversations.book import HUMAN_REPLY, TAKEN_OVER
from rollout.handle.human import queue_name
from rollout.queue.waiting import rank, severity
from rollout.records import Kind, Record

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS items (
    tenant TEXT NOT NULL, ticket_id TEXT NOT NULL, workflow TEXT, kind TEXT NOT NULL, number INTEGER NOT NULL,
    queue TEXT NOT NULL, state TEXT NOT NULL, severity INTEGER NOT NULL, rank INTEGER NOT NULL,
    urgency TEXT, tier TEXT, category TEXT, version TEXT, message INTEGER NOT NULL, reasons TEXT NOT NULL,
    violations TEXT NOT NULL, since TEXT NOT NULL, seq INTEGER NOT NULL, packet TEXT, draft TEXT,
    claimed_by TEXT, claimed_at TEXT, claims INTEGER NOT NULL DEFAULT 0, done_at TEXT,
    PRIMARY KEY (tenant, ticket_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_in_order ON items (tenant, state, rank, seq);
CREATE TABLE IF NOT EXISTS people (
    tenant TEXT NOT NULL, ticket_id TEXT NOT NULL, answered INTEGER NOT NULL, newest INTEGER NOT NULL,
    PRIMARY KEY (tenant, ticket_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shadows (
    tenant TEXT NOT NULL, ticket_id TEXT NOT NULL, version TEXT NOT NULL, workflow TEXT, ref TEXT NOT NULL,
    draw INTEGER NOT NULL, PRIMARY KEY (tenant, ticket_id, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shadows_drawn ON shadows (tenant, draw);
CREATE TABLE IF NOT EXISTS answers (
    tenant TEXT NOT NULL, ticket_id TEXT NOT NULL, ref TEXT NOT NULL,
    PRIMARY KEY (tenant, ticket_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    tenant TEXT NOT NULL, ticket_id TEXT NOT NULL, version TEXT NOT NULL, rater TEXT NOT NULL,
    PRIMARY KEY (tenant, ticket_id, version, rater)) WITHOUT ROWID;
"""
REPLIED_AGAIN: Final = "customer-replied"
REJECTED: Final = "draft-rejected"
_BY_PERSON: Final = "human:"

Find = Callable[[str, str], Record | None]
"""A record by event id and tenant."""


def apply(file: sqlite3.Connection, record: Record, find: Find) -> None:
    """Take one record in. Records come in the journal's order, each once."""
    told = record.payload
    if not isinstance(told.get("ticket_id"), str) or record.erased:
        return
    step = _STEPS.get(record.kind)
    if step is not None:
        step(file, record, told, find)


def _escalation(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], find: Find) -> None:
    _people_have(file, record, told)
    if told["reason"] == TAKEN_OVER:
        return
    reasons = list(told.get("reasons") or [told["reason"]])
    content = told.get("content") or {}
    _open(
        file,
        record,
        find,
        kind="hand_off",
        reasons=reasons,
        queue=told.get("queue"),
        packet=content.get("packet"),
    )


def _handling(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], find: Find) -> None:
    if told["handler"] != "human":
        return
    if told["outcome"] == "draft_rejected" and not told["turns"]:
        _open(file, record, find, kind="hand_off", reasons=[REJECTED])
        return
    _people_have(file, record, told)
    reply = (told.get("content") or {}).get(HUMAN_REPLY)
    if reply:
        key = (record.tenant, told["ticket_id"], reply)
        file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", key)
    _close(file, record, told)


def _approval(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], find: Find) -> None:
    if told.get("what") != "draft":
        return
    message = told.get("message", 1)
    known = file.execute(
        "SELECT answered, newest FROM people WHERE tenant = ? AND ticket_id = ?",
        (record.tenant, told["ticket_id"]),
    ).fetchone()
    if known is not None and (known["answered"] >= message or known["newest"] > message):
        return  # a person was quicker, or the customer has written again
    content = told.get("content") or {}
    _open(
        file,
        record,
        find,
        kind="draft",
        reasons=list(told.get("reasons", ())),
        packet=content.get("packet"),
        draft=content.get("draft"),
        version=told["version"],
        message=message,
        violations=list(told["violations"]),
    )


def _turn(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], find: Find) -> None:
    key = (record.tenant, told["ticket_id"])
    known = file.execute("SELECT answered FROM people WHERE tenant = ? AND ticket_id = ?", key).fetchone()
    if told["author"] == "customer":
        file.execute(
            "INSERT INTO people VALUES (?, ?, -1, ?) ON CONFLICT DO UPDATE SET newest = excluded.newest",
            (*key, told["message"]),
        )
        if known is not None and known["answered"] >= 0:
            _open(file, record, find, kind="hand_off", reasons=[REPLIED_AGAIN], message=told["message"])
    elif told["author"] == "human":
        _people_have(file, record, told)


def _queued(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], find: Find) -> None:
    known = file.execute(
        "SELECT answered, newest FROM people WHERE tenant = ? AND ticket_id = ?",
        (record.tenant, told["ticket_id"]),
    ).fetchone()
    if known is not None and known["answered"] >= 0:
        return  # a person was quicker
    message = 1 if known is None else known["newest"]
    _open(file, record, find, kind="hand_off", reasons=[told["reason"]], message=message)
    _people_have(file, record, told)


def _claim(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], _: Find) -> None:
    at = record.recorded_at.isoformat() if told["owner"] else None
    file.execute(
        "UPDATE items SET state = ?, claimed_by = ?, claimed_at = ?, claims = ?"
        " WHERE tenant = ? AND ticket_id = ? AND state <> 'done'",
        (
            "claimed" if told["owner"] else "open",
            *(told["owner"], at, told["number"], record.tenant, told["ticket_id"]),
        ),
    )


def _resolution(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], _: Find) -> None:
    _close(file, record, told)


def _correction(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], _: Find) -> None:
    if told["what"] == "excluded" and told["value"] is not None:
        _close(file, record, told)


def _comparison(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], _: Find) -> None:
    key = (record.tenant, told["ticket_id"], told["version"])
    if str(told["rater"]).startswith(_BY_PERSON):
        file.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?)", (*key, told["rater"]))
        return
    ref = (told.get("content") or {}).get("shadow-reply")
    if ref:
        draw = int.from_bytes(hashlib.sha256(record.hash.encode()).digest()[:7], "big")
        file.execute(
            "INSERT OR IGNORE INTO shadows VALUES (?, ?, ?, ?, ?, ?)", (*key, record.workflow, ref, draw)
        )


def _review(file: sqlite3.Connection, record: Record, told: Mapping[str, Any], _: Find) -> None:
    if all(isinstance(told.get(name), str) for name in ("version", "rater")):
        key = (record.tenant, told["ticket_id"], told["version"], told["rater"])
        file.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?)", key)


_STEPS: Final = {
    Kind.ESCALATION.value: _escalation,
    Kind.HANDLING.value: _handling,
    Kind.APPROVAL.value: _approval,
    Kind.TURN.value: _turn,
    Kind.QUEUED.value: _queued,
    Kind.CLAIM.value: _claim,
    Kind.RESOLUTION.value: _resolution,
    Kind.CORRECTION.value: _correction,
    Kind.COMPARISON.value: _comparison,
    Kind.REVIEW.value: _review,
}
KINDS: Final = frozenset(_STEPS)


def _people_have(file: sqlite3.Connection, record: Record, told: Mapping[str, Any]) -> None:
    """Note that a person has it; ``answered`` is the newest of the customer's messages they answered."""
    answered = told["message"] if record.kind == Kind.TURN else 0
    file.execute(
        "INSERT INTO people VALUES (?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET answered = max(answered, excluded.answered)",
        (record.tenant, told["ticket_id"], answered),
    )


def _open(
    file: sqlite3.Connection,
    record: Record,
    find: Find,
    *,
    kind: str,
    reasons: list[str],
    queue: str | None = None,
    **known: Any,
) -> None:
    """Put a ticket among those that wait, or renew what is said of one that waits already."""
    ticket_id = record.payload["ticket_id"]
    before = file.execute(
        "SELECT * FROM items WHERE tenant = ? AND ticket_id = ?", (record.tenant, ticket_id)
    ).fetchone()
    waits = before is not None and before["state"] != "done"
    if waits and reasons == [REPLIED_AGAIN]:
        file.execute(
            "UPDATE items SET message = ? WHERE tenant = ? AND ticket_id = ?",
            (known["message"], record.tenant, ticket_id),
        )
        return
    opened, triage = (find(f"{name}:{ticket_id}", record.tenant) for name in ("ticket", "triage"))
    tier = None if opened is None else opened.payload.get("tier")
    urgency = None if triage is None else triage.payload.get("urgency")
    grave = severity(reasons, urgency)
    row = {
        "tenant": record.tenant,
        "ticket_id": ticket_id,
        "workflow": record.workflow or (None if opened is None else opened.workflow),
        "kind": kind,
        "number": (before["number"] + (not waits)) if before is not None else 1,
        "queue": queue or _queue(kind, tier, urgency, reasons),
        "state": before["state"] if waits else "open",
        "severity": grave,
        "rank": rank(grave, tier),
        "urgency": urgency,
        "tier": tier,
        "category": None if triage is None else triage.payload.get("category"),
        "version": known.get("version", before["version"] if before is not None else None),
        "message": known.get("message", before["message"] if before is not None else 1),
        "reasons": orjson.dumps(reasons).decode(),
        "violations": orjson.dumps(known.get("violations", [])).decode(),
        "since": before["since"] if waits else record.occurred_at.isoformat(),
        "seq": before["seq"] if waits else record.seq,
        "packet": known.get("packet") or (before["packet"] if before is not None else None),
        "draft": known.get("draft"),
        "claimed_by": before["claimed_by"] if waits else None,
        "claimed_at": before["claimed_at"] if waits else None,
        "claims": before["claims"] if before is not None else 0,
        "done_at": None,
    }
    file.execute(
        f"INSERT OR REPLACE INTO items ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        tuple(row.values()),
    )


def _queue(kind: str, tier: str | None, urgency: str | None, reasons: list[str]) -> str:
    name = queue_name(tier, Urgency(urgency) if urgency in set(Urgency) else None, reasons)
    return name.replace("human-", "draft-", 1) if kind == "draft" else name


def _close(file: sqlite3.Connection, record: Record, told: Mapping[str, Any]) -> None:
    file.execute(
        "UPDATE items SET state = 'done', done_at = ? WHERE tenant = ? AND ticket_id = ? AND state <> 'done'",
        (record.recorded_at.isoformat(), record.tenant, told["ticket_id"]),
    )

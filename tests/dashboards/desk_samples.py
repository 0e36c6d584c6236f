"""Answers of the doors behind the desk, knowledge, quality and audit, for pages without a server."""

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 21, 16, tzinfo=UTC)
PACKET = (
    "- next-step: Take over by name.\n- tone: Angry. Apologise once.\n- customer: c-1, tier enterprise.\n"
    '- issue: "{text}"\n- tried: Nothing yet.\n'
    "- knowledge: Refunds (0.82, 41 days old); Addresses (0.71, 320 days old, STALE)"
)


def at(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).isoformat()


def item(ticket: str = "t-1", text: str = "Where is it?", **more: Any) -> dict[str, Any]:
    return {
        "ticket_id": ticket,
        "workflow": "tier1-support",
        "kind": "hand_off",
        "queue": "human-queue-standard",
        "state": "open",
        "severity": 2,
        "urgency": "normal",
        "tier": None,
        "category": "billing",
        "version": "resolution@1.2.0",
        "message": 1,
        "reasons": ["low-confidence"],
        "violations": [],
        "since": at(2),
        "claimed_by": None,
        "claimed_at": None,
        "done_at": None,
        "packet": PACKET.format(text=text),
        "draft": None,
    } | more


def conversation(ticket: str = "t-1", text: str = "Where is it?") -> dict[str, Any]:
    turn = {"place": 0, "author": "customer", "at": at(2), "text": text, "text_state": "present"}
    erased = {"place": 1, "author": "agent", "at": at(1), "text": None, "text_state": "erased"}
    work = {
        "message": 1,
        "at": at(2),
        "version": "resolution@1.2.0",
        "outcome": "handed_off",
        "confidence": 0.3,
        "retrieval_confidence": 0.4,
        "retrieval_age_days": 320.0,
        "sources": ["refund-times"],
        "violations": [],
        "error": None,
        "withheld": None,
    }
    return {
        "ticket_id": ticket,
        "workflow": "tier1-support",
        "owner": "nobody",
        "claimed_by": None,
        "state": "waiting",
        "turns": [turn, erased],
        "decisions": [work],
    }


def approval(**more: Any) -> dict[str, Any]:
    return {
        "approval_id": "t-1:1",
        "state": "pending",
        "ticket_id": "t-1",
        "customer_id": "c-1",
        "workflow": "tier1-support",
        "tool": "refund",
        "version": "resolution@1.2.0",
        "reason": "over-limit",
        "detail": "50 USD at most without a person",
        "amount_usd": "80.00",
        "arguments": {"order": "o-17", "amount": "80.00"},
        "arguments_digest": "sha256:aa",
        "requested_at": at(1),
        "expires_at": at(-1),
        "approvers": 1,
        "decisions": [],
        "result": None,
        "error": None,
    } | more


def pair(text: str = "How long does it take?") -> dict[str, Any]:
    told = {"ticket_id": "t-9", "workflow": "tier1-support", "version": "resolution@1.2.0", "subject": None}
    return {"pair": told | {"text": text, "a": "Three days.", "b": "Hi, about 3 days."}, "left": 2}


def incident(**more: Any) -> dict[str, Any]:
    return {
        "incident_id": "inc-1",
        "workflow": "tier1-support",
        "version": "resolution@1.2.0",
        "severity": 1,
        "title": "refunds twice",
        "status": "open",
        "blocks": True,
        "opened_at": at(3),
        "opened_by": "ada",
        "acknowledged_by": None,
        "closed_at": None,
        "closed_by": None,
        "reason": None,
    } | more


def knowledge() -> dict[str, Any]:
    gap = {"category": "billing", "kind": "withheld", "mode": "live", "tickets": 40, "usd": 90.0}
    article = {
        "article": "refund-times",
        "replies": 12,
        "handed_off": 2,
        "newest": at(1),
        "age_days": 41.0,
        "exact": True,
        "examples": ["t-1"],
    }
    old = article | {"article": "change-address", "replies": 9, "age_days": 320.0}
    more = {"minutes": 120.0, "examples": ["t-1", "t-2"]}
    return {
        "workflow": "tier1-support",
        "as_of": at(0),
        "since": at(672),
        "gaps": [
            gap | more,
            gap | more | {"category": "returns", "kind": "unsure", "tickets": 3, "usd": 400.0},
            gap | more | {"category": "returns", "mode": "shadow", "tickets": 2, "usd": None},
        ],
        "articles": [article, old],
        "stale": [old],
        "stale_days": 180,
        "unsure_below": 0.5,
        "sentence": "45 tickets show a gap, most of them in billing (40).",
        "sql": {"gaps": "SELECT 1", "articles": "SELECT 2"},
    }


def quality() -> dict[str, Any]:
    version = "resolution@1.2.0"
    broken = {"at": at(48), "version": version, "mode": "live", "rule": "promises-money", "n": 2}
    day = {"at": at(48), "version": version, "replies": 100, "usd": 4.0, "unknown": 1}
    mix = {"dimension": "category", "psi": 0.2, "by_chance": 0.05, "drifted": True}
    change = {"metric": "escalation", "title": "Escalation", "unit": "rate", "arm": "agent", "n": 90}
    numbers = {"then": 0.2, "now": 0.3, "mix": 0.08, "quality": 0.02, "lower": -0.03, "upper": 0.07}
    return {
        "workflow": "tier1-support",
        "as_of": at(0),
        "since": at(672),
        "violations": {
            "rows": [broken | {"replies": 100, "examples": ["t-1"]}],
            "sentence": "2 times a rule was broken, most often promises-money (2).",
            "sql": "SELECT 3",
        },
        "latency": {
            "rows": [{"version": version, "mode": "live", "n": 100, "p50": 2.0, "p95": 5.0, "p99": 9.0}],
            "sentence": "Half took up to 2.0 s.",
            "sql": "SELECT 4",
        },
        "cost": {"rows": [day], "sentence": "Models cost $4.00 for 99 replies.", "sql": "SELECT 5"},
        "drift": {
            "before": at(1344),
            "since": at(672),
            "mix": [mix | {"shares": [{"value": "billing", "then": 0.5, "now": 0.7}]}],
            "quality": [change | numbers | {"covered": 1.0}],
            "sentence": "More tickets than chance would move have moved between values of category.",
            "sql": "SELECT 6",
        },
    }


def audit(**verified: Any) -> dict[str, Any]:
    deed = {"seq": 7, "at": at(1), "kind": "transition", "actor": "ada", "workflow": "tier1-support"}
    refusal = {"route": "POST /v1/workflows/{workflow}/abort", "code": "forbidden", "n": 3, "newest": at(2)}
    chain = {"at": at(0), "sound": True, "fault": None, "whole": True, "records": 7, "first": 1, "head": 7}
    return {
        "known": ["orders", "judging", "something-new", "refusals"],
        "rows": [deed | {"action": "abort", "about": "ladder", "detail": "=HYPERLINK(1)", "count": 1}],
        "refusals": [refusal],
        "since": at(672),
        "verified": chain | {"hash": "c81e"} | verified,
    }


METRICS = """# HELP ridealong_journal_up Whether the journal takes events: 1 or 0.
# TYPE ridealong_journal_up gauge
ridealong_journal_up 1
ridealong_analyst_up 1
ridealong_view_lag_seconds 0.5
ridealong_agents_up 0
ridealong_model_breaker_open{process="agents",provider="some \\"odd\\" one"} 1
"""


def story(**more: Any) -> dict[str, Any]:
    """One ticket that an agent passed on."""

    def entry(seq: int, at: str, kind: str, actor: str, **told: Any) -> dict[str, Any]:
        return {"seq": seq, "at": at, "kind": kind, "actor": actor, "erased": False, "told": told}

    return {
        "ticket_id": "t-1'; rm",
        "workflow": "tier1-support",
        "entries": [
            entry(7, "2026-09-01T10:00:00+00:00", "ticket", "router", channel="chat", tier="pro"),
            entry(8, "2026-09-01T10:00:00+00:00", "triage", "router", category="billing", urgency="low"),
            entry(
                9,
                "2026-09-01T10:00:00+00:00",
                "assignment",
                "router",
                arm="agent",
                reason="SPLIT",
                step="ten",
            ),
            entry(
                11,
                "2026-09-01T10:00:04+00:00",
                "handling",
                "agent:a@1.0.0",
                handler="agent",
                version="a@1.0.0",
                outcome="handed_off",
                sources=["=refunds"],
                retrieval_age_days=41.0,
                confidence=0.4,
            ),
            entry(12, "2026-09-01T10:03:04+00:00", "escalation", "router", reason="low-confidence"),
            entry(40, "2026-09-01T12:00:00+00:00", "csat", "helpdesk", score=4.0),
        ],
        "in_force": {
            "seq": 5,
            "at": "2026-08-30T09:00:00+00:00",
            "actor": "ada",
            "action": "promote",
            "reason": "GATES_PASSED",
            "sentence": "shadow is left for ten",
            "split": {
                "step": "ten",
                "mode": "live",
                "stable": "a@1.0.0",
                "weight": 10.0,
                "canary": None,
                "canary_weight": 0.0,
                "holdout": 5.0,
            },
            "metrics": [{"metric": "agreement", "verdict": "PASS", "sentence": "Agreement: 94 %."}],
            "plan": {
                "seq": 1,
                "actor": "ada",
                "digest": "0123456789abcdef",
                "at": "2026-08-01T09:00:00+00:00",
            },
        },
        "recomputed": {
            "agrees": True,
            "why_not": None,
            "bucket": "17",
            "arm": "agent",
            "reason": "SPLIT",
            "differences": [],
        },
        "sound": True,
        "faults": [],
        "notes": [],
    } | more


def backtest(**more: Any) -> dict[str, Any]:
    """A plan that climbs two steps and is taken back."""

    def look(day: int, step: str, decision: str, moved: str | None = None) -> dict[str, Any]:
        return {
            "as_of": f"2026-09-{day:02d}T00:00:00+00:00",
            "data_step": "shadow",
            "tickets": 100 * day,
            "step": step,
            "status": "running",
            "decision": decision,
            "reason": "UNDERPOWERED",
            "sentence": "CSAT is not decided yet",
            "moved_to": moved,
            "outlook": "",
        }

    looks = [
        look(7, "shadow", "HOLD"),
        look(14, "shadow", "PROMOTE", "ten"),
        look(21, "ten", "PROMOTE", "thirty"),
        look(28, "thirty", "HOLD"),
    ]
    return {
        "workflow": "tier1-support",
        "every": "1w",
        "state": "done",
        "done": 4,
        "looks": 4,
        "why": None,
        "result": {
            "looks": looks,
            "moves": [each for each in looks if each["moved_to"]],
            "final": {"step": "thirty", "status": "running"},
            "notes": ["approval to leave ten was assumed at 2026-09-21"],
            "caveat": "The arms in this history were drawn under another plan.",
        },
    } | more


def spending(**more: Any) -> dict[str, Any]:
    """Two days of a shadow, the second beyond its budget."""
    return {
        "days": [
            {
                "at": f"2026-09-0{day}T00:00:00+00:00",
                "replies": 300,
                "usd": usd,
                "unknown": 0,
                "over_budget": over,
                "shed": 0,
                "late": 0,
                "failed": 0,
            }
            for day, usd, over in ((1, 12.5, 0), (2, 40.0, 17))
        ],
        "allowed": {
            "budget_usd_per_day": 40.0,
            "concurrency": 8,
            "deadline_seconds": 20.0,
            "percentage": 100.0,
        },
        "sentence": "The shadow cost $52.50 on 2 days, at most $40.00 on one of them.",
        "sql": "SELECT 1",
    } | more

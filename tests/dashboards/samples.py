"""A plausible week of the API's answers, so that pages can be drawn without a server."""

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 9, 7, tzinfo=UTC)

HOSTILE = (
    '=HYPERLINK("http://evil.example") ![x](http://evil.example/x.png) <script>alert(1)</script> $5 to $9'
)


def step(name: str, weight: float, mode: str = "live", gate: list[str] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "mode": mode,
        "weight": weight,
        "gate": gate or ["csat", "recontact_7d", "escalation"],
        "min_days": 14.0,
        "approval": name == "ten",
    }


def transition(seq: int, day: int, action: str, track: str, *move: str | None, why: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": (START + timedelta(days=day)).isoformat(),
        "action": action,
        "track": track,
        "from_step": move[0],
        "to_step": move[1],
        "reason": "GATE_PASSED",
        "sentence": why,
        "actor": "controller",
    }


def workflow() -> dict[str, Any]:
    return {
        "workflow": "tier1-support",
        "tenant": "default",
        "status": "running",
        "step": "thirty",
        "steps": [
            step("shadow", 0, "shadow", ["agreement"]),
            step("ten", 10),
            step("thirty", 30),
            step("sixty", 60),
            step("full", 95),
        ],
        "canary_steps": [step("canary", 5), step("half", 50)],
        "ladder": {
            "step": "thirty",
            "index": 2,
            "status": "running",
            "entered_at": (START + timedelta(days=28)).isoformat(),
            "version": "resolution@1.2.0",
        },
        "canary": {
            "step": "canary",
            "index": 0,
            "status": "aborted",
            "entered_at": (START + timedelta(days=36)).isoformat(),
            "version": "resolution@1.3.0",
        },
        "split": {
            "step": "thirty",
            "mode": "live",
            "weight": 30.0,
            "canary_weight": 0.0,
            "holdout": 5.0,
            "stable": "resolution@1.2.0",
            "canary": None,
        },
        "quarantined": ["resolution@1.3.0"],
        "decision": "HOLD",
        "sentence": "CSAT is not decided: with 612 and 1,430 answers, 0.19 could hide and the "
        "plan tolerates 0.15. About 1,900 more tickets are needed, about 9 days at this weight.",
        "next_step": "sixty, 60 % of eligible customers",
        "until": (START + timedelta(days=49)).isoformat(),
        "orders": orders(),
        "plan_digest": "6f2c0d",
        "position": 20413,
        "transitions": [
            transition(1, 0, "start", "ladder", None, "shadow", why="The rollout starts in shadow."),
            transition(2100, 14, "promote", "ladder", "shadow", "ten", why="Agreement passed with 91 %."),
            transition(9800, 28, "promote", "ladder", "ten", "thirty", why="All three guardrails passed."),
            transition(
                14000,
                36,
                "start",
                "canary",
                None,
                "canary",
                why="Version 1.3.0 takes 5 % of the share.",
            ),
            transition(
                15100,
                38,
                "roll_back",
                "canary",
                "canary",
                None,
                why="Escalation rose by 9.1 pp, more than 5 pp.",
            ),
        ],
    }


def orders() -> dict[str, Any]:
    """At thirty percent, not decided yet: only an override would promote."""

    def shares(weight: float) -> dict[str, Any]:
        return {
            "mode": "live",
            "weight": weight,
            "canary_weight": 0.0,
            "agent_per_day": 4.0 * weight,
            "canary_per_day": 0.0,
        }

    def order(to: float, why: str | None = None) -> dict[str, Any]:
        return {"allowed": why is None, "why": why, "from": shares(30.0), "to": shares(to)}

    held = "thirty may not be left yet: CSAT is not decided (UNDERPOWERED)"
    promote = order(60.0) | {"why": held, "needs_override": True, "takes_two": False}
    resume = order(30.0, "ladder of tier1-support is not paused; there is nothing to resume")
    ladder = {"promote": promote, "pause": order(30.0), "resume": resume, "abort": order(0.0)}
    gone = "canary of tier1-support has no traffic to take away"
    canary = {action: order(30.0, gone) for action in ladder}
    return {"eligible_per_day": 400.0, "tracks": {"ladder": ladder, "canary": canary}}


def me(*roles: str, method: str = "local", actor: str = "local") -> dict[str, Any]:
    """The one person of a local server, or the holder of a key with ``roles``."""
    permissions = {
        "viewer": ["rollouts:read"],
        "release_manager": ["rollouts:read", "rollouts:promote", "rollouts:stop"],
    }
    held = roles or ("viewer", "release_manager")
    return {
        "id": "local" if method == "local" else "key:1f0c",
        "name": None if method == "local" else actor.partition(" ")[0],
        "actor": actor,
        "method": method,
        "tenant": None if method == "local" else "default",
        "roles": list(held),
        "permissions": sorted({each for role in held for each in permissions[role]}),
        "one_person": method == "local",
    }


def path() -> dict[str, Any]:
    """Three weeks of narrowing intervals."""
    points = [
        {
            "at": (START + timedelta(days=28 + day)).isoformat(),
            "verdict": "INCONCLUSIVE",
            "estimate": -0.05,
            "lower": -0.05 - 2 / (day + 1),
            "upper": -0.05 + 2 / (day + 1),
            "margin": 0.15,
            "n_agent": 30 * day,
            "n_human": 70 * day,
        }
        for day in range(14)
    ]
    points[0] |= {"estimate": None, "lower": None, "upper": None}
    csat = {"metric": "csat", "title": "CSAT (1 to 5)", "unit": "points", "better": "higher"}
    return {
        "workflow": "tier1-support",
        "track": "ladder",
        "step": "thirty",
        "since": START.isoformat(),
        "pending": 0,
        "metrics": [{**csat, "role": "guardrail", "points": points}],
    }


def forecast(days: float | None) -> dict[str, Any]:
    """A plan of two steps; ``days`` is how long the second takes, None for ever."""

    def when(value: float | None) -> dict[str, Any]:
        date = None if value is None else (START + timedelta(days=value)).isoformat()
        return {"days": value, "date": date}

    def step(name: str, takes: float | None) -> dict[str, Any]:
        needed = {chance: when(takes) for chance in ("0.5", "0.8", "0.9")}
        metric = {
            "metric": "csat",
            "against": "control",
            "margin": 0.15,
            "needed_days": takes,
            "needed_tickets": None if takes is None else 100 * takes,
            "needed": needed,
        }
        return {
            "name": name,
            "mode": "live",
            "weight": 30.0,
            "compared_per_day": 300.0,
            "min_days": 14.0,
            "entered_day": 0.0,
            "gate_days": takes,
            "left": needed,
            "slowest": "csat",
            "metrics": [metric],
            "sentence": None,
        }

    ladder = {
        "track": "ladder",
        "beside": None,
        "steps": [step("ten", 16.0), step("thirty", days)],
        "total": {"0.8": when(None if days is None else 16 + days)},
    }
    volume = {"value": 360.0, "origin": "declared", "note": "volume"}
    return {
        "start": START.isoformat(),
        "assurance": 0.8,
        "figures": {"tickets_per_day": {"ten": volume, "thirty": volume}, "metrics": {}},
        "notes": ["observed four weeks"],
        "tracks": [ladder],
        "undecidable": [],
    }


def what_if() -> dict[str, Any]:
    steps = [
        {"name": name, "mode": "live", "weight": weight, "min_days": 14.0, "margin_scale": 1.0}
        for name, weight in (("ten", 10.0), ("thirty", 30.0))
    ]
    margins = {
        "csat": {"value": 0.15, "relative": False},
        "escalation": {"value": 0.05, "relative": False},
    }
    plan = {"steps": steps, "margins": margins}
    return {"workflow": "tier1-support", "plan": plan, "now": forecast(21.0), "then": forecast(9.0)}


def verdict(
    metric: str, title: str, unit: str, better: str, state: str, *numbers: float, **more: Any
) -> dict[str, Any]:
    estimate, lower, upper, margin, mde = numbers
    return {
        "metric": metric,
        "title": title,
        "unit": unit,
        "better": better,
        "role": "guardrail",
        "verdict": state,
        "reason": "NON_INFERIOR" if state == "PASS" else "UNDERPOWERED",
        "estimate": estimate,
        "se": (upper - lower) / 4,
        "lower": lower,
        "upper": upper,
        "margin": margin,
        "mde": mde,
        "n_agent": 612,
        "n_human": 1430,
        "units": 1801,
        "immature": 0,
        "response_rate_agent": None,
        "response_rate_human": None,
        "needed_tickets": None,
        "needed_days": None,
        "sentence": "",
        "comparative": True,
    } | more


def gate() -> dict[str, Any]:
    return {
        "workflow": "tier1-support",
        "step": "thirty",
        "as_of": (START + timedelta(days=41)).isoformat(),
        "decision": "HOLD",
        "metrics": [
            verdict(
                "csat",
                "CSAT (1 to 5)",
                "points",
                "higher",
                "INCONCLUSIVE",
                -0.05,
                -0.18,
                0.09,
                0.15,
                0.19,
                sentence="Ratings differ by -0.05 (from -0.18 to +0.09); 0.15 is possible.",
                response_rate_agent=0.121,
                response_rate_human=0.127,
                needed_tickets=1900.0,
                needed_days=9.0,
                provisional_until="2026-03-18 09:00 UTC",
                forecast={
                    "assumes": "no difference",
                    "assurance": {"even": 0.5, "planned": 0.95, "late": 0.95},
                    "here": {
                        "weight": 0.3,
                        "even": {"tickets": 1200, "days": 6.0, "date": "2026-03-20"},
                        "planned": {"tickets": 1900, "days": 9.0, "date": "2026-03-23"},
                        "late": {"tickets": 1900, "days": 9.0, "date": "2026-03-23"},
                    },
                    "next": {"weight": 0.6, "even": None, "planned": None, "late": None},
                },
            ),
            verdict(
                "recontact_7d",
                "Re-contact within 7 days",
                "rate",
                "lower",
                "PASS",
                -0.004,
                -0.017,
                0.009,
                0.02,
                0.014,
                sentence="Customers come back as often: -0.4 pp (-1.7 to +0.9), 2 pp are tolerated.",
                n_agent=4880,
                n_human=11320,
                immature=412,
            ),
            verdict(
                "escalation",
                "Escalation to a human",
                "rate",
                "lower",
                "PASS",
                0.012,
                -0.004,
                0.028,
                0.05,
                0.018,
                sentence="Escalation rose by 1.2 pp (from -0.4 to +2.8), 5 pp are tolerated.",
                n_agent=5292,
                n_human=12231,
            ),
            verdict(
                "violations",
                "Tickets with a policy violation",
                "rate",
                "lower",
                "PASS",
                0.002,
                0.0,
                0.005,
                0.01,
                0.004,
                sentence="0.2 % of the tickets broke a policy; 1 % is the limit.",
                comparative=False,
                role="monitor",
                n_agent=5292,
                n_human=0,
            ),
        ],
        "integrity": {
            "srm": {
                "verdict": "PASS",
                "sentence": "5,292 of 17,523 eligible tickets went to the agent, 30.2 %.",
            },
            "crossover": {"verdict": "PASS", "sentence": "No customer was moved between arms."},
        },
    }


def point(group: str, value: float, half: float, n: int, **more: Any) -> dict[str, Any]:
    return {"group": group, "value": value, "lower": value - half, "upper": value + half, "n": n} | more


def weekly(levels: dict[str, float], half: float, n: int, *, open_weeks: int = 0) -> list[dict[str, Any]]:
    wobble = (0.0, 0.6, -0.4, 0.3, -0.5, 0.2)
    return [
        point(
            group,
            level + half * wobble[week],
            half,
            n,
            at=(START + timedelta(weeks=week)).isoformat(),
            immature=n // 3 if week >= 6 - open_weeks else 0,
        )
        for group, level in levels.items()
        for week in range(6)
    ]


def share(value: float | None, n: int, half: float = 0.03) -> dict[str, Any]:
    if value is None:
        return {"value": None, "lower": None, "upper": None, "n": n}
    return {"value": value, "lower": max(value - half, 0), "upper": min(value + half, 1), "n": n}


def reading() -> dict[str, Any]:
    """What reviews of a shadow teach; the cheapest threshold is 0.62."""
    cells = {(True, True): 229, (False, True): 41, (True, False): 390, (False, False): 1180}
    return {
        "version": "resolution@1.2.0",
        "basis": "people",
        "compared": 1840,
        "rated": 1840,
        "missed_cost": 5.0,
        "missed_cost_declared": False,
        "sentence": "1,840 of 1,840 compared replies are rated by people.",
        "escalation": {
            "n": 1840,
            "cells": [
                {"agent_escalated": agent, "human_needed": needed, "n": n, "share": n / 1840}
                for (agent, needed), n in cells.items()
            ],
            "sensitivity": share(0.85, 270),
            "specificity": share(0.75, 1570),
            "precision": share(0.37, 619),
            "missed_of_answered": share(0.034, 1221),
            "sentence": "Of the tickets that needed a human the agent would have handed over 85 %.",
        },
        "reliability": {
            "n": 1221,
            "bins": [
                {"low": 0.5, "high": 0.6, "confidence": 0.57, **share(None, 6)},
                {"low": 0.6, "high": 0.7, "confidence": 0.66, **share(0.58, 181)},
                {"low": 0.7, "high": 0.8, "confidence": 0.75, **share(0.7, 370)},
                {"low": 0.9, "high": 1.0, "confidence": 0.94, **share(0.9, 664)},
            ],
            "error": 0.06,
            "error_by_chance": 0.02,
            "brier": {"score": 0.14, "reliability": 0.01, "resolution": 0.03, "uncertainty": 0.16},
            "sentence": "83 % of 1,221 rated answers were good where the agent stated 85 %.",
        },
        "thresholds": {
            "n": 1840,
            "rows": [
                {
                    "threshold": at / 50,
                    "answered": 1 - at / 50,
                    "good": 0.8,
                    "good_lower": 0.77,
                    "missed": 0.15 * (1 - at / 50) ** 2,
                    "needless": 0.85 * (at / 50) ** 3,
                    "missed_of_answered": 0.03,
                    "cost": 0.75 * (1 - at / 50) ** 2 + 0.85 * (at / 50) ** 3,
                    "tied": 20 <= at <= 35,
                }
                for at in range(51)
            ],
            "best": 0.62,
            "low": 0.4,
            "high": 0.7,
            "undecided": None,
            "sentence": "At 0.62 the agent would answer 38 % of the tickets; cheapest between 0.40 and 0.70.",
        },
        "agreement": [
            {
                "between": "agent and people",
                "on": "escalation",
                "coefficient": "kappa",
                "value": 0.41,
                "lower": 0.36,
                "upper": 0.46,
                "observed": 0.77,
                "expected": 0.6,
                "n": 1840.0,
                "sentence": "Agent and people on escalation: Cohen's kappa 0.41 (0.36 to 0.46).",
            }
        ],
        "sql": "SELECT 1",
    }


def overview() -> dict[str, Any]:
    return {
        "workflow": "tier1-support",
        "as_of": (START + timedelta(days=41)).isoformat(),
        "tickets": 17523,
        "csat": {
            "sentence": "Customers served by the agent alone rate 4.21, those served by humans 4.18.",
            "sql": "SELECT path, avg(csat) FROM facts GROUP BY path",
            "rows": [
                point("agent", 4.21, 0.06, 544, offered=4400, response_rate=0.124),
                point("human", 4.18, 0.04, 1430, offered=11300, response_rate=0.127),
                point("agent_then_human", 3.87, 0.14, 68, offered=610, response_rate=0.111),
            ],
            "trend": weekly({"agent": 4.21, "human": 4.18, "agent_then_human": 3.9}, 0.09, 90),
            "by_arm": [point("agent", 4.15, 0.07, 612), point("human", 4.18, 0.04, 1430)],
        },
        "recontact": {
            "sentence": "12.1 % of the agent's tickets came back within 7 days, 12.5 % of the humans'.",
            "sql": "SELECT arm, count(*) FROM facts GROUP BY arm",
            "rows": [
                point("agent", 0.121, 0.009, 4880, immature=412),
                point("human", 0.125, 0.006, 11320, immature=903),
            ],
            "trend": weekly({"agent": 0.121, "human": 0.125}, 0.014, 810, open_weeks=1),
        },
        "escalation": {
            "sentence": "Escalation is inside its band in every category with enough tickets.",
            "sql": "SELECT category, avg(escalated) FROM facts GROUP BY 1",
            "rows": [
                point(
                    category,
                    rate + (0.0 if arm == "agent" else -0.01),
                    0.02,
                    n,
                    arm=arm,
                    enough=n > 100,
                    band_low=0.05 if category == "billing" else None,
                    band_high=0.45 if category == "billing" else None,
                )
                for category, rate, n in (
                    ("billing", 0.21, 1210),
                    ("technical", 0.31, 830),
                    ("account", 0.12, 940),
                    ("shipping", 0.09, 1402),
                    ("returns", 0.14, 820),
                    ("general", 0.18, 90),
                )
                for arm in ("agent", "human")
            ],
            "trend": [],
        },
        "cost": {
            "sentence": "A resolution costs $1.92 with the agent, $4.61 with humans; net $2.18 and $5.27.",
            "sql": "SELECT arm, sum(cost_usd) FROM facts GROUP BY arm",
            "rows": [
                point("agent", 2.18, 0.1, 4880, gross=1.92, net=2.18, model=0.09, human=1.83),
                point("human", 5.27, 0.1, 11320, gross=4.61, net=5.27, model=0.0, human=4.61),
            ],
            "trend": [],
        },
        "shadow": {
            "comparisons": 1840,
            "sentence": "On 1,840 tickets the agent agreed with the human on 83 % of those it answered.",
            "by_category": [
                point("billing", 0.88, 0.03, 402),
                point("technical", 0.74, 0.04, 380),
                point("account", 0.86, 0.03, 310),
            ],
            "escalation": [
                {"agent_escalated": False, "human_escalated": False, "n": 1180},
                {"agent_escalated": True, "human_escalated": False, "n": 390},
                {"agent_escalated": False, "human_escalated": True, "n": 41},
                {"agent_escalated": True, "human_escalated": True, "n": 229},
            ],
            "abstained": 402,
            "dropped": {"deadline": 3},
            "gaps": [{"question": HOSTILE, "category": "technical", "tickets": 41}],
            "reading": reading(),
        },
    }

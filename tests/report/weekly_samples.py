"""A week with a payload in every field that somebody else may fill."""

from typing import Any

from rollout.weekly import Rung, Weekly

HOSTILE = '<img src=x onerror=alert(1)> ![x](http://evil.example/x.png) "><script>alert(2)</script> =1+1'


def headline(text: str = "All is well.") -> dict[str, Any]:
    row = {"group": "agent", "arm": HOSTILE, "value": 4.1, "lower": 3.9, "upper": 4.3, "n": 120}
    return {"sentence": text, "sql": "", "rows": [row, row | {"group": "human", "value": None}], "trend": []}


def metric(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": f"CSAT {HOSTILE}",
        "verdict": "PASS",
        "sentence": HOSTILE,
        "better": "higher",
        "comparative": True,
    }
    return told | {"estimate": 0.1, "lower": -0.05, "upper": 0.25, "margin": 0.15} | more


def week(**more: Any) -> Weekly:
    overview: dict[str, Any] = {"workflow": HOSTILE, "since": "2026-11-14", "as_of": "2026-11-21"}
    for name in ("csat", "recontact", "escalation", "cost"):
        overview[name] = headline(HOSTILE)
    incident = {"severity": 1, "status": "open", "opened_at": "2026-11-20T00:00:00+00:00", "title": HOSTILE}
    told: dict[str, Any] = {
        "overview": overview | {"tickets": 1200},
        "matured": overview,
        "gate": {"decision": "HOLD", "step": "ten", "reasons": [HOSTILE], "metrics": [metric()]},
        "rungs": (Rung("shadow", 0.0, here=False), Rung("ten", 10.0, here=True)),
        "standing": HOSTILE,
        "moves": ({"at": "15 Nov 2026", "sentence": HOSTILE, "actor": HOSTILE},),
        "incidents": (incident,),
        "decide": (HOSTILE,),
    }
    return Weekly(**(told | more))

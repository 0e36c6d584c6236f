"""Records of a ticket in words: what happened, and what is worth saying of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dashboards import format as fmt
from dashboards.reasons import in_words
from dashboards.record_rows import EntryRow

Told = Mapping[str, Any]

LANES: Final = {"customer": "Customer", "ridealong": "Ridealong", "agent": "Agent", "person": "People"}
"""Who acts, from the outside in."""
ASSIGNED: Final = {
    "SPLIT": "by its bucket",
    "CANARY_SPLIT": "by its bucket, to the update that is tried",
    "HOLDOUT": "held out, so that there is always somebody to compare with",
    "NOT_ELIGIBLE": "not a ticket that the plan admits",
    "SHADOW": "a person answers, the agent only watches",
    "NO_SAFE_STATE": "no rollout was in force",
}
_ARMS: Final = {"human": "to people", "agent": "to the agent", "canary": "to the canary"}


def lane(entry: EntryRow) -> str:
    """Whose deed a record is."""
    kind, told = entry["kind"], entry["told"]
    by_agent = {
        "turn": told.get("author") == "agent",
        "handling": told.get("handler") == "agent",
        "escalation": told.get("reason") != "specialist-needed",
    }.get(kind, entry["actor"].startswith("agent:"))
    if kind in ("ticket", "csat") or (kind == "turn" and told.get("author") == "customer"):
        return "customer"
    if kind in ("triage", "assignment", "resolution", "history"):
        return "ridealong"
    if kind == "comparison":
        return "person" if str(told.get("rater", "")).startswith("human:") else "ridealong"
    return "agent" if by_agent else "person"


def what(entry: EntryRow) -> str:
    """The record in a few words."""
    shape = _WHAT.get(entry["kind"])
    return shape(entry["told"]) if shape else fmt.words(entry["kind"])


def detail(entry: EntryRow) -> str:
    """What else it says; empty where nothing does."""
    if entry["erased"]:
        return "The customer was erased; a pseudonym is left, and no text."
    shape = _DETAIL.get(entry["kind"])
    return shape(entry["told"]) if shape else _rest(entry["told"])


def _assigned(told: Told) -> str:
    return f"Given {_ARMS.get(str(told.get('arm')), str(told.get('arm')))}"


def _why_assigned(told: Told) -> str:
    reason = str(told.get("reason"))
    said = [ASSIGNED.get(reason, fmt.words(reason))]
    if reason == "NOT_ELIGIBLE" and told.get("detail"):
        said.append(str(told["detail"]))
    if told.get("step"):
        said.append(f"step {told['step']}, {told.get('weight', 0):g} % with the agent")
    return "; ".join(said)


def _handled(told: Told) -> str:
    who = "a person" if told.get("handler") == "human" else str(told.get("version") or "the agent")
    outcome = {
        "replied": "Answered by",
        "handed_off": "Passed on by",
        "failed": "Failed:",
        "draft_sent": "Draft sent by",
        "draft_edited": "Draft edited by",
        "draft_rejected": "Draft rejected by",
    }.get(str(told.get("outcome")), "Handled by")
    return f"{outcome} {who}"


def _work(told: Told) -> str:
    said = []
    if (seconds := told.get("human_seconds")) is not None:
        said.append(f"{fmt.seconds(seconds)} of a person's time")
    if (seconds := told.get("latency_seconds")) is not None:
        said.append(f"in {fmt.seconds(seconds)}")
    if told.get("confidence") is not None:
        said.append(f"confidence {fmt.number(told['confidence'], 2)}")
    if told.get("sources"):
        age = told.get("retrieval_age_days")
        old = "" if age is None else f", {fmt.number(age)} days old"
        said.append(f"from {', '.join(told['sources'])}{old}")
    if told.get("cost_usd") is not None:
        said.append(fmt.usd(told["cost_usd"]))
    if told.get("violations"):
        said.append(f"broke {', '.join(told['violations'])}")
    if told.get("error"):
        said.append(str(told["error"]))
    return ", ".join(said)


def _read(told: Told) -> str:
    named = [told.get(name) for name in ("category", "urgency", "complexity", "sentiment")]
    signals = told.get("signals") or ()
    return ", ".join([*(str(each) for each in named if each), *map(str, signals)])


def _compared(told: Told) -> str:
    marks = [
        f"{name} {fmt.number(told[name], 2)}"
        for name in ("accuracy", "tone", "policy", "agreement", "confidence")
        if told.get(name) is not None
    ]
    if told.get("dropped"):
        marks.append(f"dropped: {told['dropped']}")
    return ", ".join([f"by {told.get('rater')}", *marks])


def _rest(told: Told) -> str:
    return ", ".join(
        f"{fmt.words(name).lower()} {value}"
        for name, value in sorted(told.items())
        if not isinstance(value, (dict, list))
    )


_WHAT: Final[Mapping[str, Callable[[Told], str]]] = {
    "ticket": lambda _: "Opened",
    "triage": lambda told: f"Read as {told.get('category') or 'unknown'}",
    "assignment": _assigned,
    "handling": _handled,
    "escalation": lambda _: "Handed over",
    "resolution": lambda told: {
        "confirmed": "Solved, the customer says",
        "assumed": "Closed as solved",
        "abandoned": "Given up by the customer",
    }.get(str(told.get("kind")), "Closed"),
    "csat": lambda told: (
        f"Rated {told['score']:g} of 5" if told.get("score") is not None else "Survey offered"
    ),
    "comparison": lambda told: f"Compared with {told.get('version')}, in shadow",
    "turn": lambda told: "Wrote again" if told.get("author") == "customer" else "Answered",
    "claim": lambda told: "Taken at the desk" if told.get("owner") else "Given back at the desk",
    "tool": lambda told: (
        f"Tool {told.get('tool') or told.get('number')}: {told.get('what') or told.get('outcome')}"
    ),
    "approval": lambda told: fmt.words(str(told.get("what") or told.get("verdict"))),
    "correction": lambda _: "Corrected",
    "review": lambda _: "Two replies compared",
    "erasure": lambda _: "Customer erased",
    "history": lambda _: "Imported",
}
_DETAIL: Final[Mapping[str, Callable[[Told], str]]] = {
    "ticket": lambda told: ", ".join(
        str(told[name]) for name in ("channel", "tier", "language", "region", "excluded") if told.get(name)
    ),
    "triage": _read,
    "assignment": _why_assigned,
    "handling": _work,
    "escalation": lambda told: "; ".join(
        in_words(code) for code in told.get("reasons") or [told.get("reason", "")]
    ),
    "resolution": lambda told: (
        f"served by {fmt.words(str(told.get('path'))).lower()}" if told.get("path") else ""
    ),
    "csat": lambda _: "",
    "comparison": _compared,
    "turn": lambda _: "",
    "claim": lambda told: str(told.get("owner") or ""),
}

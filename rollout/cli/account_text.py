"""The account of a ticket, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rollout.upkeep.account import Account

_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "ticket": ("customer_id", "channel", "tier", "language", "region", "excluded", "source"),
    "triage": ("category", "urgency", "complexity", "sentiment", "signals", "version"),
    "assignment": ("arm", "reason", "detail", "step", "mode", "version", "bucket", "position"),
    "handling": (
        "handler",
        "version",
        "outcome",
        "model",
        "confidence",
        "retrieval_confidence",
        "sources",
        "violations",
        "error",
    ),
    "escalation": ("reason", "reasons", "at_triage", "queue"),
    "resolution": ("kind", "path", "closed_reason"),
    "csat": ("score",),
    "comparison": ("rater", "version", "agreement", "accuracy", "tone", "policy", "violations", "dropped"),
    "correction": ("what", "value", "into"),
    "history": ("arm", "version", "path", "resolution", "csat"),
}
"""What of each kind is told in text; ``--json`` has everything."""


def account_text(told: "Account") -> str:
    """Lines for a person."""
    return "\n".join(_lines(told))


def account_json(told: "Account") -> dict[str, Any]:
    """Everything, as the journal has it."""
    again = told.recomputed
    return {
        "tenant": told.tenant,
        "workflow": told.workflow,
        "ticket_id": told.ticket_id,
        "sound": told.sound,
        "records": list(told.entries),
        "transition": told.transition,
        "plan": told.plan,
        "recomputed": {
            "possible": again.possible,
            "why_not": again.why_not,
            "agrees": again.agrees,
            "bucket": again.bucket,
            "arm": again.arm,
            "reason": again.reason,
            "differences": [
                {"name": each.name, "recorded": each.recorded, "computed": each.computed}
                for each in again.differences
            ],
        },
        "faults": list(told.faults),
        "notes": list(told.notes),
    }


def _lines(told: "Account") -> Iterator[str]:
    yield f"Ticket {told.ticket_id}, workflow {told.workflow or '-'}, tenant {told.tenant}"
    yield ""
    for entry in told.entries:
        erased = "  (erased: pseudonym, no texts)" if entry.get("erased") else ""
        yield f"{_stamp(entry)}  {entry['kind']} by {entry['actor']}  [record {entry['seq']}]{erased}"
        yield f"    {_fields(entry['kind'], entry['payload'])}"
    yield ""
    yield from _evidence(told)
    yield from _verdict(told)


def _evidence(told: "Account") -> Iterator[str]:
    if told.transition is None:
        return
    move = told.transition["payload"]
    yield f"In force: {_split(move['state']['split'])}"
    yield (
        f"  put there by {told.transition['actor']} at {_stamp(told.transition)}"
        f" ({move['action']}, {move['reason']})  [record {told.transition['seq']}]"
    )
    yield f"  {move['sentence']}"
    evidence = move.get("evidence") or {}
    for metric in evidence.get("metrics") or ():
        yield f"  {metric['verdict']:<12}  {metric['sentence']}"
    approval = evidence.get("approval")
    if approval:
        yield f"  approved by {approval.get('approved_by')}, asked for by {_joined(approval['requested_by'])}"
    if told.plan is not None:
        yield (
            f"  under plan {move['plan_digest'][:12]}, pinned by {told.plan['actor']} at {_stamp(told.plan)}"
            f"  [record {told.plan['seq']}]"
        )


def _split(split: Mapping[str, Any]) -> str:
    canary = f", canary {split['canary']} {split['canary_weight']:g} % of that" if split["canary"] else ""
    return (
        f"step {split['step']} ({split['mode']}), {split['stable']} {split['weight']:g} %{canary},"
        f" held out {split['holdout']:g} %, salt {split['salt']}"
    )


def _verdict(told: "Account") -> Iterator[str]:
    again = told.recomputed
    if not again.possible:
        yield f"Computed anew: not possible, {again.why_not}."
    elif again.agrees:
        yield f"Computed anew: the same. Bucket {again.bucket}, arm {again.arm}, {again.reason}."
    else:
        yield "COMPUTED ANEW: NOT THE SAME. The record does not follow from itself:"
        for each in again.differences:
            yield f"  {each.name}: recorded {each.recorded}, computed {each.computed}"
    for fault in told.faults:
        yield f"NOT WHAT WAS WRITTEN: {fault}. `ridealong audit verify` checks the whole chain."
    yield from told.notes


def _fields(kind: str, payload: Mapping[str, Any]) -> str:
    if kind == "csat" and payload.get("score") is None:
        return "survey offered"
    names = _TOLD.get(kind, tuple(payload))
    told = ((name, payload.get(name)) for name in names)
    return ", ".join(f"{name} {_joined(value)}" for name, value in told if value not in (None, "", [], ()))


def _joined(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _stamp(entry: Mapping[str, Any]) -> str:
    return str(entry["at"])[:19] + "Z"

"""How conduct policies, findings and dry runs read in a terminal."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.checks.conduct import Examined
    from policies.effective import EffectivePolicy, Rule
    from rollout.rehearsal.difference import Difference

_TITLES = {
    "handler": "Sensitive topics (a person takes over before any answer)",
    "topic": "Prohibited topics",
    "phrase": "Prohibited phrases",
    "pattern": "Rules of your own",
    "disclosure": "Required disclosures (added where missing)",
    "leak": "Personal data",
    "claim": "Specifics that stand nowhere",
    "language": "Language",
}


def policy_lines(policy: "EffectivePolicy") -> Iterator[str]:
    """An effective policy, rule by rule."""
    where = f" in {policy.region}" if policy.region else ""
    yield f"{policy.name}{where}: {len(policy.rules)} rules, digest {policy.digest}"
    yield f"voice: {policy.voice}"
    for kind, title in _TITLES.items():
        rules = [rule for rule in policy.rules if rule.kind == kind]
        if rules:
            yield ""
            yield title
            for rule in rules:
                yield from _rule_lines(rule)
    if policy.relaxed:
        yield ""
        yield "Made milder here"
        yield from (f"  {rule}: {because}" for rule, because in policy.relaxed)


def _rule_lines(rule: "Rule") -> Iterator[str]:
    observed = ", only observed" if rule.mode == "observe" else ""
    does = rule.action if rule.kind == "handler" else rule.on_fail
    limit = f", over {rule.threshold_usd:g} USD" if rule.threshold_usd is not None else ""
    count = f", {len(rule.patterns)} patterns" if rule.patterns else ""
    yield f"  {rule.name}: {rule.severity}, {does}{limit}{observed}{count} [{rule.origin}]"
    if rule.kind == "disclosure":
        yield f'    at {rule.trigger}: "{rule.text}"'
    elif rule.message:
        yield f"    {rule.message}"


def examined_lines(done: "Examined", reply: str) -> Iterator[str]:
    """What the rules make of one reply."""
    from agents.text import normalise

    text = normalise(reply)
    yield f"{done.outcome.value} ({done.policy.name}, digest {done.policy.digest[:12]})"
    for one in done.violations:
        place = f': "{text[one.start : one.end]}"' if one.end > one.start else ""
        observed = ", only observed" if not one.enforced else ""
        yield f"  {one.rule} ({one.severity}, {one.on_fail}{observed}){place}"
    if done.text:
        yield "is sent as:"
        yield from (f"  {line}" for line in done.text.splitlines())


def difference_lines(found: "Difference", digests: Mapping[str, str], gone: int) -> Iterator[str]:
    """A dry run: counts, rules, examples."""
    told = ", ".join(f"{count:,} {_plural(source)}" for source, count in sorted(found.examined.items()))
    yield f"old {digests['old'][:12]}, new {digests['new'][:12]}: {told or 'no texts'}"
    if gone:
        yield f"{gone:,} texts are gone from the store (erased or expired) and were not examined"
    if not found.changed:
        yield "No decision changes."
    else:
        yield (
            f"{found.changed:,} decisions change: {found.newly_stopped:,} newly stopped,"
            f" {found.newly_sent:,} newly sent, {found.otherwise:,} otherwise"
        )
    rows = [(code, count) for code, count in sorted(found.rules.items()) if count.before != count.after]
    if rows:
        yield ""
        yield f"{'fires':>14}  {'newly':>15}"
        yield f"{'old':>6} {'new':>7}  {'stopped':>7} {'sent':>7}  rule"
        for code, count in rows:
            newly = f"{count.newly_stopped:>7,} {count.newly_sent:>7,}"
            yield f"{count.before:>6,} {count.after:>7,}  {newly}  {code}"
    for one in found.examples:
        yield ""
        rules = ", ".join(one.rules) or "settings"
        yield f"{one.ticket_id} ({one.source}): {one.before} -> {one.after}, {rules}"
        yield f"  {one.text}"


def _plural(source: str) -> str:
    return {"message": "messages", "reply": "replies", "shadow-reply": "shadow replies"}.get(source, source)

"""Two policies over the same texts: which decisions change, by which rule, and what they look like.

What was retrieved for a reply is not kept, so specifics are measured against the customer's words (and
the ``grounds`` of a CSV file) alone. Both policies are measured alike: a difference is one of the
policies, its size on specifics an upper bound.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents.checks.conduct import Conduct, Context
from agents.checks.violations import Outcome
from agents.pii import Vault
from agents.roles.triage import detect
from agents.text import normalise
from policies.regions import Policies
from rollout.rehearsal.traffic import MESSAGE, Heard

STOPS: Final = frozenset({Outcome.REWRITE, Outcome.BLOCK, Outcome.ESCALATE})
"""Outcomes after which a text does not go to the customer as it is."""
_AROUND: Final = 60


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy makes of one text."""

    outcome: Outcome
    enforced: frozenset[str]
    observed: frozenset[str]
    where: tuple[int, int] = (0, 0)
    """The gravest finding, in the normalised text."""

    @property
    def stops(self) -> bool:
        return self.outcome in STOPS


@dataclass(frozen=True, slots=True)
class Example:
    """A text whose decision changed, with what identifies people replaced."""

    ticket_id: str
    source: str
    before: str
    after: str
    rules: tuple[str, ...]
    """Those that fire on one side only."""
    text: str


@dataclass(slots=True)
class RuleCount:
    """How often one rule fires, and in how many changed decisions it does on one side only."""

    before: int = 0
    after: int = 0
    newly_stopped: int = 0
    newly_sent: int = 0


@dataclass(slots=True)
class Difference:
    """What came of a dry run."""

    examined: Counter[str] = field(default_factory=Counter)
    """Texts by source."""
    newly_stopped: int = 0
    newly_sent: int = 0
    otherwise: int = 0
    """Decisions that changed without stopping or freeing the text: blanked in another place, say."""
    rules: dict[str, RuleCount] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """Decisions that are not what they were."""
        return self.newly_stopped + self.newly_sent + self.otherwise

    def to_json(self) -> Mapping[str, Any]:
        """For ``--json``."""
        return {
            "examined": dict(self.examined),
            "changed": self.changed,
            "newly_stopped": self.newly_stopped,
            "newly_sent": self.newly_sent,
            "otherwise": self.otherwise,
            "rules": {
                code: {
                    "before": count.before,
                    "after": count.after,
                    "newly_stopped": count.newly_stopped,
                    "newly_sent": count.newly_sent,
                }
                for code, count in sorted(self.rules.items())
            },
            "examples": [
                {
                    "ticket_id": one.ticket_id,
                    "source": one.source,
                    "before": one.before,
                    "after": one.after,
                    "rules": list(one.rules),
                    "text": one.text,
                }
                for one in self.examples
            ],
        }


def difference(
    old: Policies, new: Policies, heard: Iterable[Heard], *, region: str | None = None, examples: int = 3
) -> Difference:
    """Put every text to both policies.

    Args:
        old: as it is.
        new: as it would be.
        heard: the texts.
        region: whose rules hold for all of them; each ticket's own where left out.
        examples: kept per rule.

    """
    found = Difference()
    shown: Counter[str] = Counter()
    for one in heard:
        found.examined[one.source] += 1
        place = region or one.region
        before, after = (_decided(Conduct(policies.of(place)), one) for policies in (old, new))
        _count(found, before, after)
        alone = tuple(sorted((before.enforced ^ after.enforced) | (before.observed ^ after.observed)))
        changed = before.outcome is not after.outcome or before.enforced != after.enforced
        if changed and any(shown[rule] < examples for rule in alone or ("",)):
            shown.update(alone or ("",))
            found.examples.append(_example(one, before, after, alone))
    return found


def _decided(conduct: Conduct, one: Heard) -> Decision:
    if one.source == MESSAGE:
        signals = {name for text in one.said for name in detect(text)}
        topics = frozenset(topic.rule.code for topic in conduct.sensitive(one.said, signals))
        return Decision(Outcome.ESCALATE if topics else Outcome.SEND, topics, frozenset())
    language = (one.language or "").strip().lower().replace("_", "-").split("-")[0] or None
    context = Context(customer=one.said, knowledge=one.grounds, language=language)
    done = conduct.examine(one.text, context)
    kept = [found for found in done.violations if not found.rule.startswith("missing_disclosure:")]
    place = (kept[0].start, kept[0].end) if kept else (0, 0)
    observed = frozenset(found.rule for found in kept if not found.enforced)
    return Decision(done.outcome, frozenset(done.codes), observed, place)


def _count(found: Difference, before: Decision, after: Decision) -> None:
    for code in before.enforced | before.observed | after.enforced | after.observed:
        count = found.rules.setdefault(code, RuleCount())
        count.before += code in before.enforced | before.observed
        count.after += code in after.enforced | after.observed
    if after.stops and not before.stops:
        found.newly_stopped += 1
        for code in after.enforced - before.enforced or after.enforced:
            found.rules[code].newly_stopped += 1
    elif before.stops and not after.stops:
        found.newly_sent += 1
        for code in before.enforced - after.enforced or before.enforced:
            found.rules[code].newly_sent += 1
    elif before.outcome is not after.outcome or before.enforced != after.enforced:
        found.otherwise += 1


def _example(one: Heard, before: Decision, after: Decision, alone: tuple[str, ...]) -> Example:
    """The place and a little around it. Cut at white space, so that no address is halved and missed."""
    start, end = after.where if after.enforced - before.enforced else before.where
    text = normalise(one.text)
    low = text.rfind(" ", 0, max(start - _AROUND, 0)) + 1
    high = text.find(" ", max(end, start) + _AROUND)
    region = (one.region or "").strip().upper()
    vault = Vault(regions=[region] if len(region) == 2 else [])
    hidden = vault.redact(text[low : high if high >= 0 else len(text)])
    shown = " ".join(hidden.split())
    return Example(one.ticket_id, one.source, before.outcome.value, after.outcome.value, alone, shown)

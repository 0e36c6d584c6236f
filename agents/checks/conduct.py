"""A conduct policy at work: every text is examined before a customer may see it, shadow replies too.

Deterministic: the same text in the same context gives the same findings. Nothing here asks a model.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents.checks.claims import amounts, prose
from agents.checks.disclosures import FIRST_MESSAGE, added, owed, stands_in
from agents.checks.grounding import Grounds, unfounded, ungrounded
from agents.checks.language import speaks
from agents.checks.leaks import leaks
from agents.checks.reading import Reading, matches, phrase_pattern, read
from agents.checks.violations import Outcome, Violation, ordered, outcome, traced, violation
from policies.effective import EffectivePolicy, Rule

REDACTED: Final = "[removed]"


@dataclass(frozen=True, slots=True)
class Context:
    """What a reply is measured against."""

    customer: tuple[str, ...] = ()
    """The customer's words and what was said to them."""
    knowledge: tuple[str, ...] = ()
    """Retrieved passages with titles and links."""
    tools: tuple[str, ...] = ()
    """What tools answered, as text. They are bound to this customer."""
    language: str | None = None
    """Primary subtag the reply has to be in; ``None`` leaves it open."""
    first_message: bool = False
    """Whether a machine speaks to this customer for the first time in the conversation."""
    regions: tuple[str, ...] = ()
    """Countries whose national phone numbers are looked for."""

    def everything(self) -> tuple[str, ...]:
        return (*self.customer, *self.knowledge, *self.tools)


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of one examination."""

    outcome: Outcome
    violations: tuple[Violation, ...]
    """Enforced ones first, the gravest first."""
    text: str
    """What may be sent: blanked where rules say so, with the disclosures it lacked. Empty unless the
    outcome is to send it."""
    policy: EffectivePolicy = field(repr=False)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the enforced rules that were broken, for the record. What was only owed is not."""
        return tuple(
            dict.fromkeys(
                one.rule
                for one in self.violations
                if one.enforced and not one.rule.startswith("missing_disclosure:")
            )
        )

    def trace(self) -> Mapping[str, Any]:
        """For a decision's trace: rules, places and the policy's digest; nobody's text."""
        return {
            "step": "conduct",
            "policy": self.policy.name,
            "region": self.policy.region,
            "digest": self.policy.digest,
            "outcome": self.outcome.value,
            "violations": traced(self.violations),
        }


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A topic that a person takes over."""

    rule: Rule
    """Its ``action`` says where to, its ``text`` what the customer reads meanwhile."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """Examines texts by one effective policy. Holds nothing else, and nothing between calls."""

    policy: EffectivePolicy

    def examine(self, text: str, context: Context, *, again: bool = False) -> Examined:
        """Everything wrong with a reply, what follows from it, and the text that may be sent.

        ``again`` says that it has been rewritten once: what would be rewritten is left to a person.
        """
        reading = read(text)
        found = ordered(self._violations(reading, context))
        verdict = outcome(found, again=again)
        sent = ""
        if verdict in (Outcome.SEND, Outcome.REDACT):
            sent = _redacted(reading, found) if verdict is Outcome.REDACT else text
            due = [rule for rule in self._owed(reading, context) if rule.mode == "enforce"]
            sent = added(sent, due)
        return Examined(verdict, found, sent, self.policy)

    def sensitive(self, said: Iterable[str], signals: Iterable[str]) -> tuple[Sensitive, ...]:
        """The sensitive topics in what a customer said, and that people take over.

        Any text may name the topic and any may name the amount, so another text never takes one away.

        Args:
            said: every text of the customer.
            signals: of the common triage.

        """
        readings, signals = [read(text) for text in said], frozenset(signals)
        found = (
            rule
            for rule in self.policy.of_kind("handler")
            if rule.mode == "enforce" and _comes_up(rule, readings, signals)
        )
        return tuple(Sensitive(rule) for rule in found)

    def notices(self) -> tuple[str, ...]:
        """What a customer has to be told with the first message that a machine sends."""
        rules = self.policy.of_kind("disclosure")
        return tuple(rule.text for rule in rules if rule.trigger == FIRST_MESSAGE and rule.mode == "enforce")

    def _violations(self, reading: Reading, context: Context) -> Iterator[Violation]:
        for rule in self.policy.of_kind("topic", "pattern"):
            for start, end in matches(reading, rule.patterns, rule.unless):
                yield violation(rule, start, end)
        for rule in self.policy.of_kind("phrase"):
            for start, end in matches(reading, (phrase_pattern(rule.text), *rule.patterns), rule.unless):
                yield violation(rule, start, end)
        for rule in self.policy.of_kind("leak"):
            for start, end in leaks(reading.text, context.everything(), context.regions):
                yield violation(rule, start, end)
        for rule in self.policy.of_kind("language"):
            if context.language is not None and not speaks(prose(reading), context.language):
                yield violation(rule)
        for rule in self._owed(reading, context):
            if not stands_in(rule.text, reading.text):
                yield violation(rule)
        yield from self._claims(reading, context)

    def _claims(self, reading: Reading, context: Context) -> Iterator[Violation]:
        by_kind = {rule.code.rpartition(":")[2]: rule for rule in self.policy.of_kind("claim")}
        grounds = Grounds.of(context.everything())
        for kind, start, end in ungrounded(reading, grounds):
            if kind in by_kind:
                yield violation(by_kind[kind], start, end)
        promise = by_kind.get("promise")
        if promise is not None:
            backed = Grounds.of((*context.knowledge, *context.tools))
            for start, end in unfounded(reading, backed, promise.patterns, promise.unless):
                yield violation(promise, start, end)

    def _owed(self, reading: Reading, context: Context) -> Iterator[Rule]:
        rules = self.policy.of_kind("disclosure")
        return owed(rules, reading, first_message=context.first_message)


def _comes_up(rule: Rule, readings: list[Reading], signals: frozenset[str]) -> bool:
    named = bool(signals & set(rule.signals)) or any(
        True for reading in readings for _ in matches(reading, rule.patterns, rule.unless)
    )
    if not named or not rule.amount or rule.threshold_usd is None:
        return named
    return any(amount > rule.threshold_usd for reading in readings for amount in amounts(reading))


def _redacted(reading: Reading, found: Iterable[Violation]) -> str:
    """The text with every span blanked that an enforced rule wants blanked."""
    spans = sorted((one.start, one.end) for one in found if one.enforced and one.on_fail == "redact")
    out, done = [], 0
    for start, end in spans:
        if end <= done:
            continue
        out += [reading.text[done : max(start, done)], REDACTED if start >= done else ""]
        done = end
    return "".join([*out, reading.text[done:]])

"""What a policy comes to: base, regional overlay and detectors, as one list of rules with one digest.

Pure. Whether an overlay may say what it says is the business of ``policies/checks/conduct.py``.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

from policies.canonical import canonical
from policies.conduct import (
    ConductPolicy,
    Disclosure,
    OnFail,
    Overlay,
    RuleMode,
    RuleSettings,
    SensitiveTopic,
    Severity,
)
from policies.detectors import Detector

Kind = Literal["topic", "phrase", "disclosure", "handler", "leak", "claim", "language", "pattern"]

BUILT_IN: Final[Mapping[str, tuple[str, Kind, Severity, OnFail]]] = {
    "potential_pii_leakage": ("potential_pii_leakage", "leak", "critical", "block"),
    "ungrounded_price": ("ungrounded_specific_claim:price", "claim", "high", "block"),
    "ungrounded_date": ("ungrounded_specific_claim:date", "claim", "high", "block"),
    "ungrounded_quantity": ("ungrounded_specific_claim:quantity", "claim", "medium", "block"),
    "ungrounded_link": ("ungrounded_specific_claim:link", "claim", "high", "block"),
    "ungrounded_promise": ("ungrounded_specific_claim:promise", "claim", "high", "block"),
    "wrong_language": ("wrong_language", "language", "high", "block"),
}
"""Checks that every policy has, by the name ``rules`` knows them by: code, kind, severity, on_fail."""
_DEFAULTS: Final[Mapping[Kind, tuple[Severity, OnFail]]] = {
    "topic": ("high", "block"),
    "phrase": ("low", "rewrite"),
    "disclosure": ("medium", "warn"),
    "handler": ("critical", "escalate"),
    "pattern": ("medium", "block"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it holds. ``code`` is how findings name it, ``name`` how policies do."""

    code: str
    name: str
    kind: Kind
    severity: Severity
    on_fail: OnFail
    mode: RuleMode = "enforce"
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    amount: bool = False
    """Fires only beside an amount over ``threshold_usd``."""
    threshold_usd: float | None = None
    trigger: str | None = None
    """Of a disclosure: when it is owed."""
    triggered_by: tuple[str, ...] = ()
    """Of a disclosure: patterns in the reply that make it owed."""
    not_triggered_by: tuple[str, ...] = ()
    action: str | None = None
    """Of a sensitive topic: where the conversation goes."""
    text: str = ""
    """A phrase, the words of a disclosure, or what the customer reads meanwhile."""
    message: str = ""
    owner: str = ""
    origin: str = "base"
    """``base``, ``built-in``, or the overlay that brought or changed it."""


@dataclass(frozen=True)
class EffectivePolicy:
    """The rules that hold for a region. Equal content gives equal digests."""

    name: str
    rules: tuple[Rule, ...]
    voice: str
    region: str | None = None
    preferred: tuple[str, ...] = ()
    relaxed: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """Rules made milder, each with the reason given."""

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits over the rules, their patterns and the words owed."""
        content = [asdict(replace(rule, origin="", message="", owner="")) for rule in self.rules]
        return hashlib.sha256(canonical({"rules": content, "voice": self.voice})).hexdigest()

    def of_kind(self, *kinds: Kind) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.kind in kinds)

    def named(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)

    def to_json(self) -> Mapping[str, Any]:
        """For ``conduct show --json``: every rule with its patterns and where it comes from."""
        return {
            "policy": self.name,
            "region": self.region,
            "digest": self.digest,
            "voice": self.voice,
            "preferred_patterns": list(self.preferred),
            "rules": [asdict(rule) for rule in self.rules],
            "relaxed": [{"rule": rule, "because": because} for rule, because in self.relaxed],
        }


def effective(
    name: str,
    base: ConductPolicy,
    detectors: Mapping[str, Detector],
    overlay: Overlay | None = None,
) -> EffectivePolicy:
    """What holds of a policy, in a region where an overlay is given.

    Slugs without a detector become rules without patterns; ``policies.checks.conduct.gaps`` finds them.
    """
    rules = {rule.name: rule for rule in _rules_of(base, detectors)}
    relaxed: list[tuple[str, str]] = []
    if overlay is not None:
        region = overlay.regions[0]
        for rule in _brought(overlay, rules, detectors):
            rules[rule.name] = replace(rule, origin=region)
        rules = _settled(rules, overlay.rules, region)
        for relaxation in overlay.relax:
            relaxed.append((relaxation.rule, relaxation.because))
            if relaxation.drop:
                rules.pop(relaxation.rule, None)
            elif relaxation.rule in rules:
                given = ("severity", "mode", "on_fail", "threshold_usd")
                changes = {key: getattr(relaxation, key) for key in given if getattr(relaxation, key)}
                rules[relaxation.rule] = replace(rules[relaxation.rule], **changes, origin=region)
    return EffectivePolicy(
        name=name,
        rules=tuple(sorted(rules.values(), key=lambda rule: rule.code)),
        voice=base.tone_guidelines.voice,
        region=overlay.regions[0] if overlay else None,
        preferred=tuple(base.tone_guidelines.preferred_patterns),
        relaxed=tuple(relaxed),
    )


def named_rules(policy: ConductPolicy | Overlay, detectors: Mapping[str, Detector]) -> Iterator[Rule]:
    """The rules a policy has by what it names, before their settings."""
    for slug in policy.content_guardrails.prohibited_topics:
        yield _rule(f"prohibited_topic:{slug}", slug, "topic", detectors.get(slug))
    for phrase in policy.tone_guidelines.prohibited_phrases:
        yield replace(_rule(f"prohibited_phrase:{phrase}", phrase, "phrase"), text=phrase)
    for name, owed in policy.required_disclosures.items():
        yield _disclosure(name, owed, detectors)
    for name, handler in policy.sensitive_topic_handlers.items():
        yield _handler(name, handler, detectors)
    if isinstance(policy, ConductPolicy):
        for name, (code, kind, severity, on_fail) in BUILT_IN.items():
            known = detectors.get(name)
            patterns = tuple(known.patterns) if known else ()
            unless = tuple(known.unless) if known else ()
            yield Rule(
                code, name, kind, severity, on_fail, patterns=patterns, unless=unless, origin="built-in"
            )


def _rules_of(base: ConductPolicy, detectors: Mapping[str, Detector]) -> Iterator[Rule]:
    named = {rule.name: rule for rule in named_rules(base, detectors)}
    yield from _settled(named, base.rules, "base").values()


def _brought(overlay: Overlay, held: Mapping[str, Rule], detectors: Mapping[str, Detector]) -> Iterator[Rule]:
    """The overlay's rules; of those the base has too, the base's settings stay."""
    for rule in named_rules(overlay, detectors):
        base = held.get(rule.name)
        if base is None or base.kind != rule.kind:
            yield rule
        elif rule.kind == "handler":
            text = rule.text or base.text
            yield replace(base, action=rule.action, threshold_usd=rule.threshold_usd, text=text)
        elif rule.kind == "disclosure":
            yield replace(base, text=rule.text)


def _settled(rules: Mapping[str, Rule], settings: Mapping[str, RuleSettings], origin: str) -> dict[str, Rule]:
    """The rules with their settings, and the rules of somebody's own."""
    settled = dict(rules)
    for name, given in settings.items():
        rule = settled.get(name) or _rule(f"rule:{name}", name, "pattern", origin=origin)
        settled[name] = replace(
            rule,
            severity=given.severity or rule.severity,
            mode=given.mode or rule.mode,
            on_fail=given.on_fail or rule.on_fail,
            patterns=tuple(dict.fromkeys([*rule.patterns, *given.patterns])),
            unless=tuple(dict.fromkeys([*rule.unless, *given.unless])),
            message=given.message or rule.message,
            owner=given.owner or rule.owner,
            origin=origin,
        )
    return settled


def _rule(code: str, name: str, kind: Kind, detector: Detector | None = None, origin: str = "base") -> Rule:
    severity, on_fail = _DEFAULTS[kind]
    if detector is None:
        return Rule(code, name, kind, severity, on_fail, origin=origin)
    return Rule(
        code,
        name,
        kind,
        severity,
        on_fail,
        patterns=tuple(detector.patterns),
        unless=tuple(detector.unless),
        signals=tuple(detector.signals),
        amount=detector.amount,
        message=detector.means,
        origin=origin,
    )


def _disclosure(name: str, owed: Disclosure, detectors: Mapping[str, Detector]) -> Rule:
    rule = _rule(f"missing_disclosure:{name}", name, "disclosure")
    detector = detectors.get(owed.trigger)
    return replace(
        rule,
        text=owed.text,
        trigger=owed.trigger,
        triggered_by=tuple(detector.patterns) if detector else (),
        not_triggered_by=tuple(detector.unless) if detector else (),
    )


def _handler(name: str, handler: SensitiveTopic, detectors: Mapping[str, Detector]) -> Rule:
    rule = _rule(f"sensitive_topic:{name}", name, "handler", detectors.get(name))
    return replace(
        rule, action=handler.action, threshold_usd=handler.threshold_usd, text=handler.message or ""
    )

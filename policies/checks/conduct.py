"""What is wrong with a conduct policy as a whole: rules that would not hold, overlays that loosen.

An overlay may add rules and make them stricter. What it makes milder stands under ``relax`` with its
reason; anything else milder is a finding at its line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policies.conduct import MODES, ON_FAIL, SEVERITIES, ConductPolicy, Overlay
from policies.detectors import Detector
from policies.effective import BUILT_IN, EffectivePolicy, named_rules
from policies.nearest import did_you_mean
from policies.problems import Finding, Location

_SCALES: Final[Mapping[str, Sequence[str]]] = {"severity": SEVERITIES, "mode": MODES, "on_fail": ON_FAIL}
LEAKAGE: Final = "potential_pii_leakage"


def gaps(
    policy: ConductPolicy | Overlay, detectors: Mapping[str, Detector], base: EffectivePolicy | None = None
) -> Iterator[Finding]:
    """What would silently not hold: a topic nothing detects, settings of a rule that is not there.

    Args:
        policy: a policy, or an overlay of ``base``.
        detectors: by slug.
        base: what an overlay extends.

    """
    known = {rule.name for rule in base.rules} if base else set()
    for number, slug in enumerate(policy.content_guardrails.prohibited_topics):
        if slug not in known and not _detected(slug, policy, detectors, "reply"):
            yield _undetected(("content_guardrails", "prohibited_topics", number), slug, detectors)
    for slug in policy.sensitive_topic_handlers:
        if slug not in known and not _detected(slug, policy, detectors, "customer"):
            yield _undetected(("sensitive_topic_handlers", slug), slug, detectors)
    own = [rule.name for rule in named_rules(policy, detectors)]
    for name, count in Counter(own).items():
        if count > 1:
            yield Finding((), f"{count} rules are called {name!r}", "rename one: `rules` could not tell them")
    names = known | set(own)
    for name, settings in policy.rules.items():
        if name not in names and not settings.patterns:
            remedy = did_you_mean(name, sorted(names)) or "give it patterns if it is a rule of your own"
            yield Finding(("rules", name), f"there is no rule {name!r} to set", remedy, on_key=True)
        elif name in BUILT_IN and name not in detectors and settings.patterns:
            yield Finding(("rules", name, "patterns"), f"{name!r} is built in and takes no patterns")


def milder(base: EffectivePolicy, overlay: Overlay) -> Iterator[Finding]:
    """Everything in an overlay that would loosen the base without a reason."""
    yield from _milder_settings(base, overlay)
    yield from _milder_handlers(base, overlay)
    for name, disclosure in overlay.required_disclosures.items():
        rule = base.named(name)
        if rule is not None and rule.kind == "disclosure" and rule.trigger != disclosure.trigger:
            message = f"the base owes it at {rule.trigger!r}; a region may only change its words"
            yield _loosens(("required_disclosures", name, "trigger"), message)
    names = {rule.name for rule in base.rules}
    for number, relaxation in enumerate(overlay.relax):
        at = ("relax", number, "rule")
        if relaxation.rule not in names:
            near = did_you_mean(relaxation.rule, sorted(names))
            yield Finding(at, f"the base has no rule {relaxation.rule!r} to relax", near)
        elif relaxation.rule == LEAKAGE:
            yield Finding(at, "other people's data are given away nowhere", "remove this relaxation")


def _milder_settings(base: EffectivePolicy, overlay: Overlay) -> Iterator[Finding]:
    for name, settings in overlay.rules.items():
        rule = base.named(name)
        if rule is None:
            continue
        for key, scale in _SCALES.items():
            given, held = getattr(settings, key), getattr(rule, key)
            if given is not None and scale.index(given) < scale.index(held):
                yield _loosens(("rules", name, key), f"{key} {given!r} is milder than the base's {held!r}")
        if settings.unless:
            yield _loosens(("rules", name, "unless"), "exceptions make a rule of the base milder")


def _milder_handlers(base: EffectivePolicy, overlay: Overlay) -> Iterator[Finding]:
    for name, handler in overlay.sensitive_topic_handlers.items():
        rule = base.named(name)
        if rule is None or rule.kind != "handler":
            continue
        at, limit, held = ("sensitive_topic_handlers", name), handler.threshold_usd, rule.threshold_usd
        if limit is not None and (held is None or limit > held):
            told = "any amount" if held is None else f"more than {held:g}"
            yield _loosens((*at, "threshold_usd"), f"the base keeps {told} with people, not {limit:g}")
        if rule.action == "escalate_immediately" and handler.action != rule.action:
            yield _loosens((*at, "action"), f"{handler.action!r} is milder than the base's {rule.action!r}")


def _loosens(at: Location, message: str) -> Finding:
    return Finding(at, message, "leave it out, or put it under relax with the reason (because)")


def _undetected(at: Location, slug: str, detectors: Mapping[str, Detector]) -> Finding:
    return Finding(
        at,
        f"nothing detects {slug!r}: the rule would never fire",
        did_you_mean(slug, detectors)
        or f"give patterns under rules.{slug}.patterns; detectors come for {', '.join(sorted(detectors))}",
        on_key=isinstance(at[-1], str),
    )


def _detected(
    slug: str, policy: ConductPolicy | Overlay, detectors: Mapping[str, Detector], reads: str
) -> bool:
    settings = policy.rules.get(slug)
    own = settings is not None and bool(settings.patterns)
    return own or (slug in detectors and detectors[slug].reads == reads)

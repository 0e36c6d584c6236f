"""The inline tests of rules: whether each rule fires where its file says it does, and only there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.checks.conduct import Conduct, Context
from agents.roles.triage import detect
from policies.conduct import ConductPolicy, Overlay, RuleTest
from policies.detectors import Detector, Detectors
from policies.effective import EffectivePolicy, effective
from policies.load import read_conduct, read_document
from policies.problems import Finding, Location
from policies.regions import policy_of

_THRESHOLD = 500.0


def broken_tests(content: ConductPolicy | Overlay | Detectors, path: Path) -> Iterator[Finding]:
    """Every inline test of a sound file that does not hold, at its line.

    The tests of a base have to hold in its regions too: there they stand for what was agreed.
    """
    if isinstance(content, Detectors):
        yield from _of_detectors(content)
        return
    policy = policy_of(content, path)
    yield from _of_rules(policy, content)
    if isinstance(content, Overlay):
        base = read_conduct(read_document(path.parent / content.extends))
        relaxed = {relaxation.rule for relaxation in content.relax}
        for name, settings in (base.rules if base else {}).items():
            for number, test in enumerate(settings.tests, start=1):
                if name not in relaxed and fires(policy, name, test) is not test.fires:
                    message = f"with this overlay, test {number} of the base's rule {name!r} no longer holds"
                    yield Finding(("extends",), message, "mend the overlay, or relax the rule with a reason")


def fires(policy: EffectivePolicy, name: str, test: RuleTest) -> bool:
    """Whether a rule finds something in a test's text. What mode it is in makes no difference."""
    rule = policy.named(name)
    if rule is None:
        return False
    alone = replace(policy, rules=(replace(rule, mode="enforce"),))
    conduct = Conduct(alone)
    if rule.kind == "handler":
        return bool(conduct.sensitive([test.text], detect(test.text)))
    grounds = (test.grounds,) if test.grounds else ()
    context = Context(knowledge=grounds, first_message=True, language="en")
    return bool(conduct.examine(test.text, context).violations)


def _of_rules(policy: EffectivePolicy, content: ConductPolicy | Overlay) -> Iterator[Finding]:
    for name, settings in content.rules.items():
        for number, test in enumerate(settings.tests):
            at: Location = ("rules", name, "tests", number, "text")
            if fires(policy, name, test) is not test.fires:
                yield _broken(at, name, test)


def _of_detectors(content: Detectors) -> Iterator[Finding]:
    for slug, detector in content.detectors.items():
        policy = effective("test", _policy_with(slug, detector), content.detectors)
        for number, test in enumerate(detector.tests):
            if fires(policy, slug, test) is not test.fires:
                yield _broken(("detectors", slug, "tests", number, "text"), slug, test)


def _policy_with(slug: str, detector: Detector) -> ConductPolicy:
    """The smallest policy in which a detector is at work."""
    given: dict[str, Any] = {"tone_guidelines": {"voice": "any"}}
    if slug == "account_data_requested":
        given["required_disclosures"] = {slug: {"trigger": slug, "text": "Told."}}
    elif detector.reads == "reply":
        given["content_guardrails"] = {"prohibited_topics": [slug]}
    else:
        handler = {"action": "escalate_immediately", "threshold_usd": _THRESHOLD}
        given["sensitive_topic_handlers"] = {slug: handler}
    return ConductPolicy.model_validate(given)


def _broken(at: Location, name: str, test: RuleTest) -> Finding:
    said = "does not fire" if test.fires else "fires"
    remedy = "mend the patterns" if test.fires else "narrow the patterns, or add what is fine under unless"
    return Finding(at, f"rule {name!r} {said} on this text", f"{remedy}, or correct the test")

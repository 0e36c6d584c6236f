"""Conduct policies: what they come to with a region, and what would silently not hold is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.checks.inline_tests import broken_tests
from policies.conduct import ConductPolicy
from policies.detectors import SHIPPED, shipped
from policies.effective import EffectivePolicy, effective
from policies.files import check_files
from policies.problems import PolicyInvalid, Problem
from policies.reader import parse
from policies.regions import load_policies

BASE = """\
content_guardrails:
  prohibited_topics: [legal_advice]
required_disclosures:
  notice: {trigger: first_message, text: A machine speaks.}
sensitive_topic_handlers:
  payment_dispute_over_threshold: {action: escalate_to_billing_specialist, threshold_usd: 500}
  account_security_concern: {action: escalate_immediately}
tone_guidelines:
  voice: direct
  prohibited_phrases: [As I said]
rules:
  legal_advice: {severity: high, on_fail: block}
  no_purple:
    patterns: ['\\bpurple\\b']
    tests:
      - {text: That is purple., fires: true}
      - {text: That is green., fires: false}
"""
HANDLERS = "sensitive_topic_handlers:\n"
MORE = "{action: escalate_immediately, threshold_usd: 501}"
OVERLAY = "extends: ../policy.yaml\nregions: [EU, de]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(BASE)
    (tmp_path / "regions").mkdir()
    return tmp_path


@pytest.fixture
def overlaid(folder: Path) -> Callable[[str], list[Problem]]:
    """The problems of an overlay with these further lines."""

    def problems(more: str) -> list[Problem]:
        (folder / "regions" / "EU.yaml").write_text(OVERLAY + more)
        (checked,) = check_files([folder / "regions" / "EU.yaml"], tried=broken_tests)
        return list(checked.problems)

    return problems


def of(text: str) -> EffectivePolicy:
    root = parse(text.encode(), "x").root
    assert root is not None
    return effective("policy", ConductPolicy.model_validate(root.plain()), shipped())


class TestBase:
    def test_the_playbooks_file_runs_as_it_is(self) -> None:
        policies = load_policies(SHIPPED.parent.parent / "conduct" / "support-agent-policy.yaml")
        topics = [rule.name for rule in policies.base.of_kind("topic")]
        assert len(topics) == 5
        assert all(rule.patterns for rule in policies.base.of_kind("topic", "handler"))

    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ("[legal_advice]", "[medical_advice]", 2, "nothing detects 'medical_advice'"),
            ("[legal_advice]", "[legal_advise]", 2, "did you mean 'legal_advice'?"),
            ("  account_security_concern:", "  account_worry:", 7, "rules.account_worry.patterns"),
            ("  legal_advice: {", "  illegal_advice: {", 12, "there is no rule 'illegal_advice' to set"),
            ("'\\bpurple\\b'", "'(?=purple)'", 14, "is no pattern of RE2"),
            ("'\\bpurple\\b'", "'x*'", 14, "matches the empty text"),
            ("on_fail: block}", "on_fail: blok}", 12, "did you mean 'block'?"),
            ("voice: direct", "voice: direct\n  vioce: x", 10, "unknown key 'vioce'"),
            ("  no_purple:\n", "  wrong_language:\n", 14, "is built in and takes no patterns"),
            ("  notice: {", "  legal_advice: {", 1, "2 rules are called 'legal_advice'"),
        ],
    )
    def test_what_would_silently_not_hold_is_refused_at_its_line(
        self, folder: Path, old: str, new: str, line: int, message: str
    ) -> None:
        assert old in BASE
        (folder / "policy.yaml").write_text(BASE.replace(old, new, 1))
        (checked,) = check_files([folder / "policy.yaml"])
        found = [(problem.line, str(problem)) for problem in checked.problems]
        assert any(at == line and message in text for at, text in found), found

    def test_inline_tests_are_run_and_told_by_line(self, folder: Path) -> None:
        broken = BASE.replace("That is green., fires: false", "That is green., fires: true")
        (folder / "policy.yaml").write_text(broken)
        (checked,) = check_files([folder / "policy.yaml"], tried=broken_tests)
        (problem,) = checked.problems
        assert (problem.line, problem.path) == (17, "rules.no_purple.tests[1].text")
        assert "does not fire on this text" in problem.message

    def test_the_digest_is_of_the_content(self) -> None:
        one = of(BASE)
        assert (
            of("# hello\n" + BASE.replace("severity: high, on_fail: block", "on_fail: block")).digest
            == one.digest
        )
        for old, new in (
            ("As I said", "As I told"),
            ("500", "499"),
            ("purple", "violet"),
            ("direct", "warm"),
        ):
            assert of(BASE.replace(old, new)).digest != one.digest

    def test_the_shipped_detectors_hold_what_they_promise(self) -> None:
        (checked,) = check_files([SHIPPED], tried=broken_tests)
        assert checked.problems == ()
        assert all({test.fires for test in one.tests} == {True, False} for one in shipped().values())


class TestOverlay:
    def test_it_adds_and_makes_stricter(self, folder: Path, overlaid: Callable[[str], list[Problem]]) -> None:
        more = """\
content_guardrails: {prohibited_topics: [unreleased_features]}
required_disclosures:
  notice: {trigger: first_message, text: Eine Maschine spricht.}
sensitive_topic_handlers:
  payment_dispute_over_threshold: {action: escalate_to_billing_specialist, threshold_usd: 100}
rules:
  legal_advice: {on_fail: escalate, patterns: [paragraph]}
  no_pink: {patterns: [pink]}
"""
        assert overlaid(more) == []
        policies = load_policies(folder / "policy.yaml")
        held = policies.of("DE")
        assert held is policies.of("eu")
        assert policies.of("US") is policies.of(None) is policies.base
        assert held.digest != policies.base.digest
        advice, dispute, notice = (
            held.named(name) for name in ("legal_advice", "payment_dispute_over_threshold", "notice")
        )
        assert advice is not None
        assert dispute is not None
        assert notice is not None
        assert (advice.on_fail, advice.severity, advice.origin) == ("escalate", "high", "EU")
        assert "paragraph" in advice.patterns
        assert len(advice.patterns) == 6
        assert (dispute.threshold_usd, notice.text) == (100, "Eine Maschine spricht.")
        assert dispute.patterns
        assert {"no_pink", "no_purple", "unreleased_features"} <= {rule.name for rule in held.rules}

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ("rules:\n  legal_advice: {on_fail: warn}\n", "on_fail 'warn' is milder than the base's 'block'"),
            ("rules:\n  legal_advice: {severity: low}\n", "severity 'low' is milder"),
            ("rules:\n  no_purple: {mode: observe}\n", "mode 'observe' is milder"),
            ("rules:\n  no_purple: {unless: [purple rain]}\n", "exceptions make a rule of the base milder"),
            (
                f"{HANDLERS}  payment_dispute_over_threshold: {MORE}\n",
                "keeps more than 500 with people, not 501",
            ),
            (
                f"{HANDLERS}  account_security_concern: {{action: escalate_to_billing_specialist}}\n",
                "is milder than the base's 'escalate_immediately'",
            ),
            (
                "required_disclosures:\n  notice: {trigger: account_data_requested, text: x}\n",
                "a region may only change its words",
            ),
            ("relax:\n  - {rule: legal_advise, because: x, drop: true}\n", "did you mean 'legal_advice'?"),
            ("relax:\n  - {rule: potential_pii_leakage, because: x, mode: observe}\n", "given away nowhere"),
            ("relax:\n  - {rule: legal_advice, because: x}\n", "either drop it or say what is milder"),
            ("relax:\n  - {rule: legal_advice, drop: true}\n", "'because' is missing"),
            ("tone_guidelines: {voice: warm}\n", "unknown key 'voice'"),
        ],
    )
    def test_it_loosens_nothing_without_a_reason(
        self, overlaid: Callable[[str], list[Problem]], more: str, message: str
    ) -> None:
        found = overlaid(more)
        assert any(message in str(problem) for problem in found), found
        assert all(problem.line > 2 for problem in found)

    def test_with_a_reason_it_may(self, folder: Path, overlaid: Callable[[str], list[Problem]]) -> None:
        more = """\
relax:
  - {rule: legal_advice, because: Answered by solicitors there., mode: observe}
  - {rule: no_purple, because: It is the house colour., drop: true}
"""
        assert overlaid(more) == []
        held = load_policies(folder / "policy.yaml").of("EU")
        advice = held.named("legal_advice")
        assert advice is not None
        assert advice.mode == "observe"
        assert held.named("no_purple") is None
        assert ("no_purple", "It is the house colour.") in held.relaxed

    def test_the_tests_of_the_base_have_to_hold_in_the_region(
        self, overlaid: Callable[[str], list[Problem]]
    ) -> None:
        (problem,) = overlaid("rules:\n  no_purple: {patterns: [green]}\n")
        assert "test 2 of the base's rule 'no_purple' no longer holds" in problem.message
        assert problem.line == 1

    def test_a_base_that_is_not_there_is_told(self, folder: Path) -> None:
        file = folder / "regions" / "EU.yaml"
        file.write_text("extends: ../gone.yaml\nregions: [EU]\n")
        (checked,) = check_files([file])
        assert "'../gone.yaml' cannot be used" in checked.problems[0].message

    def test_a_region_has_one_overlay(self, folder: Path) -> None:
        for name in ("one", "two"):
            (folder / "regions" / f"{name}.yaml").write_text(OVERLAY)
        with pytest.raises(PolicyInvalid, match="'EU' has two overlays"):
            load_policies(folder / "policy.yaml")

    def test_an_overlay_that_cannot_be_used_stops_the_whole(self, folder: Path) -> None:
        (folder / "regions" / "EU.yaml").write_text("extends: [\n")
        with pytest.raises(PolicyInvalid, match=r"EU\.yaml"):
            load_policies(folder / "policy.yaml")

"""Parts of a plan that do not fit each other: refused where they stand, with the reason."""

from collections.abc import Callable

import pytest

from policies.problems import Problem

Problems = Callable[..., tuple[Problem, ...]]

BASE = """\
workflow: refunds
owners: {workflow: support-operations, technical: engineering, escalation: team-leads}
unit: customer
salt: refunds-2026
holdout: 5
agent: answers@1.0.0
steps:
  - {name: shadow, mode: shadow, gate: [agreement],
     shadow: {budget_usd_per_day: 4, concurrency: 2, deadline: 9s}}
  - {name: ten, set_weight: 10, margin_scale: 2}
  - {name: full, set_weight: 95}
canary:
  agent: answers@1.1.0
  steps:
    - {name: canary, set_weight: 5, min_duration: 48h, gate: [escalation, violations]}
    - {name: half, set_weight: 50, min_duration: 14d}
metrics:
  csat: {margin: 0.15}
  recontact_7d: {margin: 2pp}
  escalation: {margin: 5pp}
monitors: [violations]
inference: {alpha: 0.05, power: 0.8}
"""

SHADOW = "{name: shadow, mode: shadow, gate: [agreement]"
TEN = "{name: ten, set_weight: 10, margin_scale: 2}"
FULL = "{name: full, set_weight: 95}"
CANARY = "{name: canary, set_weight: 5, min_duration: 48h, gate: [escalation, violations]}"
HALF = "{name: half, set_weight: 50, min_duration: 14d}"
CSAT = "csat: {margin: 0.15}"

CASES = [
    # what is put in place of what, the path of the problem, a word of what is told
    # steps
    (FULL, "{name: full, set_weight: 96}", "steps[2].set_weight", "more than 100 percent together"),
    ("holdout: 5", "holdout: 6", "steps[2].set_weight", "write at most 94"),
    (FULL, "{name: full, set_weight: 9}", "steps[2].set_weight", "falls from 10 in step 'ten' to 9"),
    (FULL, "{name: ten, set_weight: 95}", "steps[2].name", "already used in the ladder"),
    (
        CANARY,
        CANARY.replace("name: canary", "name: ten"),
        "canary.steps[0].name",
        "already used in the ladder",
    ),
    (HALF, HALF.replace("name: half", "name: canary"), "canary.steps[1].name", "used in the canary's steps"),
    (HALF, "{name: half, set_weight: 4, min_duration: 14d}", "canary.steps[1].set_weight", "falls from 5"),
    (TEN, "{name: ten, set_weight: 0}", "steps[1].set_weight", "gives the agent nobody"),
    (FULL, "{name: full, set_weight: 95, margin_scale: 3}", "steps[2].margin_scale", "looser than 2"),
    (HALF, HALF.replace("}", ", margin_scale: 2}"), "canary.steps[1].margin_scale", "looser than 1"),
    (SHADOW, SHADOW + ", margin_scale: 2", "steps[0].margin_scale", "no meaning in a shadow step"),
    (
        SHADOW,
        "{name: shadow, set_weight: 4, mode: shadow, gate: [agreement]",
        "steps[0].set_weight",
        "nobody",
    ),
    (TEN, "{name: ten}", "steps[1]", "needs set_weight"),
    (TEN, "{name: ten, mode: shadow, gate: [agreement]}", "steps[1]", "needs 'shadow'"),
    (
        TEN,
        "{name: ten, set_weight: 10, min_duration: 2d, max_duration: 1d}",
        "steps[1].max_duration",
        "shorter",
    ),
    (
        CANARY,
        CANARY.replace("set_weight", "mode: assist, set_weight"),
        "canary.steps[0].mode",
        "cannot be assist",
    ),
    (
        HALF,
        HALF.replace("}", ", eligible: {tier: [a]}}"),
        "canary.steps[1].eligible",
        "no meaning in a canary",
    ),
    # gates
    (
        SHADOW,
        "{name: shadow, mode: shadow, gate: [csat]",
        "steps[0].gate[0]",
        "customers never see a shadow reply",
    ),
    (SHADOW, "{name: shadow, mode: shadow, gate: [accepted_drafts]", "steps[0].gate[0]", "nobody sends"),
    (SHADOW, "{name: shadow, mode: shadow", "steps[0]", "needs a gate"),
    (TEN, "{name: ten, set_weight: 10, gate: [agreement]}", "steps[1].gate[0]", "beside the human's"),
    (TEN, "{name: ten, set_weight: 10, gate: [accepted_drafts]}", "steps[1].gate[0]", "writes no drafts"),
    (
        TEN,
        "{name: ten, mode: assist, set_weight: 10, gate: [agreement]}",
        "steps[1].gate[0]",
        "cannot produce",
    ),
    (TEN, "{name: ten, set_weight: 10, gate: []}", "steps[1].gate", "empty"),
    (TEN, "{name: ten, set_weight: 10, gate: [csat, csat]}", "steps[1].gate[1]", "stands twice"),
    (TEN, "{name: ten, set_weight: 10, gate: [handle_time]}", "steps[1].gate[0]", "has no margin"),
    (CANARY, CANARY.replace("violations", "csat"), "canary.steps[0].gate[1]", "csat takes 72h"),
    (
        CANARY,
        CANARY.replace("violations", "recontact_7d"),
        "canary.steps[0].gate[1]",
        "recontact_7d takes 7d",
    ),
    (HALF, "{name: half, set_weight: 50, min_duration: 5d}", "canary.steps[1].name", "recontact_7d takes 7d"),
    (HALF, HALF.replace("14d", "1d, max_duration: 7d"), "canary.steps[1].name", "max_duration 7d"),
    (TEN, "{name: ten, set_weight: 10, max_duration: 3d, gate: [csat]}", "steps[1].gate[0]", "in time"),
    ("holdout: 5\n", "", "steps[2].name", "nobody is left to compare"),
    # agents
    ("agent: answers@1.0.0", "agent: answers@1.0.1", "agent", "did you mean 'answers@1.0.0'"),
    (
        "agent: answers@1.0.0",
        "agent: solver@1",
        "agent",
        "there is answers@1.0.0, answers@1.1.0; add solver@1.yaml",
    ),
    ("agent: answers@1.1.0", "agent: answers@1.0.0", "canary.agent", "already running"),
    # metrics
    (CSAT, "csat: {role: guardrail}", "metrics.csat", "needs a margin"),
    (CSAT, "csat: {margin: 2pp}", "metrics.csat.margin", "percentage points are for rates"),
    (CSAT, "csat: {margin: 5%}", "metrics.csat.margin", "scale begins at 1"),
    (CSAT, "csat: {margin: 4}", "metrics.csat.margin", "the whole range"),
    (CSAT, "csat: {margin: 0}", "metrics.csat.margin", "larger than 0"),
    (CSAT, "csat: {margin: -1}", "metrics.csat.margin", "is not a margin"),
    (CSAT, "csat: {margin: true}", "metrics.csat.margin", "boolean"),
    (CSAT, "csat: {margin: {value: 2}}", "metrics.csat.margin", "a mapping is not a margin"),
    (CSAT, "csat: {margin: 0.1, improve: 40%}", "metrics.csat.improve", "no meaning for a guardrail"),
    (CSAT, "csat: {margin: 0.1, floor: 40%}", "metrics.csat.floor", "against the humans"),
    (CSAT, "csat: {margin: 0.1, cap: 4}", "metrics.csat.cap", "for costs and times"),
    (
        CSAT,
        "csat: {margin: 0.1, estimator: kaplan_meier}",
        "metrics.csat.estimator",
        "csat has none",
    ),
    (CSAT, "csat: {margin: 0.1, band: {billing: [5%, 9%]}}", "metrics.csat.band", "for rates"),
    ("recontact_7d: {margin: 2pp}", "recontact_7d: {margin: 2}", "metrics.recontact_7d.margin", "mean 2pp?"),
    (
        "recontact_7d: {margin: 2pp}",
        "recontact_7d: {margin: 200pp}",
        "metrics.recontact_7d.margin",
        "e.g. 2pp",
    ),
    ("escalation: {margin: 5pp}", "escalation: {role: goal}", "metrics.escalation", "what it is for"),
    (
        "escalation: {margin: 5pp}",
        "escalation: {role: goal, improve: 100%}",
        "metrics.escalation.improve",
        "less than 100%",
    ),
    (
        "escalation: {margin: 5pp}",
        "escalation: {role: goal, improve: 10%, margin: 5pp}",
        "metrics.escalation.margin",
        "no meaning for a goal",
    ),
    (
        "escalation: {margin: 5pp}",
        "escalation: {margin: 5pp, band: {biling: [5%, 9%]}}",
        "metrics.escalation.band.biling",
        "'billing'",
    ),
    (CSAT, CSAT + "\n  errors: {margin: 1pp}", "metrics.errors.margin", "no human arm to compare with"),
    (CSAT, CSAT + "\n  errors: {role: goal}", "metrics.errors.role", "cannot be a goal"),
    (CSAT, CSAT + "\n  errors: {floor: 1%}", "metrics.errors.floor", "better lower"),
    (CSAT, CSAT + "\n  errors: {ceiling: 10s}", "metrics.errors.ceiling", "a percentage such as 80%"),
    (CSAT, CSAT + "\n  latency: {ceiling: 10}", "metrics.latency.ceiling", "a duration such as 30s"),
    (CSAT, CSAT + "\n  agreement: {ceiling: 90%}", "metrics.agreement.ceiling", "better higher"),
    (CSAT, "scat: {margin: 0.15}", "metrics.scat", "did you mean 'csat'"),
    ("monitors: [violations]", "monitors: [violation]", "monitors[0]", "did you mean 'violations'"),
    ("monitors: [violations]", "monitors: [violations, violations]", "monitors[1]", "twice"),
    ("monitors: [violations]", "monitors: [accepted_drafts]", "monitors[0]", "the ladder has none"),
    # the rest
    (
        "unit: customer\n",
        "unit: customer\neligible: {category: [biling]}\n",
        "eligible.category[0]",
        "'billing'",
    ),
    ("unit: customer\n", "unit: customer\neligible: {category: []}\n", "eligible.category", "empty"),
    ("unit: customer\n", "unit: customer\ncategories: [a, a]\n", "categories[1]", "twice"),
    (
        "unit: customer\n",
        "unit: customer\nfreeze: [2026-01-05/2026-01-01]\n",
        "freeze[0]",
        "ends before it begins",
    ),
    ("unit: customer\n", "unit: customer\nfreeze: [2026-02-30/2026-03-01]\n", "freeze[0]", "not a window"),
    ("unit: customer\n", "unit: customer\nfreeze: [20260105/20260106]\n", "freeze[0]", "YYYY-MM-DD"),
    ("unit: customer\n", "unit: customer\nfreeze: [2026-01-05]\n", "freeze[0]", "not a window"),
    (
        "unit: customer\n",
        "unit: customer\nfreeze: [2026-01-05/2026-01-09, 2026-01-01/2026-01-05]\n",
        "freeze[0]",
        "overlaps the one of 2026-01-01",
    ),
    ("technical: engineering", "technical: '  '", "owners.technical", "name a role"),
    (
        "owners: {workflow: support-operations, technical: engineering, escalation: team-leads}\n",
        "",
        "",
        "'owners'",
    ),
    ("alpha: 0.05", "alpha: 0", "inference.alpha", "larger than 0"),
    ("alpha: 0.05", "alpha: 0.5", "inference.alpha", "smaller than 0.5"),
    ("alpha: 0.05", "alpha: 5%", "inference.alpha", "a number"),
    ("alpha: 0.05", "alpha: true", "inference.alpha", "the boolean true stands where a number"),
    ("holdout: 5", "holdout: -1", "holdout", "not a percentage"),
    ("holdout: 5", "holdout: 101", "holdout", "between 0 and 100"),
    ("holdout: 5", "holdout: 0.00001", "holdout", "finer than"),
    ("holdout: 5", "holdout: true", "holdout", "boolean"),
    ("holdout: 5", "holdout: [5]", "holdout", "a list is not a percentage"),
    ("min_duration: 48h", "min_duration: 48", "canary.steps[0].min_duration", "and its unit"),
    ("min_duration: 48h", "min_duration: 9999999999w", "canary.steps[0].min_duration", "ten years"),
    ("salt: refunds-2026", "salt: 2026", "salt", "put it in quotes: '2026'"),
    ("salt: refunds-2026", "salt: refunds 2026", "salt", "64"),
]


def replaced(old: str, new: str) -> str:
    assert BASE.count(old) == 1, old
    text = BASE.replace(old, new)
    return text.replace("set_weight: 95", "set_weight: 100") if old == "holdout: 5\n" else text


def test_the_base_is_fine(problems: Problems):
    assert problems(BASE) == ()


@pytest.mark.parametrize(("old", "new", "path", "told"), CASES, ids=lambda value: str(value)[:50])
def test_what_does_not_fit_is_refused(problems: Problems, old: str, new: str, path: str, told: str):
    text = replaced(old, new)
    found = problems(text)
    assert path in [problem.path for problem in found], [str(problem) for problem in found]
    here = [problem for problem in found if problem.path == path]
    words = " ".join(f"{problem.message}; {problem.suggestion}" for problem in here)
    assert told in words, words
    line = text.splitlines()[here[0].line - 1]
    assert not path or _key(path) in line or new.splitlines()[-1] in line


def _key(path: str) -> str:
    return path.rsplit(".", 1)[-1].split("[", maxsplit=1)[0]


FINE = [
    ("holdout: 5", "holdout: 5%"),
    (FULL, "{name: full, set_weight: 10}"),  # the same weight, for more categories
    (FULL, "{name: full, set_weight: 95, eligible: {category: [billing]}}"),
    (TEN, "{name: ten, mode: assist, set_weight: 10, gate: [accepted_drafts, csat]}"),
    (TEN, "{name: ten, set_weight: 10, min_duration: 1d}"),  # a ladder step may last longer than it must
    (TEN, "{name: ten, set_weight: 10, min_duration: 1d, max_duration: 8d}"),
    (TEN, "{name: ten, set_weight: 10, gate: [errors, latency]}"),
    (HALF, "{name: half, set_weight: 50, min_duration: 7d}"),
    (HALF, "{name: half, set_weight: 50}"),  # as long as its gate takes
    (HALF, "{name: half, set_weight: 100, gate: [errors]}"),
    (CSAT, CSAT + "\n  first_response: {role: goal, improve: 40%}"),
    (CSAT, CSAT + "\n  latency: {ceiling: 20s}"),
    (CSAT, CSAT + "\n  agreement: {floor: 85%}"),
    (CSAT, CSAT + "\n  cost: {margin: 150%, cap: 50}"),
    (CSAT, CSAT + "\n  handle_time: {margin: 60}"),
    ("recontact_7d: {margin: 2pp}", "recontact_7d: {margin: 0.02}"),
    ("recontact_7d: {margin: 2pp}", "recontact_7d: {margin: 10%}"),
    ("monitors: [violations]", "monitors: [csat, recontact_7d, missed_escalation]"),
    ("unit: customer\n", "unit: customer\ncategories: [loans]\neligible: {category: [loans]}\n"),
    ("unit: customer\n", "unit: customer\neligible: {tier: [anything, goes]}\n"),
    ("unit: customer\n", "unit: customer\nfreeze: [2026-01-05/2026-01-09, 2026-01-10/2026-01-10]\n"),
]


@pytest.mark.parametrize(("old", "new"), FINE, ids=lambda value: str(value)[:60])
def test_what_fits_is_accepted(problems: Problems, old: str, new: str):
    assert [str(problem) for problem in problems(replaced(old, new))] == []


def test_a_slow_gate_names_the_fast_ones(problems: Problems):
    """The standing example: 48 hours on 5 percent cannot say anything about CSAT."""
    (problem,) = problems(replaced(CANARY, CANARY.replace("[escalation, violations]", "[csat]")))
    told = str(problem.suggestion)
    for fast in ("escalation", "violations", "errors", "latency"):
        assert fast in told
    for slow in ("recontact_7d", "recontact_2d"):
        assert slow not in told
    assert "as a monitor csat still screens for large harm" in told


def test_a_misspelt_name_is_pointed_at_rather_than_its_value(problems: Problems):
    text = BASE.replace("  csat: {margin: 0.15}", "  scat: {margin: 0.15}")
    (problem,) = problems(text)
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith("scat")


def test_a_mistake_in_one_place_hides_none_in_another(problems: Problems):
    """The plan cannot be read as a whole, the rest of it is checked all the same."""
    text = BASE.replace("set_weight: 10", "set_wieght: 10").replace("unit: customer", "unit: ticket")
    text = text.replace("[escalation, violations]", "[csat, violations]").replace(
        "set_weight: 95", "set_weight: 96"
    )
    assert [problem.path for problem in problems(text)] == [
        "unit",
        "steps[1].set_wieght",
        "steps[2].set_weight",
        "canary.steps[0].gate[0]",
    ]


def test_a_broken_agent_version_breaks_the_plan(problems: Problems, tmp_path, agents):
    from policies.files import check_files

    (tmp_path / "agents").mkdir()
    for manifest in agents.glob("*.yaml"):
        (tmp_path / "agents" / manifest.name).write_text("naem: answers\nversion: '1'\n")
    (tmp_path / "plan.yaml").write_text(BASE)
    (checked,) = check_files([tmp_path / "plan.yaml"])
    assert [problem.path for problem in checked.problems] == ["agent", "canary.agent"]
    assert "unknown key 'naem'; did you mean 'name'?" in str(checked.problems[0].suggestion)

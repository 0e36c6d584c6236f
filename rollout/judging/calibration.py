"""A judge beside people: agreement beyond chance, hits, false alarms, its own consistency. Pure.

Binary questions only, because gates count shares: is the reply *good* (right, in tone, within policy), and is
it *as good* as the person's (preferred, or a tie). A judge passes on what was asked; a part that cannot be
known with so few labels is a shortfall, never a pass.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from experiments.agreement import Agreement, Coefficient, agreement
from experiments.proportions import wilson

QUESTIONS: Final = ("good", "as_good")


@dataclass(frozen=True, slots=True)
class Bar:
    """What a judge has to reach. Ends of 95 % intervals, so that few labels do not pass by luck."""

    labels: int = 100
    """Pairs that people labelled and the judge judged, per question."""
    rarer: int = 20
    """Of them with the rarer label."""
    kappa: float = 0.6
    """Cohen's κ; with its lower end above ``kappa_lower``."""
    kappa_lower: float = 0.4
    sensitivity_lower: float = 0.7
    """Lower end of the share of good replies it calls good (TPR)."""
    specificity_lower: float = 0.7
    """Lower end of the share of bad ones it calls bad (TNR): what a gate is for."""
    consistency_lower: float = 0.7
    """Lower end of the share of pairs on which both orders say the same."""
    noise: float = 0.1
    """Most of the pairs judged again that may come out otherwise."""
    repeats: int = 20
    """Pairs judged again, at least."""
    decided: float = 0.8
    """Least share of pairs on which it has a mark at all, its orders agreeing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair by people and by the judge."""

    customer_id: str
    people: Mapping[str, float | None]
    """Per question 0 to 1, people's labels averaged; 0.5 or None is no label."""
    judge: Mapping[str, float | None]
    """Per question 1, 0 or None where it contradicted itself."""
    consistent: bool
    """Whether swapping the sides left its preference as it was."""
    again: bool | None = None
    """Judged a second time: whether it preferred the same; None where it was not."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % score interval; NaN without observations."""

    hits: int
    n: int
    value: float
    lower: float
    upper: float

    @classmethod
    def of(cls, hits: int, n: int) -> "Share":
        ends = wilson(hits, n)
        return cls(hits, n, hits / n if n else math.nan, ends.lower, ends.upper)


@dataclass(frozen=True, slots=True)
class Question:
    """One question, both sides."""

    name: str
    n: int
    rarer: int
    kappa: Agreement
    ac1: Agreement
    sensitivity: Share
    specificity: Share
    decided: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge did. ``shortfalls`` are all reasons why it is not calibrated; none means that it is."""

    rater: str
    pairs: int
    questions: tuple[Question, ...]
    consistency: Share
    stability: Share
    """Of pairs judged again, those that came out the same: one minus run-to-run noise."""
    bar: Bar
    shortfalls: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return not self.shortfalls

    def to_json(self) -> dict[str, Any]:
        return {**_finite(asdict(self)), "passed": self.passed}


def calibrate(rater: str, judged: Sequence[Judged], bar: Bar | None = None) -> Calibration:
    """Compare a judge with people.

    Args:
        rater: the judge's name; another model or rubric is another rater.
        judged: pairs that both have seen.
        bar: what it has to reach.

    """
    asked = bar or Bar()
    questions = tuple(_question(name, judged) for name in QUESTIONS)
    repeated = [one.again for one in judged if one.again is not None]
    found = Calibration(
        rater=rater,
        pairs=len(judged),
        questions=questions,
        consistency=Share.of(sum(one.consistent for one in judged), len(judged)),
        stability=Share.of(sum(repeated), len(repeated)),
        bar=asked,
    )
    return Calibration(
        found.rater,
        found.pairs,
        questions,
        found.consistency,
        found.stability,
        asked,
        tuple(_shortfalls(found)),
    )


def _question(name: str, judged: Sequence[Judged]) -> Question:
    labelled = [(one.people.get(name), one.judge.get(name), one.customer_id) for one in judged]
    known = [(float(p) > 0.5, j, c) for p, j, c in labelled if p is not None and p != 0.5]
    both = [(person, judge == 1, customer) for person, judge, customer in known if judge is not None]
    people = [person for person, _, _ in both]
    machine = [judge for _, judge, _ in both]
    customers = [customer for _, _, customer in both]
    good = sum(people)

    def coefficient(kind: Coefficient) -> Agreement:
        return agreement(
            np.array(machine, dtype=np.intp),
            np.array(people, dtype=np.intp),
            labels=2,
            cluster=customers,
            coefficient=kind,
        )

    hits = sum(person and judge for person, judge, _ in both)
    rejections = sum(not person and not judge for person, judge, _ in both)
    return Question(
        name,
        n=len(both),
        rarer=min(good, len(both) - good),
        kappa=coefficient(Coefficient.KAPPA),
        ac1=coefficient(Coefficient.AC1),
        sensitivity=Share.of(hits, good),
        specificity=Share.of(rejections, len(both) - good),
        decided=Share.of(len(both), len(known)),
    )


def _shortfalls(found: Calibration) -> Iterator[str]:
    bar = found.bar
    for one in found.questions:
        if one.n < bar.labels or one.rarer < bar.rarer:
            yield (
                f"{one.name}: {one.n} labelled pairs, {one.rarer} of the rarer label; "
                f"{bar.labels} and {bar.rarer} are needed"
            )
        if not (one.kappa.value >= bar.kappa and one.kappa.lower >= bar.kappa_lower):
            yield (
                f"{one.name}: κ {_told(one.kappa.value)} from {_told(one.kappa.lower)}; "
                f"{bar.kappa} from {bar.kappa_lower} is needed"
            )
        for name, share, least in (
            ("good replies found", one.sensitivity, bar.sensitivity_lower),
            ("bad replies found", one.specificity, bar.specificity_lower),
        ):
            if not share.lower >= least:
                yield f"{one.name}: {name} {_of(share)}; the lower end has to reach {least}"
        if not one.decided.value >= bar.decided:
            yield f"{one.name}: a mark for {_of(one.decided)} of the pairs; {bar.decided} is needed"
    if not found.consistency.lower >= bar.consistency_lower:
        yield (
            f"swapping sides leaves {_of(found.consistency)} as they were; "
            f"the lower end has to reach {bar.consistency_lower}"
        )
    if found.stability.n < bar.repeats:
        yield f"{found.stability.n} pairs were judged again; {bar.repeats} are needed"
    elif not 1 - found.stability.value <= bar.noise:
        yield f"judged again, {_told(1 - found.stability.value)} come out otherwise; at most {bar.noise} may"


def _told(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2f}"


def _of(share: Share) -> str:
    return f"{share.hits} of {share.n} (from {_told(share.lower)})"


def _finite(value: Any) -> Any:
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Plain sentences: a support leader understands them, a statistician does not wince."""

import math
from typing import Final

from experiments.verdict import Limit, Method, Question, Reason, Rules, State, Unit, Verdict

_UNITS: Final[dict[Unit, tuple[float, str]]] = {
    "points": (1.0, " points"),
    "rate": (100.0, " percentage points"),
    "usd": (1.0, " USD"),
    "seconds": (1.0, " s"),
    "count": (1.0, ""),
}

_BROKEN: Final[dict[Reason, str]] = {
    Reason.NOT_A_NUMBER: "the input contains values that are not numbers",
    Reason.SRM: "the arms received other shares of customers than the plan says",
    Reason.CROSSOVER: "too many customers were served by the other arm",
    Reason.DOUBLE_ASSIGNMENT: "tickets were assigned to more than one arm",
    Reason.UNEQUAL_ELIGIBILITY: "the arms differ in which tickets were let in",
    Reason.CONTROL_DRIFT: "the human arm itself has become worse, and no worse than it says little",
    Reason.CONTAMINATION: "the human arm waits longer for what the agent escalates",
    Reason.RESPONSE_RATE: "the arms answer the survey at different rates",
}

_SILENT: Final[dict[Reason, str]] = {
    Reason.NO_DATA: "there is nothing to compare yet in one of the arms",
    Reason.FEW_CLUSTERS: "too few customers carry the result, or a few of them dominate it",
    Reason.NO_VARIATION: "every observation is the same, which says nothing about the next one",
    Reason.NO_BASELINE: "the margin is a share of the human mean, and that is not above zero",
    Reason.NOT_IDENTIFIED: "customers who did not answer could hide a difference beyond the margin",
}


def amount(value: float | None, unit: Unit) -> str:
    """A size in the unit people use: 0.021 of a rate is ``2.1 percentage points``."""
    if value is None or not math.isfinite(value):
        return "an unknown amount"
    factor, name = _UNITS[unit]
    return f"{figure(abs(value) * factor)}{name}"


def figure(value: float) -> str:
    """Three significant digits, thousands separated, no exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def level(value: float | None, unit: Unit) -> str:
    """A mean in the unit people use: 0.182 of a rate is ``18.2 %``."""
    if value is None or not math.isfinite(value):
        return "unknown"
    return f"{figure(100 * value)} %" if unit == "rate" else f"{figure(value)}{_UNITS[unit][1]}"


def of_difference(verdict: Verdict, question: Question, rules: Rules) -> str:
    """One or two sentences on a comparison of arms."""
    opening, unit = f"{question.title}: ", question.unit
    nothing = _nothing_to_say(verdict)
    if nothing is not None:
        return opening + nothing
    opening += (
        f"{level(verdict.mean_treated, unit)} with {question.treated}, "
        f"{level(verdict.mean_control, unit)} with {question.control}; compared like with like "
        f"{question.treated} is {_direction(verdict.estimate, question)}"
    )
    margin, worst = amount(verdict.margin, unit), _worst(verdict, question)
    if verdict.state is State.PASS and rules.looks is not None and rules.looks.passed:
        return f"{opening}. It cleared the margin of {margin} at a planned look."
    if verdict.state is State.PASS:
        return f"{opening}. With {_confidence(rules)} it is {worst}; the margin is {margin}."
    if verdict.state is State.FAIL:
        plan_margin = None if verdict.margin is None else verdict.margin / question.scale
        return (
            f"{opening}, which is beyond the margin of {amount(plan_margin, unit)}. That it is worse at all "
            f"is not chance (error rate {figure(100 * rules.harm_share)} %)."
        )
    return opening + _undecided(verdict, question, rules)


def of_limit(verdict: Verdict, limit: Limit, rules: Rules) -> str:
    """One sentence on one arm's level against its floor or ceiling."""
    opening, unit = f"{limit.title}: ", limit.unit
    nothing = _nothing_to_say(verdict)
    if nothing is not None:
        return opening + nothing
    bound, side = ("ceiling", "above") if limit.better == "lower" else ("floor", "below")
    seen = f"{level(verdict.estimate, unit)} in {verdict.n_treated:,} observed"
    span = f"{level(verdict.lower, unit)} to {level(verdict.upper, unit)}"
    fixed = level(limit.limit, unit)
    if verdict.state is State.PASS:
        return f"{opening}{seen}; with {_confidence(rules)} not {side} the {bound} of {fixed} ({span})."
    if verdict.state is State.FAIL:
        return f"{opening}{seen}; {side} the {bound} of {fixed}, and that is not chance ({span})."
    return f"{opening}{seen}; the true level may be {span}, the {bound} is {fixed}.{_waiting(verdict)}"


def of_band(verdict: Verdict, limit: Limit, band: tuple[float, float], rules: Rules) -> str:
    """One sentence on one arm's rate against the band it must stay in."""
    nothing = _nothing_to_say(verdict)
    if nothing is not None:
        return f"{limit.title}: {nothing}"
    allowed = " to ".join(level(end, limit.unit) for end in band)
    span = f"{level(verdict.lower, limit.unit)} to {level(verdict.upper, limit.unit)}"
    seen = f"{limit.title}: {level(verdict.estimate, limit.unit)} in {verdict.n_treated:,} observed"
    if verdict.state is State.PASS:
        return f"{seen}; with {_confidence(rules)} inside the band of {allowed} ({span})."
    if verdict.state is State.FAIL:
        return f"{seen}; outside the band of {allowed}, and that is not chance ({span})."
    return f"{seen}; the true level may be {span}, the band is {allowed}.{_waiting(verdict)}"


def of_goal(verdict: Verdict, question: Question, rules: Rules) -> str:
    """One sentence on whether a goal metric improved as much as the plan hopes."""
    nothing = _nothing_to_say(verdict)
    if nothing is not None:
        return f"{question.title}: {nothing}"
    unit, goal = question.unit, amount(verdict.margin, question.unit)
    seen = (
        f"{question.title}: {level(verdict.mean_treated, unit)} with {question.treated}, "
        f"{level(verdict.mean_control, unit)} with {question.control}; compared like with like "
        f"{question.treated} is {_direction(verdict.estimate, question)}"
    )
    if verdict.state is State.PASS:
        sure = f"with {_confidence(rules)} it is {_worst(verdict, question)}"
        return f"{seen}, which meets the goal of {goal}; {sure}."
    if verdict.state is State.FAIL:
        return f"{seen}; that the goal of {goal} is missed is not chance."
    return f"{seen}; whether it reaches the goal of {goal} cannot be said yet.{_waiting(verdict)}"


def _undecided(verdict: Verdict, question: Question, rules: Rules) -> str:
    """How a comparison that was made but settles nothing ends."""
    margin = amount(verdict.margin, question.unit)
    if verdict.reason is Reason.NOT_YET:
        one = rules.method is Method.FIXED_HORIZON
        which = "the one look this plan allows" if one else "the next of the plan's looks"
        return f"; {which} has not come.{_waiting(verdict)}"
    if verdict.reason is Reason.LOOKS_SPENT:
        return (
            f". The looks this plan allows are used up and none cleared the margin of {margin}; "
            "waiting longer cannot help, a person decides."
        )
    worst = _worst(verdict, question)
    return (
        f", but the data do not yet rule out that it is {worst}; the margin is {margin}.{_waiting(verdict)}"
    )


def _nothing_to_say(verdict: Verdict) -> str | None:
    """The sentence's end where there is no number to show; None where there is."""
    if verdict.state is State.INVALID:
        return f"no verdict, because {_BROKEN[verdict.reason]}.{_causes(verdict)}"
    if verdict.reason in _SILENT:
        return f"no verdict yet: {_SILENT[verdict.reason]}.{_waiting(verdict)}"
    if verdict.estimate is None or verdict.lower is None:
        why = "no outcome is old enough to count" if verdict.immature else "there are too few observations"
        return f"no verdict yet: {why}.{_waiting(verdict)}"
    return None


def _direction(effect: float | None, question: Question) -> str:
    if effect is None:
        return "not comparable yet"
    good = effect > 0 if question.better == "higher" else effect < 0
    return "level" if effect == 0 else f"{amount(effect, question.unit)} {'better' if good else 'worse'}"


def _worst(verdict: Verdict, question: Question) -> str:
    end = verdict.lower if question.better == "higher" else verdict.upper
    if end is None:
        return "worse by any amount"
    worse = end < 0 if question.better == "higher" else end > 0
    if not worse:
        return f"at least {amount(end, question.unit)} better"
    return f"{'at most' if verdict.passed else 'as much as'} {amount(end, question.unit)} worse"


def _confidence(rules: Rules) -> str:
    whenever = ", however often one looks," if rules.method is Method.SEQUENTIAL else ""
    return f"{figure(100 * (1 - rules.alpha))} % confidence{whenever}"


def _causes(verdict: Verdict) -> str:
    return f" Likely causes: {'; '.join(verdict.causes)}." if verdict.causes else ""


def _waiting(verdict: Verdict) -> str:
    parts = []
    if verdict.immature:
        since = f", the next closes {verdict.mature_from}" if verdict.mature_from else ""
        last = f", the last {verdict.provisional_until}" if verdict.provisional_until else ""
        parts.append(f" {verdict.immature:,} outcomes are still open{since}{last}.")
    if verdict.needed_days is not None and verdict.needed_tickets is not None and verdict.needed_days > 0:
        if math.isfinite(verdict.needed_days):
            tickets, days = math.ceil(verdict.needed_tickets), math.ceil(verdict.needed_days)
            parts.append(
                f" If there is no difference, expect a pass after {tickets:,} more tickets ({days:,} days)."
            )
        else:
            parts.append(" At this weight and volume it can never be decided.")
    return "".join(parts)

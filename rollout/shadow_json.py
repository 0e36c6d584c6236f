"""The public form of what a shadow teaches, with a sentence under every picture. NaN becomes null."""

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from experiments.agreement import Coefficient
from experiments.thresholds import Undecided

if TYPE_CHECKING:
    from experiments.shares import Share
    from experiments.thresholds import ThresholdPoint
    from rollout.shadow_reading import RaterAgreement, ShadowReading

_WHY: Final[Mapping[Undecided, str]] = {
    Undecided.NO_LABELS: "nobody has said yet which tickets needed a human",
    Undecided.FEW_CUSTOMERS: "too few customers stand behind the reviews",
    Undecided.NONE_NEEDED: "too few reviewed tickets needed a human, so what missing one costs "
    "cannot be weighed",
    Undecided.ALL_NEEDED: "nearly every reviewed ticket needed a human",
    Undecided.ONE_CONFIDENCE: "the agent states the same confidence on every ticket, so no threshold "
    "tells two apart",
}
_NAMES: Final[Mapping[Coefficient, str]] = {
    Coefficient.KAPPA: "Cohen's kappa",
    Coefficient.AC1: "Gwet's AC1",
    Coefficient.ALPHA: "Krippendorff's alpha",
}
_GUESS: Final = "No person has rated a reply: this repeats what rules guessed and is no evidence. "


def shadow_to_json(read: "ShadowReading") -> dict[str, Any]:
    """Shares are 0 to 1 and weighted by one over the chance of review; ``n`` counts reviews, unweighted."""
    labels = read.labels
    return {
        "version": read.version,
        "basis": "people" if labels.by_people else "heuristic" if len(labels.ratings.reply) else "none",
        "compared": labels.compared,
        "rated": labels.rated,
        "dropped": dict(labels.dropped),
        "missed_cost": read.missed_cost,
        "missed_cost_declared": read.declared,
        "sentence": _counts(read),
        "escalation": _escalation(read),
        "reliability": _reliability(read),
        "thresholds": _thresholds(read),
        "agreement": [_agreement(each) for each in read.agreement],
        "sql": labels.sql,
    }


def _counts(read: "ShadowReading") -> str:
    labels = read.labels
    said = f"{labels.rated:,} of {labels.compared:,} compared replies are rated by people."
    if labels.dropped:
        parts = ", ".join(f"{count:,} {reason}" for reason, count in labels.dropped.items())
        said += f" Dropped and counted: {parts}."
    return said


def _escalation(read: "ShadowReading") -> dict[str, Any]:
    found = read.matrix
    cells = [
        (True, True, found.both),
        (False, True, found.missed),
        (True, False, found.needless),
        (False, False, found.neither),
    ]
    caught, rightly = found.sensitivity, found.specificity
    said = (
        f"Of the tickets that needed a human the agent would have handed over {_span(caught)}, "
        f"of the others it would have answered {_span(rightly)}."
        if caught.known and rightly.known
        else "Too few reviewed tickets of both kinds to say whether the agent hands over the right ones."
    )
    return {
        "n": found.n,
        "cells": [
            {"agent_escalated": agent, "human_needed": needed, "n": cell.n, "share": _number(cell.share)}
            for agent, needed, cell in cells
        ],
        "sensitivity": _share(found.sensitivity),
        "specificity": _share(found.specificity),
        "precision": _share(found.precision),
        "missed_of_answered": _share(found.missed_of_answered),
        "sentence": _marked(read, said),
    }


def _reliability(read: "ShadowReading") -> dict[str, Any]:
    found = read.calibration
    said = "Too few rated answers with a stated confidence to say whether it means anything."
    if found.overall.known:
        said = (
            f"{_percent(found.overall.value)} of {found.n:,} rated answers were good where the agent stated "
            f"{_percent(found.confidence)} on average. By bins its confidence is off by "
            f"{found.error * 100:.1f} points; chance alone would show some {found.error_by_chance * 100:.1f}."
        )
    brier = found.brier
    return {
        "n": found.n,
        "bins": [
            {"low": part.low, "high": part.high, "confidence": part.confidence, **_share(part.good)}
            for part in found.bins
        ],
        "error": _number(found.error),
        "error_by_chance": _number(found.error_by_chance),
        "brier": {
            name: _number(getattr(brier, name))
            for name in ("score", "reliability", "resolution", "uncertainty", "within")
        },
        "confidence": _number(found.confidence),
        "good": _share(found.overall),
        "sentence": _marked(read, said),
    }


def _thresholds(read: "ShadowReading") -> dict[str, Any]:
    found = read.thresholds
    best = found.best if read.labels.by_people else None
    return {
        "n": found.n,
        "rows": [_point(point) for point in found.points] if found.n else [],
        "best": None if best is None else best.threshold,
        "low": _number(found.low) if best is not None else None,
        "high": _number(found.high) if best is not None else None,
        "undecided": None if found.undecided is None else found.undecided.value,
        "sentence": _marked(read, _price(read, best)),
    }


def _price(read: "ShadowReading", best: "ThresholdPoint | None") -> str:
    found = read.thresholds
    price = f"a missed escalation costs {read.missed_cost:g} needless ones"
    price += "" if read.declared else " (assumed: the plan states no missed_cost)"
    if found.undecided is not None:
        return f"No threshold can be called the cheapest: {_WHY[found.undecided]}."
    if best is None:
        return "Rules' guesses price no threshold."
    answered = f"At {best.threshold:.2f} the agent would answer {_percent(best.answered)} of the tickets"
    wrong = best.missed_of_answered
    if wrong.known:
        answered += (
            f"; {_hundred(wrong.value)} of 100 answered should have gone to a human (95 %: "
            f"{_hundred(wrong.lower)} to {_hundred(wrong.upper)})"
        )
    where = (
        f"cheapest at {found.low:.2f}"
        if found.low == found.high
        else f"cheapest between {found.low:.2f} and {found.high:.2f}"
    )
    return f"{answered}; {where} where {price}."


def _point(point: "ThresholdPoint") -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "answered": _number(point.answered),
        "good": _number(point.good.value),
        "good_lower": _number(point.good.lower),
        "missed": _number(point.missed),
        "needless": _number(point.needless),
        "missed_of_answered": _number(point.missed_of_answered.value),
        "cost": _number(point.cost),
        "tied": point.tied,
    }


def _agreement(each: "RaterAgreement") -> dict[str, Any]:
    found, name = each.found, _NAMES[each.coefficient]
    said = f"{each.between} on {each.on}: "
    if isnan(found.value):
        said += f"unknown, with {found.n:,.0f} replies rated by " + (
            "two people" if each.between == "people" else "both"
        )
    else:
        said += (
            f"{name} {found.value:.2f} ({found.lower:.2f} to {found.upper:.2f}); "
            f"{_percent(found.observed)} agree where chance would bring {_percent(found.expected)}"
        )
    return {
        "between": each.between,
        "on": each.on,
        "coefficient": each.coefficient.value,
        "value": _number(found.value),
        "lower": _number(found.lower),
        "upper": _number(found.upper),
        "observed": _number(found.observed),
        "expected": _number(found.expected),
        "n": found.n,
        "customers": found.clusters,
        "sentence": f"{said[:1].upper()}{said[1:]}.",
    }


def _marked(read: "ShadowReading", said: str) -> str:
    """The sentence, behind a warning where it rests on rules' guesses."""
    guessed = not read.labels.by_people and len(read.labels.ratings.reply)
    return f"{_GUESS}{said}" if guessed else said


def _share(found: "Share") -> dict[str, Any]:
    return {
        "value": _number(found.value),
        "lower": _number(found.lower),
        "upper": _number(found.upper),
        "n": found.n,
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else value


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _hundred(share: float) -> str:
    return f"{share * 100:.1f}" if share < 0.1 else f"{share * 100:.0f}"


def _span(found: "Share") -> str:
    return f"{_percent(found.value)} ({_percent(found.lower)} to {_percent(found.upper)})"

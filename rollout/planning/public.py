"""A forecast in its public form: what ``ridealong plan --json`` prints and the drawings are made of."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from policies.vocabulary import METRICS
from rollout.planning.demands import Demand, Difference
from rollout.planning.figures import Figure, MetricFacts
from rollout.planning.forecast import Forecast, StepForecast, TrackForecast
from rollout.planning.remedies import Undecidable


def to_json(found: Forecast, source: str) -> dict[str, Any]:
    """Days count from the step's entry, dates are ISO 8601; null days are never reached."""
    plan = found.plan
    return {
        "workflow": plan.workflow,
        "tenant": plan.tenant,
        "source": source,
        "start": found.start.isoformat(),
        "alpha": plan.inference.alpha,
        "assurance": found.assurance,
        "method": plan.inference.method,
        "figures": _figures(found),
        "notes": list(found.desk.notes),
        "tracks": [_track(found, track) for track in found.tracks],
        "undecidable": [_refused(each) for each in found.undecidable],
    }


def _figures(found: Forecast) -> dict[str, Any]:
    desk = found.desk
    return {
        "tickets_per_day": {
            step: _figure(figure) | {"eligible_share": desk.eligible_share.get(step)}
            for step, figure in desk.volume.items()
        },
        "metrics": {metric: _metric(facts) for metric, facts in desk.metrics.items()},
    }


def _metric(facts: MetricFacts) -> dict[str, Any]:
    parts = {"mean": facts.mean, "sd": facts.sd, "carried": facts.carried, "deff": facts.design_effect}
    return {name: _figure(figure) for name, figure in parts.items()}


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "origin": figure.origin.value, "note": figure.note}


def _track(found: Forecast, track: TrackForecast) -> dict[str, Any]:
    assurances = sorted(track.steps[0].ranges)
    return {
        "track": track.name,
        "beside": track.beside,
        "steps": [_step(found, step) for step in track.steps],
        "total": {f"{assurance:g}": _when(found, 0.0, track.total(assurance)) for assurance in assurances},
    }


def _step(found: Forecast, step: StepForecast) -> dict[str, Any]:
    rung, stay = step.rung, step.stay
    return {
        "name": rung.name,
        "mode": rung.step.mode.value,
        "weight": float(rung.step.weight),
        "compared_per_day": rung.tickets_per_day,
        "treated_share": rung.share,
        "margin_scale": rung.step.margin_scale,
        "approval": rung.step.approval,
        "consecutive_passes": rung.step.consecutive_passes,
        "min_days": rung.min_days,
        "max_days": rung.max_days,
        "entered_day": stay.entered,
        "gate_days": _finite(stay.gate_days),
        "left": {f"{each:g}": _when(found, there.entered, there.left) for each, there in step.ranges.items()},
        "slowest": stay.slowest,
        "metrics": [_row(found, step, demand) for demand in rung.gate],
        "what_if": None
        if step.what_if is None
        else {"weight": step.what_if.weight, "days": _finite(step.what_if.days)},
        "moves": asdict(step.moves),
        "screens": [asdict(screen) | {"harm": _finite(screen.harm)} for screen in step.screens],
        "sentence": step.sentence,
    }


def _row(found: Forecast, step: StepForecast, demand: Demand) -> dict[str, Any]:
    stay, metric = step.stay, METRICS[demand.metric]
    wait, lag = stay.waits[demand.metric], metric.lag_hours / 24
    relative = demand.relative if isinstance(demand, Difference) else None
    return {
        "metric": demand.metric,
        "against": "control" if isinstance(demand, Difference) else "limit",
        "margin": demand.margin,
        "relative": None if relative is None else relative * step.rung.step.margin_scale,
        "mde_min": _finite(step.mde(demand, step.rung.min_days)),
        "mde_max": _finite(step.mde(demand, step.rung.max_days)),
        "lag_days": lag,
        "chance": step.chance,
        "needed_tickets": _finite(max(wait - lag, 0.0) * step.rung.tickets_per_day),
        "needed_days": _finite(wait),
        "needed": {
            f"{each:g}": _when(found, there.entered, there.waits[demand.metric])
            for each, there in step.ranges.items()
        },
    }


def _when(found: Forecast, entered: float, days: float) -> Mapping[str, Any]:
    date = found.calendar.date(entered + days) if math.isfinite(days) else None
    return {"days": _finite(days), "date": None if date is None else date.isoformat()}


def _refused(each: Undecidable) -> dict[str, Any]:
    stay = each.stay
    return {
        "track": stay.rung.track,
        "step": stay.rung.name,
        "metric": each.demand.metric,
        "needed_days": _finite(each.days),
        "max_days": stay.rung.max_days,
        "remedies": asdict(each.remedies),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

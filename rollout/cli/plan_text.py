"""A forecast for a terminal: bars per step, a table per gate, and the figures it all rests on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.vocabulary import METRICS
from rollout.planning.words import days, level, size

_BAR: Final = 48
_UNITS: Final = {"ladder": "eligible customers", "canary": "the agent's customers"}
_HEADINGS: Final = (
    "metric",
    "margin",
    "MDE at min",
    "MDE at max",
    "tickets",
    "50 %",
    "plan",
    "90 %",
    "decided",
)


def plan_text(told: Mapping[str, Any]) -> str:
    """The public form of a forecast as text."""
    power = f"{told['assurance']:g}"
    lines = [
        f"{told['workflow']}: forecast from {told['start'][:10]}, were the agent as good as the humans",
        f"judged by {told['source']}; α = {told['alpha']:g}, {told['method']}",
        f"dates with {_share(told['assurance'])} assurance for the whole gate; ranges 50 to 90 %",
    ]
    for track in told["tracks"]:
        lines += ["", *_track(track, power)]
    lines += ["", *_refused(told["undecidable"]), *_figures(told)]
    return "\n".join(lines)


def _track(track: Mapping[str, Any], power: str) -> Iterator[str]:
    beside = f" (inside the agent's share at step {track['beside']})" if track["beside"] else ""
    total = track["total"]
    yield (
        f"{track['track'].upper()}{beside}: {days(total[power]['days'])} in all,"
        f" {days(total['0.5']['days'])} to {days(total['0.9']['days'])}; done by {_date(total[power])}"
    )
    yield from _gantt(track["steps"], power)
    for step in track["steps"]:
        yield ""
        yield from _step(step, power, track["track"])


def _gantt(steps: Sequence[Mapping[str, Any]], power: str) -> Iterator[str]:
    """``█`` the gate needs it, ``░`` it only waits for min_duration, ``·`` up to the 90 % date."""
    lengths = [_length(step, power) for step in steps]
    tails = [
        max((step["left"]["0.9"]["days"] or 0.0) - length, 0.0)
        for step, length in zip(steps, lengths, strict=True)
    ]
    ends = [sum(lengths[: index + 1]) + tail for index, tail in enumerate(tails)]
    scale = _BAR / max(*ends, 1e-9) if len(ends) > 1 else _BAR / max(ends[0], 1e-9)
    width = max(len(step["name"]) for step in steps)
    day = 0.0
    for step, length, tail in zip(steps, lengths, tails, strict=True):
        needed = min(step["gate_days"] if step["gate_days"] is not None else length, length)
        cells = max(round((day + length) * scale) - round(day * scale), 1)
        full = min(round(needed * scale), cells) if length > 0 else cells
        bar = " " * round(day * scale) + "█" * full + "░" * (cells - full) + "·" * round(tail * scale)
        left = step["left"][power]
        slowest = f", waits for {step['slowest']}" if step["slowest"] and needed >= step["min_days"] else ""
        yield f"  {step['name']:<{width}} |{bar:<{_BAR + 2}}| {days(left['days'])}{slowest}"
        day += length
    yield f"  {'':<{width}}  █ until its gate passes   ░ waits for min_duration or a freeze   · until 90 %"


def _length(step: Mapping[str, Any], power: str) -> float:
    known = step["left"][power]["days"]
    return float(known if known is not None else step["max_days"] or step["min_days"])


def _step(step: Mapping[str, Any], power: str, track: str) -> Iterator[str]:
    weight = "" if step["mode"] == "shadow" else f" {step['weight']:g} %"
    longest = f" to {days(step['max_days'])}" if step["max_days"] is not None else ""
    treated, other = 100 * step["treated_share"], 100 - 100 * step["treated_share"]
    compared = f"{step['compared_per_day']:,.0f} tickets a day"
    compared += f", {treated:.3g} against {other:.3g}" if step["mode"] != "shadow" else " answered unseen"
    yield f"{step['name']}{weight} ({step['mode']}), {days(step['min_days'])}{longest}; {compared}"
    yield from (f"  {line}" for line in _table(step, power))
    left = step["left"]
    then = ", then a person approves" if step["approval"] else ""
    yield (
        f"  left {_date(left[power])} ({_date(left['0.5'])} to {_date(left['0.9'])}){then};"
        f" slowest: {step['slowest'] or 'none, all is known on entry'}"
    )
    what_if = step["what_if"]
    if what_if is not None:
        now = days(step["gate_days"])
        yield f"  at {what_if['weight']:g} % its gate would take {days(what_if['days'])} instead of {now}"
    if step["mode"] != "shadow":
        yield f"  {_moves(step['moves'], track)}"
    if step["sentence"]:
        yield f"  {step['sentence']}"


def _table(step: Mapping[str, Any], power: str) -> Iterator[str]:
    rows = [_cells(row, power) for row in step["metrics"]]
    widths = [max(len(cell) for cell in column) for column in zip(_HEADINGS, *rows, strict=True)]
    for cells in (_HEADINGS, *rows):
        first, *others = zip(cells, widths, strict=True)
        yield "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _cells(row: Mapping[str, Any], power: str) -> tuple[str, ...]:
    metric, needed = row["metric"], row["needed"]
    difference = row["against"] == "control"
    margin = size(row["margin"], metric) if difference else f"limit {level(row['margin'], metric)}"
    if row["relative"] is not None:
        margin += f" ({row['relative']:.3g} of the mean)"
    tickets = "never" if row["needed_tickets"] is None else f"{row['needed_tickets']:,.0f}"
    return (
        metric,
        margin,
        size(row["mde_min"], metric),
        size(row["mde_max"], metric),
        tickets,
        *(days(needed[chance]["days"]) for chance in ("0.5", power, "0.9")),
        _date(needed[power]),
    )


def _moves(moves: Mapping[str, Any], track: str) -> str:
    who = _UNITS[track]
    other = "people" if track == "ladder" else "the stable version"
    holdout = f" ({moves['holdout']:g} % holdout)" if moves["holdout"] else ""
    text = (
        f"moves {moves['entering']:g} % of {who} to the {'agent' if track == 'ladder' else 'update'},"
        f" {moves['staying']:g} % stay there, {moves['leaving']:g} % leave,"
        f" {moves['people']:g} % stay with {other}{holdout}"
    )
    if moves["widened"]:
        text += f"; more tickets are eligible by {', '.join(moves['widened'])}"
    if moves["narrowed"]:
        text += f"; fewer tickets are eligible by {', '.join(moves['narrowed'])}, those go to people"
    return text


def _refused(undecidable: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in undecidable:
        yield (
            f"NOT DECIDABLE: {each['step']} has {days(each['max_days'])}, {each['metric']} needs"
            f" {days(each['needed_days'])}; `ridealong check` says what would help"
        )
    if undecidable:
        yield ""


def _figures(told: Mapping[str, Any]) -> Iterator[str]:
    yield "WHAT THIS RESTS ON (observed > declared > assumed)"
    yield from _volumes(told["figures"]["tickets_per_day"])
    yield ""
    rows = [("metric", "mean", "sd", "carried by", "design effect", "where from")]
    for metric, facts in told["figures"]["metrics"].items():
        origins = dict.fromkeys(_origin(facts[name]) for name in ("mean", "carried", "deff"))
        rows.append(
            (
                metric,
                level(facts["mean"]["value"], metric),
                f"{facts['sd']['value']:.3g}" if METRICS[metric].unit != "rate" else "–",
                f"{facts['carried']['value']:.0%}",
                f"{facts['deff']['value']:.2f}",
                "; ".join(origins),
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from (f"  note: {note}" for note in told["notes"])


def _volumes(figures: Mapping[str, Any]) -> Iterator[str]:
    """Steps of equal volume on one line."""
    lines: dict[str, list[str]] = {}
    for step, figure in figures.items():
        share = figure["eligible_share"]
        of_all = "" if share is None else f", {share:.0%} of all tickets"
        said = f"{figure['value']:,.1f} eligible tickets a day, {_origin(figure)}{of_all}"
        lines.setdefault(said, []).append(step)
    yield from (f"  {', '.join(steps)}: {said}" for said, steps in lines.items())


def _origin(figure: Mapping[str, Any]) -> str:
    return f"{figure['origin']} ({figure['note']})" if figure["note"] else str(figure["origin"])


def _date(when: Mapping[str, Any]) -> str:
    return str(when["date"])[:10] if when["date"] else "never"


def _share(value: float) -> str:
    return f"{value * 100:g} %"

"""The report of a knowledge evaluation: a page and a picture, made of its figures only."""

from collections.abc import Iterator
from typing import Final

from rollout.trials.knowledge_eval import KnowledgeEval, Point, Rate

_FEW: Final = 10
"""Answers with a citation below which a share says nothing."""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 320, 60, 50
_APART: Final = 40
"""Between two labels, so that they can be read."""
_STYLE: Final = "font-family='sans-serif' font-size='12' fill='#444'"
_MIDDLE: Final = f"text-anchor='middle' {_STYLE}"


def page(found: KnowledgeEval, picture: str) -> str:
    """Markdown; ``picture`` is the file name of the drawing beside it."""
    return "\n".join([*_head(found), *_hits(found), *_answers(found, picture), *_reading(found)]) + "\n"


def _head(found: KnowledgeEval) -> Iterator[str]:
    yield "# Knowledge: how often the right article is found"
    yield ""
    yield (
        f"Written by `scripts/knowledge_eval` from the threads of a public support forum (`{found.name}`): "
        f"{found.tickets:,} tickets, {found.articles:,} articles. People of the desk cited an article that "
        f"is known in {found.cited:,} of them. Only these can tell whether a search hit, and only against "
        f"what "
        "people happened to cite: another article may have been as good. Intervals are of 95 %."
    )
    yield ""


def _hits(found: KnowledgeEval) -> Iterator[str]:
    yield "## Search beside the articles cited most"
    yield ""
    yield "| at | search | cited most until then | cited most at all | only search | only until then |"
    yield "|---|---|---|---|---|---|"
    for one in found.hits:
        yield (
            f"| {one.rank} | {_rate(one.search)} | {_rate(one.most_cited)} | {_rate(one.hindsight)} "
            f"| {one.only_search:,} "
            f"| {one.only_most_cited:,} |"
        )
    yield ""
    yield (
        "A ticket is hit *at* 3 if one of the first 3 articles is among those people cited. The rivals "
        "read no "
        "ticket. *Cited most until then* names the articles that people had cited most often before the "
        "ticket was opened, and at first has nothing to name. *Cited most at all* knows the whole "
        "export in advance, which nobody does; it is the most that popularity alone could give. The last "
        "two "
        "columns count tickets that search, or the first rival, hits alone."
    )
    yield ""


def _answers(found: KnowledgeEval, picture: str) -> Iterator[str]:
    yield "## What the extractive agent answers, and when it abstains"
    yield ""
    yield (
        f"Of {found.sample:,} tickets `{found.version.split('+')[0]}` at its shipped thresholds answers "
        f" {_rate(found.answered)}. Of its answers where people cited something, "
        f"{_rate(found.precision)} quote one of these articles."
    )
    yield ""
    yield f"![Coverage against precision]({picture})"
    yield ""
    yield "| withheld below a confidence of | answered | of them quoting a cited article |"
    yield "|---|---|---|"
    for point in found.curve:
        yield f"| {point.confidence:.2f} | {_rate(point.coverage)} | {_enough(point.precision)} |"
    yield ""
    yield "| first reason of a hand-off | tickets |"
    yield "|---|---|"
    yield from (f"| `{reason}` | {number:,} |" for reason, number in found.reasons.items())
    yield ""
    handed = sum(found.reasons.values())
    yield (
        f"{found.abstained:,} of {handed:,} hand-offs are abstentions: it did not know, or the rules that "
        f"guard "
        "it were not written for the language. The others a person has to take whatever anybody knows."
    )
    yield ""


def _reading(found: KnowledgeEval) -> Iterator[str]:
    one, five = found.hits[0], found.hits[-1]
    yield "## How to read it"
    yield ""
    better = [hits.rank for hits in found.hits if _ahead(hits.search, hits.hindsight)]
    told = (
        f"is ahead of popularity, even with hindsight, at {_list(better)}"
        if better
        else "is nowhere ahead of popularity with hindsight"
    )
    yield (
        f"- The search {told}. It is lexical: a question in other words than the article's is not found, "
        f"and in "
        f"{_percent(1 - (five.search.value or 0))} of tickets none of the cited articles is among the "
        f"first "
        f"{five.rank}."
    )
    yield (
        f"- An agent that answered everything from the first article would quote what people cited in "
        f"{_percent(one.search.value)} of tickets, and something else in the others."
    )
    yield (
        "- A higher threshold buys precision with coverage as far as the curve rises; where it is flat, "
        "confidence tells nothing more. Confidence is a rank and no probability."
    )
    yield (
        "- Search and thresholds were developed with this forum at hand, and its articles are of one "
        "moment: "
        "elsewhere, and on tickets to come, expect less. Measure your own desk with `ridealong replay`."
    )
    yield "- A hosted model changes what is made of passages; it finds others only by other queries."


def _rate(rate: Rate) -> str:
    if rate.value is None or rate.lower is None or rate.upper is None:
        return "unknown"
    return f"{rate.value:.1%} [{rate.lower:.1%}, {rate.upper:.1%}] of {rate.n:,}"


def _enough(rate: Rate) -> str:
    return _rate(rate) if rate.n >= _FEW else f"too few ({rate.n})"


def _percent(value: float | None) -> str:
    return "an unknown share" if value is None else f"{value:.1%}"


def _ahead(one: Rate, other: Rate) -> bool:
    return (one.value or 0.0) > (other.value or 0.0)


def _list(ranks: list[int]) -> str:
    *some, last = map(str, ranks)
    return f"{', '.join(some)} and {last}" if some else last


def drawing(found: KnowledgeEval) -> str:
    """An SVG: share answered across, share of answers that quote a cited article upwards."""
    known = [point for point in found.curve if point.precision.n >= _FEW]
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img'>",
        "<title>Tickets answered against answers that quote an article people cited</title>",
        f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='white'/>",
    ]
    for step in range(6):
        share = step / 5
        x, y = _across(share), _up(share)
        lines += [
            f"<line x1='{_LEFT}' x2='{_WIDTH - 20}' y1='{y:.0f}' y2='{y:.0f}' stroke='#e5e5e5'/>",
            f"<text x='{_LEFT - 8}' y='{y + 4:.0f}' text-anchor='end' {_STYLE}>{share:.0%}</text>",
            f"<text x='{x:.0f}' y='{_HEIGHT - _BOTTOM + 18}' {_MIDDLE}>{share:.0%}</text>",
        ]
    for point in known:
        x = _across(point.coverage.value or 0.0)
        low, high = _up(point.precision.lower or 0.0), _up(point.precision.upper or 0.0)
        lines.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{low:.1f}' y2='{high:.1f}' stroke='#9ecae1'/>")
    path = " ".join(f"{_across(point.coverage.value or 0.0):.1f},{_y(point):.1f}" for point in known)
    lines.append(f"<polyline points='{path}' fill='none' stroke='#08519c' stroke-width='2'/>")
    labelled = float(_WIDTH)
    for point in known:
        x = _across(point.coverage.value or 0.0)
        lines.append(f"<circle cx='{x:.1f}' cy='{_y(point):.1f}' r='3' fill='#08519c'/>")
        if round(point.confidence * 100) % 10 == 0 and abs(labelled - x) > _APART:
            labelled = x
            label = f"<text x='{x + 6:.1f}' y='{_y(point) - 6:.1f}' {_STYLE}>{point.confidence:.1f}</text>"
            lines.append(label)
    lines += [
        f"<text x='{_WIDTH / 2:.0f}' y='{_HEIGHT - 10}' {_MIDDLE}>tickets answered</text>",
        f"<text x='{_LEFT}' y='14' {_STYLE}>answers that quote a cited article, by least confidence</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _across(share: float) -> float:
    return _LEFT + share * (_WIDTH - 20 - _LEFT)


def _up(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - 24)


def _y(point: Point) -> float:
    return _up(point.precision.value or 0.0)

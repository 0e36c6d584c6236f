"""The weekly report as one HTML file: nothing to fetch, nothing to run, prints, light and dark."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from rollout import report_svg as svg
from rollout.weekly import MATURING, Weekly

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Whatever got into the page, a browser fetches nothing and runs nothing."""
_STYLE: Final = """
:root{--ink:#22303c;--soft:#5d6b78;--line:#dde3e8;--paper:#fff;--card:#f7f9fb;--blue:#2e86c1;
--grey:#868e98;--green:#1b9e77;--red:#cc4b2c;--orange:#c27a14;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#d5dce3;--soft:#9aa7b3;--line:#34404b;--paper:#12181e;
--card:#1a222a}}body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:0 auto;max-width:46rem;padding:2rem 1.2rem}h1{font-size:1.5rem;margin:0}h2{font-size:1.25rem;
margin:2.4rem 0 .2rem}h3{font-size:1rem;margin:1.6rem 0 .3rem}p{margin:.3rem 0}.soft{color:var(--soft);
font-size:.88rem}.chip{border-radius:1rem;padding:.1rem .6rem;font-size:.85rem;color:#fff;
background:var(--grey)}.PROMOTE,.PASS{background:#157a5c}.ROLL_BACK,.FAIL{background:#b23c1f}
.HOLD,.INCONCLUSIVE{background:#8f5a0c}.decide{background:var(--card);border-left:4px solid var(--blue);
padding:.7rem 1rem;border-radius:.3rem}.decide ul{margin:.2rem 0;padding-left:1.1rem}table{
border-collapse:collapse;width:100%;font-size:.85rem;margin:.5rem 0}td,th{padding:.25rem .5rem;
text-align:left;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:break-word}th{
color:var(--soft);font-weight:600}svg{width:100%;height:auto;margin:.4rem 0}svg text{fill:var(--ink);
font-size:13px}svg .small{font-size:11px;fill:var(--soft)}svg .value{font-weight:600}svg line{
stroke:var(--grey);stroke-width:3}svg circle{fill:var(--grey)}svg .zero{stroke-width:1;
stroke-dasharray:3 3}svg .margin{stroke:var(--red);stroke-width:1.5}svg line.bar{stroke:var(--blue)}
svg circle.bar{fill:var(--blue)}svg line.pass{stroke:var(--green)}svg circle.pass{fill:var(--green)}
svg line.fail{stroke:var(--red)}svg circle.fail{fill:var(--red)}svg line.inconclusive{
stroke:var(--orange)}svg circle.inconclusive{fill:var(--orange)}rect.done{fill:var(--blue)}rect.here{
fill:var(--blue);stroke:var(--ink);stroke-width:2}rect.todo{fill:var(--line)}@media print{body{
max-width:none;padding:0}section{break-inside:avoid}h2{break-before:page}h2:first-of-type{
break-before:auto}}
"""
_HEADLINES: Final = (
    ("CSAT by path", "csat", ".2f", "Descriptive: easy tickets stay with the agent."),
    ("Re-contact within 7 days", "recontact", ".1%", "Of resolutions whose seven days are over."),
    ("Escalation", "escalation", ".1%", "By category and arm."),
    ("Cost per resolution, net of re-contact", "cost", ".2f", "US dollars; models and people's time."),
)


def report_html(reports: Sequence[Weekly], title: str = "Ridealong: the week") -> str:
    """Every workflow's report in one page; all that is not ours is escaped."""
    body = "".join(_workflow(each) for each in reports)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _workflow(week: Weekly) -> str:
    told = week.overview
    period = f"{_day(told['since']) if told['since'] else 'The beginning'} to {_day(told['as_of'])}"
    return "".join(
        [
            f"<h2>{escape(str(told['workflow']))}</h2>",
            f'<p class="soft">{escape(period)} (UTC), {told["tickets"]:,} tickets.</p>',
            _decide(week),
            _ladder(week),
            *_headlines(week),
            _gate(week.gate),
            _incidents(week),
        ]
    )


def _decide(week: Weekly) -> str:
    if not week.decide:
        return '<section class="decide"><p>Nothing waits for a person this week.</p></section>'
    lines = "".join(f"<li>{escape(each)}</li>" for each in week.decide)
    return f'<section class="decide"><strong>To decide this week</strong><ul>{lines}</ul></section>'


def _ladder(week: Weekly) -> str:
    here = next((number for number, rung in enumerate(week.rungs) if rung.here), None)
    picture = svg.ladder([rung.name for rung in week.rungs], [rung.weight for rung in week.rungs], here)
    moves = "".join(
        f"<tr><td>{escape(str(move['at']))}</td><td>{escape(str(move['sentence']))}</td>"
        f"<td>{escape(str(move['actor']))}</td></tr>"
        for move in week.moves
    )
    table = f"<table><tr><th>When</th><th>What</th><th>By</th></tr>{moves}</table>" if moves else ""
    return _section("The ladder", f"<p>{escape(week.standing)}</p>{picture}{table}")


def _headlines(week: Weekly) -> Iterator[str]:
    for title, name, form, note in _HEADLINES:
        found = (week.matured if name in MATURING else week.overview)[name]
        rows = [row for row in found["rows"] if row["value"] is not None]
        picture = svg.intervals(rows, form)
        counted = f" n = {sum(int(row['n']) for row in rows):,}; 95 % intervals." if picture else ""
        since = f" Tickets since {_day(found_since)}." if (found_since := _since(week, name)) else ""
        yield _section(
            title,
            f"<p>{escape(str(found['sentence']))}</p>{picture}"
            f'<p class="soft">{escape(note + since + counted)}</p>',
        )


def _since(week: Weekly, name: str) -> str | None:
    return week.matured.get("since") if name in MATURING else None


def _gate(gate: Mapping[str, Any] | None) -> str:
    if gate is None:
        return ""
    decision = escape(str(gate["decision"]))
    rows = "".join(
        f'<tr><td>{escape(str(row["title"]))}</td><td><span class="chip {escape(str(row["verdict"]))}">'
        f"{escape(str(row['verdict']).capitalize())}</span></td><td>{escape(str(row['sentence']))}</td></tr>"
        for row in gate["metrics"]
    )
    said = "".join(f"<p>{escape(str(reason))}</p>" for reason in gate["reasons"][:3])
    words = str(gate["decision"]).replace("_", " ").capitalize()
    return _section(
        "The gate",
        f'<p><span class="chip {decision}">{escape(words)}</span> at {escape(str(gate["step"]))}</p>{said}'
        f"{svg.forest(gate['metrics'])}<table><tr><th>Metric</th><th>Verdict</th><th>Why</th></tr>{rows}</table>",
    )


def _incidents(week: Weekly) -> str:
    if not week.incidents:
        return _section("Incidents", "<p>None was open in this period.</p>")
    rows = "".join(
        f"<tr><td>{each['severity']}</td><td>{escape(str(each['status']))}</td>"
        f"<td>{escape(_day(each['opened_at']))}</td><td>{escape(str(each['title']))}</td></tr>"
        for each in week.incidents
    )
    heads = "<tr><th>Severity</th><th>Status</th><th>Opened</th><th>What happened</th></tr>"
    return _section("Incidents", f"<table>{heads}{rows}</table>")


def _section(title: str, inside: str) -> str:
    return f"<section><h3>{escape(title)}</h3>{inside}</section>"


def _day(moment: str) -> str:
    return str(moment)[:10]

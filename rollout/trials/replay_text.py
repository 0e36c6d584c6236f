"""A replay's report for people: sections of sentences and tables, as plain text or Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rollout.trials.replay_report import CategoryRow, ReplayReport, Share

_TOP: Final = 8


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    sentences: Sequence[str]
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def as_text(report: ReplayReport) -> str:
    """For a terminal: headings, sentences, aligned columns."""
    parts = []
    for section in _sections(report):
        lines = [section.title, *(f"  {sentence}" for sentence in section.sentences)]
        table = [section.header, *section.rows] if section.header else []
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["  " + _aligned(row, widths) for row in table]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def as_markdown(report: ReplayReport) -> str:
    """For a file or a wiki."""
    parts = [f"# Replay of {report.name}"]
    for section in _sections(report):
        parts += [f"## {section.title}", *section.sentences]
        if section.header:
            table = [section.header, ["---"] * len(section.header), *section.rows]
            parts.append("\n".join(f"| {' | '.join(map(_cell, row))} |" for row in table))
    return "\n\n".join(parts) + "\n"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)]
    return "  ".join([f"{first.strip():<{widths[0]}}", *others]).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sections(report: ReplayReport) -> Iterator[Section]:
    yield _input(report)
    yield _triage(report)
    yield _shadow(report)
    yield Section(
        "What the comparisons say, by category",
        [
            (
                "Rater: heuristic. Rates are of the cases that could be judged (in brackets); the rest is"
                " undecided and counts for nothing. A sort order for reading, not evidence of quality."
            ),
        ],
        _CATEGORY_HEADER,
        [_category(row) for row in report.categories],
    )
    yield _retrieval(report)
    yield Section(
        "Knowledge gaps",
        ["Tickets the agent had no answer to, or one it was not sure of, by topic."],
        ("topic", "tickets", "no answer", "unsure", "often mentioned"),
        [
            (gap.topic, str(gap.tickets), str(gap.abstained), str(gap.unsure), ", ".join(gap.terms))
            for gap in report.gaps
        ],
    )
    yield _knowledge(report)
    yield _outcomes(report)
    yield Section("Time", [f"{report.tickets:,} tickets in {report.seconds:.1f} s."])


def _input(report: ReplayReport) -> Section:
    excluded = sum(report.excluded.values())
    counted = report.tickets - excluded
    return Section(
        "What was replayed",
        [
            (
                f"{report.tickets:,} tickets from {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d},"
                f" {report.articles:,} articles."
            ),
            f"Excluded by rule: {_list(report.excluded) or 'none'}; {counted:,} tickets count.",
            f"Without an answer by the desk: {report.unanswered:,} ({_percent(report.unanswered, counted)}).",
            f"Languages: {_list(report.languages)}.",
            *(f"Noted: {what}: {n:,}." for what, n in report.notes.items()),
        ],
    )


def _triage(report: ReplayReport) -> Section:
    counted = report.tickets - sum(report.excluded.values())
    return Section(
        "Triage",
        [
            *(f"{name.capitalize()}: {_list(counts) or 'none'}." for name, counts in report.triage.items()),
            (
                f"A first live step (simple, low or normal urgency) would admit {report.eligible:,}"
                f" ({_percent(report.eligible, counted)})."
            ),
        ],
    )


def _shadow(report: ReplayReport) -> Section:
    total = report.categories[-1]
    return Section(
        "Shadow",
        [
            (
                f"{report.version} was asked {total.watched:,} times: it answered {total.answered:,}"
                f" ({_percent(total.answered, total.watched)}), abstained {total.abstained:,}, and left"
                f" {total.escalated:,} to a human for other reasons."
            ),
            f"Hand-offs by first reason: {_list(report.reasons) or 'none'}.",
            f"Skipped: {_list(report.dropped) or 'none'}.",
            f"External writes: none, its tools only read; it asked for {report.refused_tools} others.",
        ],
    )


_CATEGORY_HEADER: Final = (
    *("category", "watched", "answered", "abstained", "escalated", "accuracy", "tone", "policy", "agreement"),
    *("human passed on", "of these missed"),
)


def _category(row: CategoryRow) -> Sequence[str]:
    counts = [row.watched, row.answered, row.abstained, row.escalated]
    shares = [row.accuracy, row.tone, row.policy, row.agreement]
    return (
        row.category,
        *map(str, counts),
        *map(_share, shares),
        str(row.human_passed_on),
        str(row.missed),
    )


def _retrieval(report: ReplayReport) -> Section:
    found = report.retrieval
    return Section(
        "Search against the articles people cited",
        [
            f"{found.tickets:,} tickets with {found.pairs:,} citations of articles in the knowledge base.",
            (
                "The rival always offers the five articles cited most often in this very export, which"
                " flatters it. People cite few of the articles that would help: read all four as lower"
                " bounds, good for noticing a change and no measure of accuracy."
            ),
        ],
        ("", "first", "first five"),
        [
            ("search", _rate(found.hit_1), _rate(found.hit_5)),
            ("most cited", _rate(found.baseline_hit_1), _rate(found.baseline_hit_5)),
        ],
    )


def _knowledge(report: ReplayReport) -> Section:
    answered = report.categories[-1].answered
    return Section(
        "Age of the knowledge used",
        [
            f"Stale articles used: {_list(report.stale_used) or 'none'}.",
            (
                f"Answers resting on an article of unknown age: {report.undated_used:,} of {answered:,}."
                " Unknown is neither fresh nor stale."
            ),
        ],
    )


def _outcomes(report: ReplayReport) -> Section:
    again = report.recontacts
    immature = again.resolved - again.mature
    return Section(
        "Outcomes of the human path",
        [
            (
                f"Resolution: {_list(report.resolutions)}. Confirmed is the desk's solved mark, assumed is"
                " silence after the desk's last word: proxies both. There were no surveys, so no CSAT."
            ),
            (
                f"Re-contacts: {again.recontacts:,} within 7 days of {again.mature:,} resolutions old enough"
                f" to know ({_percent(again.recontacts, again.mature)}); {immature:,} are younger."
            ),
            (
                "Customers who wrote again within 7 days of their last ticket, resolved or not:"
                f" {again.followers_7d:,}, {again.followers_1h:,} of them within an hour, mostly the same"
                " question posted twice."
            ),
        ],
    )


def _list(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {n:,}" for name, n in list(counts.items())[:_TOP]]
    rest = sum(list(counts.values())[_TOP:])
    return ", ".join([*shown, f"others {rest:,}"] if rest else shown)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "n/a"


def _rate(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _share(share: Share) -> str:
    return "n/a" if share.value is None else f"{100 * share.value:.0f} % ({share.n})"

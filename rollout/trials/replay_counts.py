"""From replayed threads and the record to the numbers of a replay's report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import log
from typing import Final

from agents.contract import Action, Reply
from agents.text import terms
from policies.vocabulary import Complexity, Urgency
from rollout.handle.shadow import Shadow
from rollout.record.view import View
from rollout.records import Compared
from rollout.trials.desk_export import DeskExport, cited_articles
from rollout.trials.replay import Replayed
from rollout.trials.replay_report import CategoryRow, Gap, Recontacts, ReplayReport, Retrieval, Share

WINDOW: Final = timedelta(days=7)
REPOST: Final = timedelta(hours=1)
UNSURE: Final = 0.65
"""Answers of less confidence than this count as knowledge gaps, though they were given."""

_GAPS: Final = 10
_GAP_TERMS: Final = 5
_SHORT: Final = 3
_RANKS: Final = 5

Watched = tuple[Replayed, Compared, Reply]
"""A thread that the shadow really answered or handed off."""


def report(
    export: DeskExport, replayed: Sequence[Replayed], shadow: Shadow, view: View, *, seconds: float
) -> ReplayReport:
    """Sum a replay up. Everything but ``seconds`` is the same for the same input."""
    counted = [one for one in replayed if one.thread.excluded is None]
    watched = [(one, one.compared, one.reply) for one in counted if one.compared and one.reply]
    answers = [reply for _, _, reply in watched if reply.action is Action.REPLY]
    opened = [one.thread.ticket.opened_at for one in replayed]
    return ReplayReport(
        name=export.name,
        version=replayed[0].assigned.version or "",
        first=min(opened),
        last=max(opened),
        tickets=len(replayed),
        articles=len(export.articles),
        notes=dict(export.notes),
        excluded=_counts(one.thread.excluded for one in replayed if one.thread.excluded),
        languages=_counts(one.thread.ticket.language or "unknown" for one in counted),
        unanswered=sum(not any(message.by_desk for message in one.thread.messages) for one in counted),
        triage=_triage(counted),
        eligible=sum(_is_eligible(one) for one in counted),
        reasons=_counts(reply.reasons[0] for _, _, reply in watched if reply.reasons),
        dropped=dict(shadow.dropped),
        refused_tools=len(shadow.tools.refused),
        categories=_categories(watched),
        retrieval=_retrieval(counted, frozenset(article.id for article in export.articles)),
        gaps=_gaps(watched),
        stale_used=_counts(source.source_id for reply in answers for source in reply.sources if source.stale),
        undated_used=sum(any(source.age_days is None for source in reply.sources) for reply in answers),
        resolutions=_resolutions(view, export.name),
        recontacts=_recontacts(view, export.name, counted, max(opened)),
        seconds=seconds,
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first, equals by name."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _triage(counted: Sequence[Replayed]) -> Mapping[str, Mapping[str, int]]:
    triages = [one.triage for one in counted]
    return {
        "category": _counts(triage.category for triage in triages),
        "urgency": _counts(triage.urgency.value for triage in triages),
        "sentiment": _counts(triage.sentiment.value for triage in triages),
        "complexity": _counts(triage.complexity.value for triage in triages),
        "signal": _counts(signal for triage in triages for signal in triage.signals),
    }


def _is_eligible(one: Replayed) -> bool:
    simple = one.triage.complexity is Complexity.SIMPLE
    return simple and one.triage.urgency in {Urgency.LOW, Urgency.NORMAL}


def _categories(watched: Sequence[Watched]) -> list[CategoryRow]:
    groups: defaultdict[str, list[Watched]] = defaultdict(list)
    for one in watched:
        groups[one[0].triage.category].append(one)
    rows = [_category(name, group) for name, group in groups.items()]
    rows.sort(key=lambda row: (-row.watched, row.category))
    return [*rows, _category("all", watched)]


def _category(name: str, group: Sequence[Watched]) -> CategoryRow:
    compared = [judged for _, judged, _ in group]

    def share(value: Callable[[Compared], float | None]) -> Share:
        return Share.of(map(value, compared))

    return CategoryRow(
        category=name,
        watched=len(group),
        answered=sum(not judged.agent_escalated for judged in compared),
        abstained=sum(judged.abstained for judged in compared),
        escalated=sum(bool(judged.agent_escalated) and not judged.abstained for judged in compared),
        accuracy=share(lambda judged: judged.accuracy),
        tone=share(lambda judged: judged.tone),
        policy=share(lambda judged: judged.policy),
        agreement=share(lambda judged: judged.agreement),
        human_passed_on=sum(bool(judged.human_escalated) for judged in compared),
        missed=sum(bool(judged.human_escalated) and not judged.agent_escalated for judged in compared),
    )


def _retrieval(counted: Sequence[Replayed], known: frozenset[str]) -> Retrieval:
    """Hits among the first and the first five articles, over tickets where people cited a known one."""
    pairs: list[tuple[frozenset[str], list[str]]] = []
    for one in counted:
        cited = cited_articles(one.thread) & known
        if cited:
            pairs.append((cited, [source.source_id for source in one.retrieved][:_RANKS]))
    popular = list(_counts(article for cited, _ in pairs for article in cited))[:_RANKS]

    def hits(ranking: Callable[[list[str]], list[str]]) -> float | None:
        return Share.of(float(not cited.isdisjoint(ranking(found))) for cited, found in pairs).value

    return Retrieval(
        tickets=len(pairs),
        pairs=sum(len(cited) for cited, _ in pairs),
        hit_1=hits(lambda found: found[:1]),
        hit_5=hits(lambda found: found),
        baseline_hit_1=hits(lambda _: popular[:1]),
        baseline_hit_5=hits(lambda _: popular),
    )


def _gaps(watched: Sequence[Watched]) -> list[Gap]:
    """Topics by the number of tickets the agent did not know, or hardly knew, an answer to."""
    topics: defaultdict[str, list[Watched]] = defaultdict(list)
    for one in watched:
        if one[1].abstained or _is_unsure(one[1]):
            topics[one[0].thread.ticket.issue_key or one[0].triage.category].append(one)
    everywhere = _contained(map(_text, watched))
    gaps = [
        Gap(
            topic=topic,
            tickets=len(group),
            abstained=sum(judged.abstained for _, judged, _ in group),
            unsure=sum(_is_unsure(judged) for _, judged, _ in group),
            terms=_telling(_contained(map(_text, group)), everywhere, len(watched)),
        )
        for topic, group in topics.items()
    ]
    gaps.sort(key=lambda gap: (-gap.tickets, gap.topic))
    return gaps[:_GAPS]


def _text(one: Watched) -> str:
    return f"{one[0].thread.ticket.subject} {one[0].thread.ticket.text}"


def _is_unsure(judged: Compared) -> bool:
    return not judged.agent_escalated and judged.confidence is not None and judged.confidence < UNSURE


def _contained(texts: Iterable[str]) -> Counter[str]:
    """In how many of the texts each word stands."""
    return Counter(
        term for text in texts for term in set(terms(text)) if term.isalpha() and len(term) > _SHORT
    )


def _telling(group: Counter[str], everywhere: Counter[str], total: int) -> tuple[str, ...]:
    """The words of a group that are frequent in it and rare elsewhere (tf-idf), best first."""
    scores = {term: n * log(total / everywhere[term]) for term, n in group.items()}
    return tuple(sorted(scores, key=lambda term: (-scores[term], term))[:_GAP_TERMS])


def _resolutions(view: View, workflow: str) -> Mapping[str, int]:
    rows = view.query(
        "SELECT coalesce(resolution, 'open') AS state, count(*) AS n FROM facts"
        " WHERE workflow = ? AND excluded IS NULL GROUP BY state ORDER BY n DESC, state",
        [workflow],
    )
    return {row["state"]: row["n"] for row in rows}


def _recontacts(view: View, workflow: str, counted: Sequence[Replayed], last: datetime) -> Recontacts:
    """Re-contacts by the record's own rule, as of the newest ticket: after it nobody could come back."""
    row = view.query(
        "SELECT count(*) AS resolved,"
        " count(*) FILTER (resolved_at + ?::INTERVAL <= ?) AS mature,"
        " count(*) FILTER (resolved_at + ?::INTERVAL <= ? AND recontact_at <= resolved_at + ?::INTERVAL)"
        " AS recontacts FROM facts"
        " WHERE workflow = ? AND excluded IS NULL AND resolution IN ('confirmed', 'assumed')",
        [WINDOW, _naive(last), WINDOW, _naive(last), WINDOW, workflow],
    )[0]
    customers: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in counted:
        customers[one.thread.ticket.customer_id].append(one.thread.ticket.opened_at)
    gaps = [later - earlier for times in customers.values() for earlier, later in pairwise(sorted(times))]
    return Recontacts(
        resolved=row["resolved"],
        mature=row["mature"],
        recontacts=row["recontacts"],
        followers_7d=sum(gap <= WINDOW for gap in gaps),
        followers_1h=sum(gap <= REPOST for gap in gaps),
    )


def _naive(moment: datetime) -> datetime:
    """As the view stores times: UTC without saying so."""
    return moment.replace(tzinfo=None)

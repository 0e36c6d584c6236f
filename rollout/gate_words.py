"""What the counts of a gate add to the sentences of its verdicts."""

from dataclasses import replace

from experiments.verdict import Reason
from policies.vocabulary import METRICS
from rollout.evidence import GateEvidence
from rollout.ladder.judge import Judgement, Row
from rollout.measure.scope import ARMS

_NOBODY = (
    "{title}: there is no {treated} arm in this history as of then; every ticket was handled without it, "
    "so there is nothing to compare."
)


def explained(judgement: Judgement, evidence: GateEvidence) -> Judgement:
    """The same judgement, with what the counts add to the sentences."""
    rows = tuple(_with_counts(row, evidence) for row in judgement.rows)
    pairs = zip(judgement.rows, rows, strict=True)
    sentences = {before.verdict.sentence: after.verdict.sentence for before, after in pairs}
    reasons = dict.fromkeys(sentences.get(reason, reason) for reason in judgement.reasons)
    return replace(judgement, rows=rows, reasons=tuple(reasons))


def _with_counts(row: Row, evidence: GateEvidence) -> Row:
    verdict, found = row.verdict, row.evidence
    sentence = verdict.sentence
    compared = found.difference is not None
    if verdict.reason is Reason.NO_DATA and compared and _no_treated(evidence):
        sentence = _NOBODY.format(title=METRICS[row.metric].title, treated=ARMS[evidence.track][0])
    elif verdict.reason is Reason.NO_DATA and not compared:
        sentence = f"{METRICS[row.metric].title}: nothing has been observed yet."
    if found.unknown and row.category is None and verdict.reason is not Reason.NO_DATA:
        sentence += (
            f" {found.unknown:,} tickets without a recorded value are left out"
            f" ({found.unknown_treated:,} of them the {ARMS[evidence.track][0]}'s)."
        )
    return replace(row, verdict=replace(verdict, sentence=sentence))


def _no_treated(evidence: GateEvidence) -> bool:
    return not any(units.treated for units in evidence.integrity.new_units)

"""What is written down of a judge: its ratings, and what a calibration found."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from agents.judging.judge import Verdict
from rollout.judging.ask import Judgements, as_good
from rollout.judging.calibration import Calibration
from rollout.judging.labels import Labelled
from rollout.records import Compared, Event, JudgeCalibrated, Kind


def ratings(
    rater: str, pairs: Sequence[Labelled], found: Judgements, at: datetime, chance: float = 1.0
) -> list[Event]:
    """One comparison per verdict. Judged again by the same rater it is the same event.

    ``chance`` is that of a reply to be drawn for judging, among those compared.
    """
    return [
        Event(
            rating_id(rater, pairs[number]),
            Kind.COMPARISON,
            at,
            _compared(rater, pairs[number], verdict, chance),
            tenant=pairs[number].pair.tenant,
            workflow=pairs[number].workflow,
            region=pairs[number].region,
            actor=rater,
        )
        for number, verdict in sorted(found.verdicts.items())
    ]


def calibration_event(
    found: Calibration, *, workflow: str, at: datetime, tenant: str = "default", actor: str = "cli"
) -> Event:
    """Whether the judge's word was found to be worth something in this workflow. The newest one holds."""
    payload = JudgeCalibrated(found.rater, found.passed, found.pairs, found.shortfalls, found.to_json())
    return Event(
        f"calibration:{workflow}:{found.rater}:{at.isoformat()}",
        Kind.CALIBRATION,
        at,
        payload,
        tenant=tenant,
        workflow=workflow,
        actor=actor,
    )


def _compared(rater: str, labelled: Labelled, verdict: Verdict, chance: float) -> Compared:
    """Marks on which both orders agree. Whether a human was needed is left to people to say."""
    marks: Mapping[str, float | None] = verdict.agent
    compared = labelled.compared
    return Compared(
        ticket_id=labelled.pair.ticket_id,
        version=labelled.pair.version,
        rater=rater,
        accuracy=marks["accuracy"],
        tone=marks["tone"],
        policy=marks["policy"],
        agreement=as_good(verdict),
        agent_escalated=compared.get("agent_escalated"),
        confidence=compared.get("confidence"),
        abstained=bool(compared.get("abstained")),
        sampling_probability=float(compared.get("sampling_probability") or 1.0) * chance,
    )


def rating_id(rater: str, labelled: Labelled) -> str:
    """One id per rater and reply. A digest, so that no ticket id can pose as another's."""
    name = f"{rater}\x00{labelled.pair.version}\x00{labelled.pair.ticket_id}"
    return f"judgement:{hashlib.sha256(name.encode()).hexdigest()[:32]}"

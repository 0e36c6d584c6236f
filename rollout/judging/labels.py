"""Pairs for a judge, and what people said of them: from a file, or from a data folder's own records."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.judging.pair import Answered, Pair
from rollout.errors import UsageError
from rollout.record.folder import DataFolder
from rollout.records import Kind, Record

BY_PERSON: Final = "human:"
_MARKS: Final = ("accuracy", "tone", "policy")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair, whose it is, and people's labels by question; without labels it is only to be judged."""

    pair: Pair
    customer_id: str
    people: Mapping[str, float | None] = field(default_factory=dict)
    workflow: str | None = None
    region: str | None = None
    compared: Mapping[str, Any] = field(default_factory=dict)
    """The recorded comparison that the pair is of."""


class _Row(BaseModel):
    """One line of a file of labels."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    ticket_id: str
    customer_id: str = ""
    question: str
    agent: str = ""
    agent_escalated: bool = False
    human: str = ""
    human_escalated: bool = False
    passages: list[str] = Field(default=[])
    good: Annotated[float, Field(ge=0, le=1)] | None = None
    preferred: Literal["agent", "human", "tie"] | None = None


def from_file(path: Path) -> list[Labelled]:
    """Pairs of a file with one JSON object per line.

    Raises:
        UsageError: a line that is none; names it and the key.

    """
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.append(_labelled(_row(line, f"{path}:{number}")))
    if not found:
        raise UsageError(f"{path}: no pairs; one JSON object per line, see docs/judge.md")
    return found


def _row(line: str, place: str) -> _Row:
    try:
        return _Row.model_validate(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError:
        raise UsageError(f"{place}: not JSON; one object per line") from None


def _labelled(row: _Row) -> Labelled:
    pair = Pair(
        row.ticket_id,
        row.question,
        Answered(row.agent, row.agent_escalated),
        Answered(row.human, row.human_escalated),
        tuple(row.passages),
    )
    people = {"good": row.good, "as_good": None if row.preferred is None else float(row.preferred != "human")}
    return Labelled(pair, row.customer_id or row.ticket_id, people)


@dataclass(slots=True)
class _Found:
    """What one pass over the journal gathers of a reply."""

    compared: Mapping[str, Any] | None = None
    good: dict[str, float] = field(default_factory=dict)
    """By rater; the newest word counts."""
    as_good: dict[str, float] = field(default_factory=dict)
    preferred: dict[str, float] = field(default_factory=dict)


def from_folder(
    folder: DataFolder, workflow: str, *, version: str | None = None, tenant: str = "default"
) -> list[Labelled]:
    """Every pair of a workflow whose texts are there: the agent's shadow reply and the person's.

    In the order of the tickets' ids, which says nothing about them. Erased texts leave their pair out.
    """
    replies: defaultdict[tuple[str, str], _Found] = defaultdict(_Found)
    opened: dict[str, Record] = {}
    answers: dict[str, str] = {}
    for record in folder.journal.read():
        if record.tenant != tenant or record.workflow != workflow or record.erased:
            continue
        _enter(record, replies, opened, answers)
    found = []
    for (ticket_id, of_version), one in sorted(replies.items()):
        wanted = version is None or of_version == version
        ticket, human = opened.get(ticket_id), answers.get(ticket_id)
        if wanted and one.compared is not None and ticket is not None and human is not None:
            labelled = _pair(folder, ticket, of_version, one, human)
            if labelled is not None:
                found.append(labelled)
    return found


def _enter(
    record: Record,
    replies: Mapping[tuple[str, str], _Found],
    opened: dict[str, Record],
    answers: dict[str, str],
) -> None:
    told, content = record.payload, record.payload.get("content") or {}
    if record.kind == Kind.TICKET:
        opened[told["ticket_id"]] = record
    elif record.kind == Kind.HANDLING and told["handler"] == "human" and content.get("human-reply"):
        answers.setdefault(told["ticket_id"], content["human-reply"])
    elif record.kind == Kind.COMPARISON:
        one = replies[told["ticket_id"], told["version"]]
        rater = str(told["rater"])
        if rater.startswith(BY_PERSON):
            _rated(one, rater, told)
        elif content.get("shadow-reply") and told.get("dropped") is None:
            one.compared = told
    elif record.kind == Kind.REVIEW and told.get("preferred") is not None and told.get("version"):
        one = replies[told["ticket_id"], told["version"]]
        one.preferred[told["rater"]] = float(told["preferred"] != "human")


def _rated(one: _Found, rater: str, told: Mapping[str, Any]) -> None:
    marks = [told[name] for name in _MARKS if told.get(name) is not None]
    if told.get("accuracy") is not None:
        one.good[rater] = min(marks)
    if told.get("agreement") is not None:
        one.as_good[rater] = told["agreement"]


def _pair(folder: DataFolder, ticket: Record, version: str, one: _Found, human: str) -> Labelled | None:
    assert one.compared is not None
    said = ticket.payload.get("content") or {}
    refs = (said.get("subject"), said.get("text"), one.compared["content"]["shadow-reply"], human)
    subject, text, agent, person = (folder.content.get(ref) if ref else None for ref in refs)
    if not text or agent is None or person is None:
        return None
    escalated = (one.compared.get(f"{side}_escalated") is True for side in ("agent", "human"))
    agent_escalated, human_escalated = escalated
    pair = Pair(
        ticket.payload["ticket_id"],
        f"{subject}\n\n{text}" if subject else text,
        Answered(agent, agent_escalated),
        Answered(person, human_escalated),
        tenant=ticket.tenant,
        version=version,
    )
    people = {
        "good": _mean(one.good.values()),
        # What gates count first; where nobody said that, which of the two was preferred.
        "as_good": _mean(one.as_good.values() or one.preferred.values()),
    }
    return Labelled(pair, ticket.payload["customer_id"], people, ticket.workflow, ticket.region, one.compared)


def _mean(values: Any) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def labelled_only(pairs: Sequence[Labelled]) -> Iterator[Labelled]:
    """Those of which a person said anything."""
    return (one for one in pairs if any(value is not None for value in one.people.values()))

"""Records as Arrow tables, one per kind: the shape in which the view takes them.

A value of the wrong type becomes NULL and is listed as a misfit. It must not stop the projection:
one bad value in the journal would otherwise keep every later event out of the view for good.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from rollout.records import Kind, Record

_INSTANT: Final = pa.timestamp("us", "UTC")
_NAIVE: Final = pa.timestamp("us")
_TEXT: Final = pa.string()
_NUMBER: Final = pa.float64()
_WHOLE: Final = pa.int64()
_FLAG: Final = pa.bool_()
_LIST: Final = pa.list_(pa.string())
_JSON: Final = pa.json_()


class Misfit(NamedTuple):
    seq: int
    event_id: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Target:
    """A raw table and its payload columns; each column is the payload's key of the same name."""

    name: str
    columns: Mapping[str, pa.DataType]
    actor: bool = False


def _columns(**groups: str) -> dict[str, pa.DataType]:
    types = {
        "text": _TEXT,
        "number": _NUMBER,
        "whole": _WHOLE,
        "flag": _FLAG,
        "time": _INSTANT,
        "list": _LIST,
        "json": _JSON,
        "bits": pa.uint64(),
    }
    return {name: types[group] for group, names in groups.items() for name in names.split()}


TARGETS: Final[dict[str, Target]] = {
    Kind.TICKET: Target(
        "tickets",
        _columns(
            text="ticket_id customer_id tier channel language region issue_key excluded source",
            time="opened_at",
        ),
    ),
    Kind.TRIAGE: Target(
        "triages", _columns(text="ticket_id category urgency sentiment complexity version", list="signals")
    ),
    Kind.ASSIGNMENT: Target(
        "assignments",
        _columns(
            text="ticket_id unit arm mode version step reason detail plan_digest",
            bits="bucket",
            number="weight canary_weight holdout",
            flag="eligible",
            whole="position",
            time="assigned_at",
        ),
    ),
    Kind.HANDLING: Target(
        "handlings",
        _columns(
            text="ticket_id handler version outcome model error",
            time="first_response_at finished_at",
            whole="turns tokens",
            number="handle_seconds human_seconds latency_seconds cost_usd confidence "
            "retrieval_confidence retrieval_age_days",
            list="sources violations",
        ),
    ),
    Kind.COMPARISON: Target(
        "shadow_comparisons",
        _columns(
            text="ticket_id version rater dropped",
            number="accuracy tone policy agreement confidence latency_seconds cost_usd sampling_probability",
            flag="agent_escalated human_escalated abstained",
            list="violations sources",
        ),
    ),
    Kind.ESCALATION: Target(
        "escalations", _columns(text="ticket_id reason queue", list="reasons", flag="at_triage")
    ),
    Kind.RESOLUTION: Target(
        "resolutions", _columns(text="ticket_id kind path closed_reason", time="resolved_at")
    ),
    Kind.CSAT: Target("csats", _columns(text="ticket_id", number="score", time="at")),
    Kind.HISTORY: Target(
        "histories",
        _columns(
            text="ticket_id customer_id category urgency complexity tier sentiment channel language "
            "region issue_key step arm mode version path escalation_reason closed_reason",
            time="opened_at resolved_at csat_at",
            flag="escalated",
            whole="turns violations",
            number="weight handle_seconds human_seconds cost_usd csat",
        ),
    ),
    Kind.TRANSITION: Target(
        "transitions",
        _columns(
            text="action track from_step to_step reason sentence plan_digest",
            time="made_at",
            json="state evidence",
        ),
        actor=True,
    ),
    Kind.CONFIG: Target("plans", _columns(text="digest source", json="plan"), actor=True),
}
"""Kinds with typed tables; every other kind goes to ``others`` as it is."""


def project(records: Sequence[Record]) -> tuple[dict[str, pa.Table], list[Misfit]]:
    """The records as ``{raw table: Arrow table}``, and the values that did not fit their column."""
    by_kind: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_kind[record.kind].append(record)
    misfits: list[Misfit] = []
    tables: dict[str, pa.Table] = {}
    others: list[Record] = []
    for kind, group in by_kind.items():
        target = TARGETS.get(kind)
        if target is None:
            others += group
        else:
            tables[target.name] = _table(target, group, misfits)
    if others:
        tables["others"] = _others(sorted(others, key=lambda record: record.seq))
    return tables, misfits


def _envelope(records: Sequence[Record]) -> dict[str, pa.Array]:
    return {
        "seq": pa.array([record.seq for record in records], _WHOLE),
        "event_id": pa.array([record.event_id for record in records], _TEXT),
        "tenant": pa.array([record.tenant for record in records], _TEXT),
        "workflow": pa.array([record.workflow for record in records], _TEXT),
        "occurred_at": pa.array([record.occurred_at for record in records], _INSTANT).cast(_NAIVE),
    }


def _table(target: Target, records: Sequence[Record], misfits: list[Misfit]) -> pa.Table:
    arrays = _envelope(records)
    if target.actor:
        arrays["actor"] = pa.array([record.actor for record in records], _TEXT)
    payloads = [record.payload for record in records]
    for name, kind in target.columns.items():
        values = [payload.get(name) for payload in payloads]
        array, unfit = _column(values, kind)
        arrays[name] = array
        misfits += [
            Misfit(records[row].seq, records[row].event_id, name, str(values[row])[:200]) for row in unfit
        ]
    return pa.table(arrays)


def _others(records: Sequence[Record]) -> pa.Table:
    arrays = _envelope(records)
    arrays["kind"] = pa.array([record.kind for record in records], _TEXT)
    arrays["actor"] = pa.array([record.actor for record in records], _TEXT)
    tickets = [record.payload.get("ticket_id") for record in records]
    arrays["ticket_id"] = pa.array([str(t) if t is not None else None for t in tickets], _TEXT)
    arrays["payload"] = pa.array([_json(record.payload) for record in records], _TEXT)
    return pa.table(arrays)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    """What orjson does not know: mapping proxies as dicts, the rest as text."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def _column(values: list[Any], kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """An Arrow column, and the rows whose value does not fit and became NULL."""
    build = _BUILDERS.get(kind) or partial(_plainly, kind)
    try:
        return build(values), []
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError):
        unfit = [row for row, value in enumerate(values) if not _fits(build, value)]
        dropped = frozenset(unfit)
        return build([None if row in dropped else value for row, value in enumerate(values)]), unfit


def _plainly(kind: pa.DataType, values: list[Any]) -> pa.Array:
    return pa.array(values, kind)


def _fits(build: Callable[[list[Any]], pa.Array], value: Any) -> bool:
    try:
        build([value])
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError):
        return False
    return True


def _instants(values: list[Any]) -> pa.Array:
    """Times are ISO 8601 text from the journal, or aware datetimes; kept as UTC without a zone."""
    try:
        array = pa.array(values, _TEXT)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        array = pa.array([_iso(value) for value in values], _TEXT)
    return array.cast(_INSTANT).cast(_NAIVE)


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _jsons(values: Iterable[Any]) -> pa.Array:
    return pa.array([_json(value) for value in values], _TEXT)


def _bits(values: Iterable[Any]) -> pa.Array:
    """64-bit hashes, written as text because JSON numbers lose digits beyond 2**53."""
    return pa.array([None if value is None else int(value) for value in values], pa.uint64())


def _lists(values: list[Any]) -> pa.Array:
    if any(isinstance(value, str) for value in values):
        raise TypeError("a text is not a list of texts")
    return pa.array(values, _LIST)


def _numbers(values: list[Any]) -> pa.Array:
    array = pa.array(values, _NUMBER)
    if pc.all(pc.is_finite(array)).as_py() is False:
        raise ValueError("NaN and infinities cannot be averaged")
    return array


_BUILDERS: Final[dict[pa.DataType, Callable[[list[Any]], pa.Array]]] = {
    _INSTANT: _instants,
    _JSON: _jsons,
    pa.uint64(): _bits,
    _NUMBER: _numbers,
    _LIST: _lists,
}

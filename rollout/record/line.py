"""One line of the journal: how an event is written and what its two hashes protect.

A line is one JSON object. Its first fields, ``seq`` to ``digest`` in the order of ``ENVELOPE``, are
the envelope:

    digest = SHA-256(nonce ‖ payload)                payload: sorted keys, no white space, UTF-8
    hash   = SHA-256(previous hash ‖ envelope)       envelope: its fields in order, same writing

The chain runs over digests, never over payloads, and the nonce stands outside of it. Whoever
erases a payload removes the nonce with it: the chain still verifies, and the digest that stays
behind cannot be searched for the value that was erased.

Events that always happen together, such as a ticket with its triage and its assignment, may share a
line: a bundle. Its envelope has ``last`` behind ``seq``, its payload is ``{"events": [...]}``, and each
of the events in it has a number of its own, from ``seq`` to ``last``, and its own id, kind and time.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, Final, NamedTuple, TypedDict

import orjson

from rollout.errors import InvalidEvent
from rollout.records import Event, Kind, Record

GENESIS: Final = "0" * 64
"""The hash before the first record."""

ENVELOPE: Final = (
    "seq", "id", "kind", "at", "tenant", "workflow", "region", "actor", "rec", "group", "digest",
)  # fmt: skip
"""``at``: when it happened; ``rec``: when it was recorded; ``group``: the first ``seq`` of the
write that carried it, all of which became durable together."""

LAST: Final = "last"
"""Of a bundle, behind ``seq``: the number of its last event."""
BUNDLE: Final = "bundle"
"""What stands for the kind in a bundle's envelope; its ``id`` and ``at`` are its first event's."""

_FIELDS: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(ENVELOPE, str),
    "seq": int,
    "group": int,
    "workflow": (str, NoneType),
    "region": (str, NoneType),
    "hash": str,
    "payload": dict,
}
_PART: Final[dict[str, type | tuple[type, ...]]] = {"id": str, "kind": str, "at": str, "payload": dict}
_BUNDLED: Final = ("seq", LAST, *ENVELOPE[1:])
_SEQ: Final = b'{"seq":'
_LAST: Final = b',"last":'
MAX_EVENT_BYTES: Final = 1 << 20
_KINDS: Final = frozenset(Kind)
_sha256: Final = hashlib.sha256
_made: Final = tuple.__new__
"""A named tuple without the detour over its own constructor: several are made per record."""
# Data classes are passed to _plain: written by orjson itself, their fields would not be sorted.
_CANONICAL: Final = (
    orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_NAIVE_UTC | orjson.OPT_PASSTHROUGH_DATACLASS
)
_ANY_KEYS: Final = _CANONICAL | orjson.OPT_NON_STR_KEYS


class Key(NamedTuple):
    """What an event is known by: ids are scoped by tenant."""

    tenant: str
    event_id: str


About = tuple[str, str | None, str | None, str]
"""Tenant, workflow, region and actor of a record."""


class Prepared(NamedTuple):
    """A line made ready for writing: everything that does not depend on its place."""

    keys: tuple[Key, ...]
    """What it is known by; more than one in a bundle."""
    about: bytes
    """The envelope's fields from ``id`` to ``actor``, without braces."""
    payload: bytes
    body: bytes
    """Digest that tells the same event from another one under the same id; see ``body_of``."""


class Part(TypedDict):
    """One event of a bundle, as it is written."""

    at: datetime
    """With a time zone."""
    id: str
    kind: str
    payload: Mapping[str, Any]
    """Names of text; an assignment's ``bucket`` is text already."""


def _plain(value: Any) -> Any:
    """Turn what orjson does not know into what it knows; sets are ordered, decimals stay exact."""
    if is_dataclass(value):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def canonical(payload: Any, kind: str) -> bytes:
    """Return the one way to write a payload: equal payloads give equal bytes.

    An assignment's ``bucket`` (64 bits) becomes text: a number beyond 53 bits does not survive
    every JSON reader.

    Raises:
        TypeError: the payload has no JSON form.

    """
    if kind == Kind.ASSIGNMENT:
        payload = dict(payload) if isinstance(payload, Mapping) else _plain(payload)
        if "bucket" in payload:
            payload["bucket"] = str(payload["bucket"])
    try:
        data = orjson.dumps(payload, default=_plain, option=_CANONICAL)
    except TypeError:
        # Keys that are not plain text: written as text they may coincide, so they are read back.
        data = written(orjson.loads(orjson.dumps(payload, default=_plain, option=_ANY_KEYS)))
    if not data.startswith(b"{"):
        raise TypeError("it is not an object with named fields")
    return data


def body_of(kind: str, workflow: str | None, payload: bytes) -> bytes:
    """Return the digest by which a repeated event is recognised: kind, workflow and payload.

    Times stay out, so that a retry is the same event.
    """
    return hashlib.blake2b(
        b"%b\n%b\n%b" % (kind.encode(), (workflow or "").encode(), payload), digest_size=16
    ).digest()


def prepare(event: Event) -> Prepared:
    """Check an event and write its payload.

    Raises:
        InvalidEvent: an unknown kind, a time without zone, an empty id, or a payload that has no
            JSON form or is larger than ``MAX_EVENT_BYTES``.

    """
    if not event.event_id or not event.tenant:
        raise InvalidEvent(f"event {event.event_id!r} of tenant {event.tenant!r}: both must be non-empty")
    if event.kind not in _KINDS:
        raise InvalidEvent(f"event {event.event_id!r}: kind {event.kind!r} is none of {', '.join(Kind)}")
    if event.occurred_at.tzinfo is None:
        raise InvalidEvent(
            f"event {event.event_id!r}: occurred_at {event.occurred_at} has no time zone; use UTC"
        )
    about = (event.tenant, event.workflow, event.region, event.actor)
    with _as_invalid(event.event_id):
        payload = canonical(event.payload, event.kind)
        return _assembled([event.event_id], event.kind, event.occurred_at, about, payload)


def bundled(parts: list[Part], about: About) -> Prepared:
    """Events that are known to be in order, made ready to be written as one line.

    Args:
        parts: at least two; their ids are not empty and differ.
        about: tenant, workflow, region and actor of all of them.

    Raises:
        InvalidEvent: a payload has no JSON form, or they are larger than ``MAX_EVENT_BYTES``.

    """
    first = parts[0]
    try:
        payload = orjson.dumps({"events": parts}, default=_plain, option=_CANONICAL)
        return _assembled([part["id"] for part in parts], BUNDLE, first["at"], about, payload)
    except (TypeError, ValueError, OverflowError):
        with _as_invalid(first["id"]):
            raise


def _assembled(ids: Sequence[str], kind: str, at: datetime, about: About, payload: bytes) -> Prepared:
    tenant, workflow, region, actor = about
    if len(payload) > MAX_EVENT_BYTES:
        raise InvalidEvent(
            f"event {ids[0]!r}: payload has {len(payload):,} bytes, at most {MAX_EVENT_BYTES:,};"
            " texts belong in the content store"
        )
    fields = {
        "id": ids[0],
        "kind": kind,
        "at": at if at.tzinfo is UTC else at.astimezone(UTC),
        "tenant": tenant,
        "workflow": workflow,
        "region": region,
        "actor": actor,
    }
    body = body_of(kind, workflow, payload)
    keys = tuple([_made(Key, (tenant, event_id)) for event_id in ids])
    return _made(Prepared, (keys, orjson.dumps(fields)[1:-1], payload, body))


@contextmanager
def _as_invalid(event_id: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        reason = error.__cause__ or error
        raise InvalidEvent(f"event {event_id!r} cannot be written as JSON: {reason}") from error


class Writing(NamedTuple):
    """What the records of one write have in common."""

    group: int
    recorded_at: bytes


def seal(
    prepared: Prepared, writing: Writing, seq: int, previous: bytes, nonce: bytes
) -> tuple[bytes, bytes]:
    """Return a line (with its newline) and its hash in the chain; ``seq`` is its first event's number."""
    payload, more = prepared.payload, len(prepared.keys) - 1
    envelope = b'{"seq":%b,%b,"rec":"%b","group":%d,"digest":"%b"}' % (
        b'%d,"last":%d' % (seq, seq + more) if more else b"%d" % seq,
        prepared.about,
        writing.recorded_at,
        writing.group,
        _sha256(nonce + payload).hexdigest().encode(),
    )
    link = _sha256(previous + envelope).hexdigest().encode()
    return b'%b,"hash":"%b","nonce":"%b","payload":%b}\n' % (envelope[:-1], link, nonce, payload), link


def digest_of(payload: bytes, nonce: str = "") -> str:
    return hashlib.sha256(nonce.encode() + payload).hexdigest()


def chain(previous: str, envelope: bytes) -> str:
    return hashlib.sha256(previous.encode() + envelope).hexdigest()


def redact(entry: Mapping[str, Any], payload: bytes) -> bytes:
    """Return the line of a record whose payload was replaced and whose nonce is gone."""
    tail = b',"hash":"%b","erased":true,"payload":%b}\n' % (entry["hash"].encode(), payload)
    return _envelope(entry)[:-1] + tail


def span(line: bytes) -> tuple[int, int]:
    """Return the numbers of a line's first and last event without parsing the rest of it.

    Raises:
        ValueError: the line does not begin as a record does.

    """
    if not line.startswith(_SEQ):
        raise ValueError("it does not begin as a record does")
    end = line.index(b",", 7, 40)
    first = int(line[7:end])
    if not line.startswith(_LAST, end):
        return first, first
    return first, int(line[end + 8 : line.index(b",", end + 8, end + 40)])


def parse(line: bytes) -> dict[str, Any]:
    """Return a line's fields.

    Raises:
        ValueError: it is no complete record.

    """
    entry = orjson.loads(line)  # JSONDecodeError is a ValueError
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - one kind of error for bytes that are no record
    _require(entry, _FIELDS)
    if LAST in entry:
        _require(entry, {LAST: int})
        _require(entry["payload"], {"events": list})
        for event in entry["payload"]["events"]:
            _require(event, _PART)
        if last_of(entry) - entry["seq"] + 1 != len(entry["payload"]["events"]):
            raise ValueError(f"its 'last' is {last_of(entry)}, which its events do not make")
    return entry


def _require(entry: Any, fields: Mapping[str, type | tuple[type, ...]]) -> None:
    for name, kind in fields.items():
        if not isinstance(entry, dict) or not isinstance(entry.get(name, ...), kind):  # missing is no null
            raise ValueError(f"its {name!r} is missing or of the wrong kind")  # noqa: TRY004 - one kind of error, as above


def last_of(entry: Mapping[str, Any]) -> int:
    """Return the number of the last event in a line."""
    return int(entry.get(LAST, entry["seq"]))


def each(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a line's events, each with all its fields as if it had a line of its own.

    ``digest`` and ``hash`` are the line's.
    """
    if LAST not in entry:
        return [dict(entry)]
    common = {name: value for name, value in entry.items() if name != LAST}
    return [
        {**common, **event, "seq": seq} for seq, event in enumerate(entry["payload"]["events"], entry["seq"])
    ]


def fault(entry: Mapping[str, Any], previous: str | None) -> str | None:
    """Say what does not verify in a record, if anything.

    ``previous`` is the hash before it; None where that is not known. An erased payload is held
    against the erasure that names it, elsewhere: here only its envelope is checked.
    """
    if not entry.get("erased", False):
        nonce = entry.get("nonce")
        if not isinstance(nonce, str):
            return "it has no nonce and is not marked as erased"
        if digest_of(written(entry["payload"]), nonce) != entry["digest"]:
            return "the payload does not match its digest"
    if previous is not None and chain(previous, _envelope(entry)) != entry["hash"]:
        return "the envelope does not match the chain"
    return None


def written(payload: Any) -> bytes:
    """Return the canonical bytes of a payload that was read from a line."""
    return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


def _envelope(entry: Mapping[str, Any]) -> bytes:
    return orjson.dumps({name: entry[name] for name in (_BUNDLED if LAST in entry else ENVELOPE)})


def to_records(entry: Mapping[str, Any]) -> list[Record]:
    """Return the records of a line, by number.

    Raises:
        KeyError, TypeError, ValueError: it has no such fields.

    """
    recorded_at, erased = datetime.fromisoformat(entry["rec"]), entry.get("erased", False)
    parts = entry["payload"]["events"] if LAST in entry else (entry,)
    return [
        Record(
            seq=seq,
            event_id=part["id"],
            kind=part["kind"],
            occurred_at=datetime.fromisoformat(part["at"]),
            recorded_at=recorded_at,
            tenant=entry["tenant"],
            workflow=entry["workflow"],
            region=entry["region"],
            actor=entry["actor"],
            payload=part["payload"],
            digest=entry["digest"],
            hash=entry["hash"],
            erased=erased,
        )
        for seq, part in enumerate(parts, entry["seq"])
    ]

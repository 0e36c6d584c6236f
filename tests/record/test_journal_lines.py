"""One payload, one writing: whatever it was made of, it verifies when it is read back."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rollout.record.journal import Journal
from rollout.record.line import ENVELOPE, GENESIS, canonical, written
from rollout.records import Event, Kind

T = datetime(2026, 3, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=-7))])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats()
    | texts
    | st.datetimes(timezones=zones)
    | st.decimals()
    | st.sampled_from(Kind)
)
names = texts | st.sampled_from(Kind) | st.integers(-20, 20)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(names, v, max_size=4), max_leaves=12
)


@dataclass(frozen=True, slots=True)
class Payload:
    zeta: object
    alpha: object


@given(zeta=values, alpha=values)
def test_payloads_are_written_as_they_are_read(zeta, alpha):
    """Data class or mapping, in any order: the same bytes, and the bytes a verifier will get."""
    data = canonical(Payload(zeta, alpha), Kind.CONFIG)
    assert data == canonical({"zeta": zeta, "alpha": alpha}, Kind.CONFIG)
    assert data == canonical({"alpha": alpha, "zeta": zeta}, Kind.CONFIG)
    assert data == written(orjson.loads(data))


@given(inner=values)
def test_nested_data_classes_are_sorted_too(inner):
    assert canonical({"x": [Payload(1, inner)]}, Kind.CONFIG) == canonical(
        {"x": [{"alpha": inner, "zeta": 1}]}, Kind.CONFIG
    )


def test_the_documented_hashes_can_be_computed_with_nothing_but_json_and_sha256(tmp_path):
    """An auditor who does not trust this code needs only the format's description."""
    with Journal(tmp_path) as journal:
        journal.append([Event(f"config:{i}", Kind.CONFIG, T, {"b": i, "a": "ü"}) for i in range(3)])
    previous = GENESIS
    for line in (tmp_path / "000000000001.jsonl").read_bytes().splitlines():
        entry = orjson.loads(line)
        payload = b'{"a":"\xc3\xbc","b":%d}' % entry["payload"]["b"]
        assert entry["digest"] == hashlib.sha256(entry["nonce"].encode() + payload).hexdigest()
        envelope = orjson.dumps({name: entry[name] for name in ENVELOPE})
        assert entry["hash"] == hashlib.sha256(previous.encode() + envelope).hexdigest()
        previous = entry["hash"]

"""A key opens exactly as long as it should, and nothing of it is kept but a digest."""

import dataclasses
import hashlib
import hmac
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.access import key_file, keys
from rollout.access.key_desk import KeyDesk
from rollout.access.keys import Issued, Key, Keyring, issued, new_id, revoked, rotated
from rollout.access.notes import Author
from rollout.access.roles import Role
from rollout.clock import SimulatedClock
from rollout.errors import RecordError, UnknownKey, UsageError

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
ADA = Author("key:1", "key", ("admin",), "ada (key:1)")


def made(**changes: Any) -> Issued:
    return issued(dataclasses.replace(Key(new_id(), Role.VIEWER, "acme", "ada", NOW, "ada"), **changes))


def test_a_key_opens_and_names_its_principal() -> None:
    one, other = made(), made(role=Role.ADMIN, tenant=None)
    ring = Keyring.of([one.key, other.key])
    found = ring.verified(one.clear, NOW)
    assert found is not None
    assert (found.id, found.tenant, found.roles) == (f"key:{one.key.id}", "acme", {Role.VIEWER})
    assert ring.verified(other.clear, NOW) == other.key.principal


@given(st.text(max_size=200))
def test_no_other_text_opens_anything(text: str) -> None:
    one = made()
    assert Keyring.of([one.key]).verified(text, NOW) is None


@given(st.data())
def test_a_key_with_one_character_changed_opens_nothing(data: st.DataObject) -> None:
    one = made()
    at = data.draw(st.integers(0, len(one.clear) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != one.clear[at]))
    assert Keyring.of([one.key]).verified(one.clear[:at] + other + one.clear[at + 1 :], NOW) is None


def test_one_keys_secret_does_not_open_under_anothers_id() -> None:
    one, other = made(), made()
    mixed = f"rk_{other.key.id}_{one.clear.split('_', 2)[2]}"
    assert Keyring.of([one.key, other.key]).verified(mixed, NOW) is None


def test_an_expired_key_opens_until_the_moment_it_expires() -> None:
    one = made(expires_at=NOW + timedelta(days=1))
    ring = Keyring.of([one.key])
    assert ring.verified(one.clear, NOW + timedelta(hours=23, minutes=59)) is not None
    assert ring.verified(one.clear, NOW + timedelta(days=1)) is None


def test_after_a_rotation_both_secrets_open_for_the_overlap_and_only_the_new_one_after_it() -> None:
    old = made()
    new = rotated(old.key, NOW, timedelta(hours=1))
    ring = Keyring.of([new.key])
    assert ring.verified(old.clear, NOW) == ring.verified(new.clear, NOW) is not None
    later = NOW + timedelta(hours=1)
    assert ring.verified(old.clear, later) is None
    assert ring.verified(new.clear, later) is not None


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_secret() -> None:
    first = made()
    second = rotated(first.key, NOW, timedelta(hours=1))
    third = rotated(second.key, NOW, timedelta(days=30))
    assert Keyring.of([third.key]).verified(first.clear, NOW + timedelta(hours=2)) is None


def test_a_revoked_key_opens_nothing_whatever_secrets_it_had() -> None:
    old = made()
    new = rotated(old.key, NOW, timedelta(days=1))
    ring = Keyring.of([revoked(new.key, NOW)])
    assert ring.verified(old.clear, NOW) is ring.verified(new.clear, NOW) is None


def test_secrets_are_compared_in_constant_time_and_an_unknown_id_takes_the_same_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(keys.hmac, "compare_digest", watched)
    one = made()
    ring = Keyring.of([one.key])
    for text in (one.clear, f"rk_{one.key.id}_wrong", "rk_0000000000000000_wrong"):
        ring.verified(text, NOW)
    assert len(compared) == 3
    assert {len(side) for pair in compared for side in pair} == {hashlib.sha256().digest_size}


def test_a_secret_has_256_bits_and_never_comes_twice() -> None:
    texts = {made().clear.split("_", 2)[2] for _ in range(200)}
    assert len(texts) == 200
    assert {len(text) for text in texts} == {43}, "32 bytes in base64"


def desk(path: Path, recorded: list[Any], clock: SimulatedClock | None = None) -> KeyDesk:
    return KeyDesk(path, recorded.extend, clock=clock or SimulatedClock(NOW))


def test_the_file_holds_no_secret_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    recorded: list[Any] = []
    one = desk(tmp_path, recorded).create(ADA, "test", Role.VIEWER, "acme", name="ada")
    path = key_file.path_of(tmp_path)
    secret = one.clear.split("_", 2)[2]
    assert secret not in path.read_text()
    assert secret not in repr(recorded)
    assert secret not in repr(one.key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"], "nothing is left beside it"


def test_what_is_kept_comes_back_the_same(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    first = desk(tmp_path, [], clock)
    one = first.create(ADA, "test", Role.VIEWER, "acme", name="ada", expires_at=NOW + timedelta(9), rate=7.5)
    first.create(ADA, "test", Role.ADMIN, None)
    first.rotate(ADA, "test", one.key.id, "acme", timedelta(hours=3))
    first.verified(one.clear)
    first.save_uses()
    again = desk(tmp_path, [], clock)
    assert again.rows(None) == first.rows(None)
    assert again.rows("acme")[0]["last_used_at"] == NOW
    assert again.verified(one.clear) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "keys": [{"id": "x"}]}'])
def test_a_damaged_file_lets_nobody_in_instead_of_everybody(tmp_path: Path, text: str) -> None:
    path = key_file.path_of(tmp_path)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UsageError, match=r"keys\.json"):
        desk(tmp_path, [])


def test_a_key_that_cannot_be_recorded_is_not_made(tmp_path: Path) -> None:
    def refuse(_: Any) -> None:
        raise RecordError("the disk is full")

    here = KeyDesk(tmp_path, refuse, clock=SimulatedClock(NOW))
    with pytest.raises(RecordError):
        here.create(ADA, "test", Role.VIEWER, "acme")
    assert not here
    assert not key_file.path_of(tmp_path).exists()


def test_a_key_is_closed_even_where_the_closing_cannot_be_recorded(tmp_path: Path) -> None:
    recorded: list[Any] = []
    here = desk(tmp_path, recorded)
    one = here.create(ADA, "test", Role.VIEWER, "acme")

    def refuse(_: Any) -> None:
        raise RecordError("the disk is full")

    here._record = refuse
    with pytest.raises(RecordError):
        here.revoke(ADA, "test", one.key.id, "acme")
    assert here.verified(one.clear) is None
    assert desk(tmp_path, []).verified(one.clear) is None


def test_every_change_of_a_key_is_recorded_with_its_author_in_the_keys_tenant(tmp_path: Path) -> None:
    recorded: list[Any] = []
    here = desk(tmp_path, recorded)
    one = here.create(ADA, "POST /v1/keys", Role.VIEWER, "acme", name="bo")
    here.rotate(ADA, "rotate", one.key.id, "acme")
    here.revoke(ADA, "revoke", one.key.id, None)
    here.revoke(ADA, "revoke", one.key.id, None)
    assert [event.payload.action for event in recorded] == ["key_created", "key_rotated", "key_revoked"]
    assert {(event.tenant, event.actor, event.payload.principal) for event in recorded} == {
        ("acme", "ada (key:1)", "key:1")
    }
    assert {event.payload.detail["key"] for event in recorded} == {one.key.id}


def test_a_key_of_another_tenant_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    here = desk(tmp_path, [])
    theirs = here.create(ADA, "test", Role.VIEWER, "globex")
    assert here.rows("acme") == []
    for change in (here.rotate, here.revoke):
        with pytest.raises(UnknownKey, match="no key"):
            change(ADA, "test", theirs.key.id, "acme")
    assert here.verified(theirs.clear) is not None


def test_a_revoked_key_still_closes_the_door(tmp_path: Path) -> None:
    here = desk(tmp_path, [])
    assert not here, "nobody has made a key: one-person mode"
    here.revoke(ADA, "test", here.create(ADA, "test", Role.ADMIN, None).key.id, None)
    assert here
    assert desk(tmp_path, []), "after a restart too"


def test_a_key_that_is_closed_is_not_rotated_back_to_life(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    here = desk(tmp_path, [], clock)
    one = here.create(ADA, "test", Role.VIEWER, "acme", expires_at=NOW + timedelta(days=1))
    clock.advance(timedelta(days=2))
    with pytest.raises(UsageError, match="expired"):
        here.rotate(ADA, "test", one.key.id, "acme")
    with pytest.raises(UsageError, match="choose later"):
        here.create(ADA, "test", Role.VIEWER, "acme", expires_at=NOW)


def test_uses_are_noted_to_the_minute_and_written_only_when_there_are_new_ones(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    here = desk(tmp_path, [], clock)
    one = here.create(ADA, "test", Role.VIEWER, "acme")
    here.verified(one.clear)
    here.save_uses()
    before = key_file.path_of(tmp_path).stat().st_mtime_ns
    clock.advance(timedelta(seconds=30))
    here.verified(one.clear)
    here.save_uses()
    assert key_file.path_of(tmp_path).stat().st_mtime_ns == before
    clock.advance(timedelta(seconds=31))
    here.verified(one.clear)
    here.save_uses()
    kept = json.loads(key_file.path_of(tmp_path).read_text())["keys"][0]["last_used_at"]
    assert kept == (NOW + timedelta(seconds=61)).isoformat()

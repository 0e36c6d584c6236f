"""Only what a sender signed just now with a secret in force is its own."""

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rollout.webhooks.signature import (
    FRESH,
    Key,
    Unverified,
    intercom_signature,
    signed,
    verify_intercom,
    verify_signed,
    verify_zendesk,
    zendesk_signature,
)

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
BODY = b'{"id": "e-1", "type": "zen:event-type:ticket.created"}'
OLD, NEW, OTHER = (Key(name.encode() * 8, name) for name in ("old", "new", "other"))


def test_the_three_schemes_are_those_of_their_senders() -> None:
    """Fixed vectors, computed with ``openssl dgst -hmac``."""
    assert zendesk_signature(b"secret", "2026-09-01T12:00:00Z", b'{"a":1}') == ZENDESK
    assert intercom_signature(b"secret", b'{"a":1}') == INTERCOM
    assert signed([b"secret"], b'{"a":1}', NOW) == f"t=1788264000,v1={GENERIC}"


ZENDESK = "lro1Tvn8R3UJD8p8vXwP73JJvgmrNwiHo6DTpCwSOwE="
INTERCOM = "sha1=f8446672f033e4b2beafc5ca3a71eafcd2cafb6e"
GENERIC = "4c9150af3e973c4507b255a403d9820468831596fb501ff152f2a67b114a8ba3"


def test_the_secret_says_whose_a_request_is() -> None:
    stamp = NOW.isoformat()
    for key in (OLD, NEW):
        assert verify_zendesk([OLD, NEW], BODY, zendesk_signature(key.secret, stamp, BODY), stamp, NOW) == (
            key.owner
        )
        assert verify_intercom([OLD, NEW], BODY, intercom_signature(key.secret, BODY)) == key.owner
        assert verify_signed([OLD, NEW], BODY, signed([key.secret], BODY, NOW), NOW) == key.owner


def test_a_receiver_that_knows_one_of_two_secrets_is_content_during_a_change() -> None:
    header = signed([OLD.secret, NEW.secret], BODY, NOW)
    assert verify_signed([OLD], BODY, header, NOW) == "old"
    assert verify_signed([NEW], BODY, header, NOW) == "new"
    with pytest.raises(Unverified):
        verify_signed([OTHER], BODY, header, NOW)


@pytest.mark.parametrize("off", [FRESH, -FRESH])
def test_five_minutes_either_way_are_fresh_and_a_second_more_is_not(off: timedelta) -> None:
    late = off + timedelta(seconds=1 if off > timedelta(0) else -1)
    for at, fresh in ((NOW + off, True), (NOW + late, False)):
        stamp = at.isoformat()
        header, mark = signed([NEW.secret], BODY, at), zendesk_signature(NEW.secret, stamp, BODY)
        if fresh:
            assert verify_signed([NEW], BODY, header, NOW) == "new"
            assert verify_zendesk([NEW], BODY, mark, stamp, NOW) == "new"
        else:
            with pytest.raises(Unverified, match="5 minutes"):
                verify_signed([NEW], BODY, header, NOW)
            with pytest.raises(Unverified, match="5 minutes"):
                verify_zendesk([NEW], BODY, mark, stamp, NOW)


def test_a_zone_is_only_another_spelling_of_the_moment() -> None:
    stamp = NOW.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert verify_zendesk([NEW], b"", zendesk_signature(NEW.secret, stamp, b""), stamp, NOW) == "new"


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "2026-09-01T12:00:00", "1788264000", "٢٠٢٦-09-01T12:00:00Z"]
)
def test_a_timestamp_that_is_none_is_stale_however_well_it_is_signed(stamp: str) -> None:
    with pytest.raises(Unverified):
        verify_zendesk([NEW], BODY, zendesk_signature(NEW.secret, stamp, BODY), stamp, NOW)


@pytest.mark.parametrize(
    "header",
    [None, "", "v1=00", "t=1", "t=x,v1=" + "0" * 64, "t=99999999999999,v1=" + "0" * 64, "t=1788264000,v1="],
)
def test_a_header_of_another_form_is_refused(header: str | None) -> None:
    with pytest.raises(Unverified):
        verify_signed([NEW], BODY, header, NOW)


def test_another_spelling_of_the_same_signature_is_not_it() -> None:
    """Base64 ignores the last bits before its padding, hexadecimal has two cases."""
    stamp = NOW.isoformat()
    good = zendesk_signature(NEW.secret, stamp, BODY)
    swapped = good[:-2] + chr(ord(good[-2]) ^ 1) + "="
    for wrong in (swapped, good.rstrip("="), good + "\n"):
        with pytest.raises(Unverified):
            verify_zendesk([NEW], BODY, wrong, stamp, NOW)
    with pytest.raises(Unverified):
        verify_intercom([NEW], BODY, intercom_signature(NEW.secret, BODY).upper())


def test_no_single_changed_character_passes() -> None:
    stamp, chance = NOW.isoformat(), random.Random(7)
    mark, header = zendesk_signature(NEW.secret, stamp, BODY), signed([NEW.secret], BODY, NOW)
    hub = intercom_signature(NEW.secret, BODY)
    tried = 0
    for _ in range(2000):
        body = bytearray(BODY)
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        for check in (
            lambda body=bytes(body): verify_zendesk([OLD, NEW], body, mark, stamp, NOW),
            lambda body=bytes(body): verify_intercom([OLD, NEW], body, hub),
            lambda body=bytes(body): verify_signed([OLD, NEW], body, header, NOW),
            lambda: verify_zendesk([OLD, NEW], BODY, _spoiled(mark, chance), stamp, NOW),
            lambda: verify_intercom([OLD, NEW], BODY, _spoiled(hub, chance)),
            lambda: verify_signed([OLD, NEW], BODY, _spoiled(header, chance), NOW),
        ):
            tried += 1
            with pytest.raises(Unverified):
                check()
    assert tried == 12_000


def _spoiled(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    other = chance.choice([c for c in "0123456789abcdefABCDEF+/=,t" if c != text[place]])
    return text[:place] + other + text[place + 1 :]


def test_a_key_does_not_show_its_secret() -> None:
    assert "newnew" not in repr(NEW)

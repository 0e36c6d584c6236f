"""Does it believe only us, and keep to itself what is to be kept?"""

from datetime import UTC, datetime, timedelta
from typing import Final

from agents.remote.contract import encoded
from agents.remote.exam.probe import Check, Exchange, Finding, Probe, Status, judged, passed
from agents.remote.signature import signed

_VERIFY: Final = (
    "compute HMAC-SHA256 of SECONDS.BODY with the secret over the raw bytes, compare in constant time with "
    "v1 of Ridealong-Signature, and answer 401 before you read the body"
)
_OPEN: Final = "without --secret-env nothing is signed: anybody who finds the address can ask"
_OTHER: Final = b"another-secret-that-nobody-has"


def _refused(seen: Exchange, what: str, fix: str = _VERIFY) -> Finding:
    if seen.status in (401, 403):
        return passed(f"status {seen.status}")
    if 400 <= seen.status < 500:
        return Finding(Status.WARN, f"{what}: refused, but with status {seen.status}", "answer 401")
    if seen.status == 200:
        return Finding(Status.FAIL, f"{what}: it was answered", fix)
    return Finding(Status.FAIL, f"{what}: {seen.told()}", "answer 401")


async def missing(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN, "name the variable with the secret in --secret-env and secret_env")
    return _refused(await probe.send(probe.request(), signing=False), "a request without a signature")


async def wrong(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    content = probe.request()
    forged = signed([_OTHER], encoded(content), datetime.now(UTC))
    return _refused(await probe.send(content, signature=forged), "a signature by another secret")


async def of_another_body(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    content = probe.request()
    taken = signed([probe.secret], encoded(probe.request("Another question")), datetime.now(UTC))
    return _refused(await probe.send(content, signature=taken), "the signature of another body")


async def stale(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    fix = (
        "refuse where t lies more than five minutes from your clock: else an overheard request works for ever"
    )
    old = datetime.now(UTC) - timedelta(minutes=15)
    return _refused(await probe.send(probe.request(), at=old), "a signature fifteen minutes old", fix)


async def from_the_future(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    ahead = datetime.now(UTC) + timedelta(minutes=15)
    fix = "refuse times ahead of your clock as well: abs(now - t) > 300"
    found = _refused(await probe.send(probe.request(), at=ahead), "a time fifteen minutes ahead", fix)
    return found._replace(status=Status.WARN) if found.status is Status.FAIL else found


async def exchanged(probe: Probe) -> Finding:
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    content = probe.request()
    both = signed([_OTHER, probe.secret], encoded(content), datetime.now(UTC))
    fix = "accept when any v1 of the header fits: while a secret is exchanged there are two"
    answer, trouble = judged(await probe.send(content, signature=both), fix)
    return (
        trouble._replace(status=Status.WARN) if answer is None else passed("one of two signatures suffices")
    )


async def keeps_secrets(probe: Probe) -> Finding:
    """Looks through everything that was answered so far, bodies and headers."""
    if probe.secret is None:
        return Finding(Status.SKIP, _OPEN)
    secret = probe.secret.decode("utf-8", "replace")
    for seen in probe.seen:
        text = seen.body.decode("utf-8", "replace") + " ".join(seen.headers.values())
        if secret in text:
            fix = "exchange the secret now, then find what writes it into answers"
            return Finding(Status.FAIL, "an answer repeats the secret", fix)
        if "v1=" in text:
            fix = "answer without repeating the request's headers"
            return Finding(Status.WARN, "an answer repeats a signature", fix)
    return passed(f"{len(probe.seen)} answers looked through")


CHECKS: Final = (
    Check("signature-missing", "a request without a signature is refused", missing),
    Check("signature-wrong", "a signature by another secret is refused", wrong),
    Check("signature-of-another-body", "a signature is of this body", of_another_body),
    Check("signature-stale", "an old signature is refused", stale),
    Check("signature-future", "a signature from the future is refused", from_the_future),
    Check("signature-exchange", "one of two signatures suffices", exchanged),
)
LAST: Final = (Check("no-secrets", "no answer repeats the secret", keeps_secrets),)

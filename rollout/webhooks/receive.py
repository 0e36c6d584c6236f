"""A request as it came, to what it carries: verify first, read afterwards."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from policies.webhooks import Sender
from rollout.webhooks import generic, intercom, zendesk
from rollout.webhooks.inputs import Delivery, Unreadable
from rollout.webhooks.settings import InForce
from rollout.webhooks.signature import HEADER, verify_intercom, verify_signed, verify_zendesk

SYSTEMS: Final = ("zendesk", "intercom", "generic")
Headers = Mapping[str, str]


class UnknownSender(Exception):
    """Nobody of this kind or name is configured."""


def receive(
    system: str, name: str | None, headers: Headers, body: bytes, now: datetime, known: InForce
) -> tuple[Sender, Delivery]:
    """Whose request it is and what it carries. ``headers`` are found whatever their case.

    Raises:
        UnknownSender: nobody reports there.
        Unverified: it cannot be shown to come from its sender, or is too old.
        Unreadable: it is genuine and does not say what it must.

    """
    if system == "zendesk" and known.zendesk:
        signature = headers.get("x-zendesk-webhook-signature")
        timestamp = headers.get("x-zendesk-webhook-signature-timestamp")
        account = verify_zendesk(known.zendesk, body, signature, timestamp, now)
        return account, zendesk.read(_parsed(body), account)
    if system == "intercom" and known.intercom:
        workspace = verify_intercom(known.intercom, body, headers.get("x-hub-signature"))
        return workspace, intercom.read(_parsed(body), workspace)
    if system == "generic" and name in known.generic:
        sender = verify_signed(known.generic[name], body, headers.get(HEADER.lower()), now)
        return sender, generic.read(_parsed(body), sender.mapping, sender, f"generic/{sender.name}")
    raise UnknownSender


def _parsed(body: bytes) -> Any:
    """The JSON of a body; None where it is empty."""
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the body is not JSON: {error}") from None

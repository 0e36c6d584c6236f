"""Why another's agent gave no answer that could be used. Each code is a reason on the ticket.

Built on the failures of hosted models, so that one breaker understands both. A message is made of our
own words: what an endpoint says may repeat the customer's text or the key.
"""

from agents.models.failure import Late, ModelFailure, Refused, Unavailable, Unusable


class EndpointAway(Unavailable):
    """Not reached, overloaded or broken; another try may help."""

    code = "agent-unavailable"


class EndpointRefused(Refused):
    """It does not take the request: its key or its address is wrong, or its contract is another."""

    code = "agent-refused"


class EndpointUnusable(Unusable):
    """An answer that is not of the contract's form; the message names the place in it."""

    code = "unusable-agent-output"


LATE = "agent-deadline"


def reason_of(failure: ModelFailure) -> str:
    """The reason a ticket is handed off with."""
    return LATE if isinstance(failure, Late) else failure.code.replace("model-", "agent-")

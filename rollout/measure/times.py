"""Times: how long the customer waits, how long the work takes."""

from typing import Final

from rollout.measure.definition import CLOSED, Definition

ANSWERED_BY: Final = "(opened_at + to_seconds(first_response_seconds) <= $as_of)"

HANDLE_TIME: Final = Definition(
    "handle_time",
    counts=f"({CLOSED} AND handle_seconds IS NOT NULL)",
    value="handle_seconds",
    immature=f"(NOT {CLOSED})",
    unknown=f"({CLOSED} AND handle_seconds IS NULL)",
    exclusions="open tickets; tickets whose time was not recorded",
)
FIRST_RESPONSE: Final = Definition(
    "first_response",
    counts=f"(first_response_seconds IS NOT NULL AND {ANSWERED_BY})",
    value="first_response_seconds",
    immature=f"(NOT {CLOSED} AND (first_response_seconds IS NULL OR NOT {ANSWERED_BY}))",
    unknown=f"({CLOSED} AND first_response_seconds IS NULL)",
    exclusions="tickets that nobody has answered yet",
)
METRICS_HERE: Final = (HANDLE_TIME, FIRST_RESPONSE)

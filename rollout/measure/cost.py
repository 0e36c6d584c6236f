"""Cost: what the models took plus what the people's time is worth.

An unknown model price is unknown, never 0. Where no model was involved its cost is 0, and where no
person was, theirs is.
"""

from typing import Final

from rollout.measure.definition import CLOSED, Definition

MODEL_USD: Final = "coalesce(cost_usd, CASE WHEN coalesce(arm, 'human') = 'human' THEN 0.0 END)"
_NO_PERSON: Final = (
    "(path = 'agent' OR (path = 'abandoned' AND arm <> 'human' AND NOT coalesce(escalated, FALSE)))"
)
HUMAN_SECONDS: Final = f"coalesce(human_seconds, CASE WHEN {_NO_PERSON} THEN 0.0 END)"
HUMAN_USD: Final = f"({HUMAN_SECONDS} * CAST($wage AS DOUBLE) / 3600.0)"
TICKET_USD: Final = f"({MODEL_USD} + {HUMAN_USD})"

COST: Final = Definition(
    "cost",
    counts=f"({CLOSED} AND {TICKET_USD} IS NOT NULL)",
    value=TICKET_USD,
    immature=f"(NOT {CLOSED})",
    unknown=f"({CLOSED} AND {TICKET_USD} IS NULL)",
    exclusions="open tickets; tickets with an unknown model price or unknown minutes of a person",
)
METRICS_HERE: Final = (COST,)

"""What reviewers said of shadow replies, as columns for calibration.

Only people's labels carry anything. Where there are none, the rules' own labels are handed over and
marked as such, so that a page has something to show and nobody takes it for evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.calibration import Reviewed
from rollout.measure.comparisons import RATINGS
from rollout.measure.query import Query, Source

Floats = NDArray[np.float64]

_GOOD: Final = "CASE WHEN accuracy IS NOT NULL THEN least(accuracy, tone, policy) END"
"""Right in substance, and in tone and policy where those were rated; ``least`` passes over NULL."""

_RATED: Final = f"""
SELECT ticket_id, version, rater, customer_id, by_person, confidence, abstained,
    CAST(agent_escalated AS DOUBLE) AS handed_over, CAST(human_escalated AS DOUBLE) AS needs_human,
    {_GOOD} AS good, chance
FROM ({RATINGS}
)
WHERE dropped IS NULL AND chance > 0 AND chance <= 1
QUALIFY bool_or(by_person) OVER (PARTITION BY ticket_id, version)
    OR (NOT bool_or(by_person) OVER () AND NOT starts_with(rater, 'judge:'))
ORDER BY ticket_id, version, rater"""

_COUNTS: Final = f"""
SELECT CASE WHEN NOT compared THEN reason END AS dropped, count(*) AS replies,
    count(*) FILTER (rated) AS rated
FROM (
    SELECT bool_or(dropped IS NULL) AS compared, bool_or(by_person) AS rated, min(dropped) AS reason
    FROM ({RATINGS}
    ) GROUP BY ticket_id, version
) GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """One row per rating, as columns of equal length; ratings of one reply share its number."""

    reply: NDArray[np.intp]
    rater: NDArray[np.str_]
    by_person: NDArray[np.bool_]
    customer: NDArray[np.str_]
    confidence: Floats
    handed_over: Floats
    abstained: NDArray[np.bool_]
    needs_human: Floats
    good: Floats
    weight: Floats
    """1 / chance that a person reviewed the reply."""


@dataclass(frozen=True, slots=True)
class ShadowLabels:
    """What one version's shadow holds as of a moment."""

    compared: int
    """Replies beside a human's."""
    rated: int
    """Of them rated by a person."""
    dropped: Mapping[str, int]
    """Replies that never came to be compared, by reason."""
    ratings: Ratings
    by_people: bool
    """False where no person rated anything and the ratings are the rules' own."""
    sql: str


def shadow_labels(source: Source, params: Mapping[str, Any]) -> ShadowLabels:
    """The labels of a scope; ``params`` as of ``Scope``: tenant, workflow, as_of, version, since."""
    query = Query(_RATED.strip(), params)
    rows = query.rows(source)
    counts = Query(_COUNTS.strip(), params).rows(source)
    return ShadowLabels(
        compared=sum(row["replies"] for row in counts if row["dropped"] is None),
        rated=sum(row["rated"] for row in counts),
        dropped={row["dropped"]: row["replies"] for row in counts if row["dropped"] is not None},
        ratings=_columns(rows),
        by_people=any(row["by_person"] for row in rows),
        sql=query.sql,
    )


def reviewed(ratings: Ratings, *, by_people: bool) -> Reviewed:
    """One row per reply: labels averaged over its raters of the kind asked for."""
    keep = ratings.by_person == by_people
    numbers = ratings.reply[keep]
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)

    def mean(column: Floats) -> Floats:
        values = column[keep]
        known = ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            total = np.bincount(place[known], values[known], len(first)).astype(np.float64)
            return total / np.bincount(place[known], minlength=len(first))

    over = mean(ratings.handed_over)
    return Reviewed.of(
        confidence=ratings.confidence[keep][first],
        good=mean(ratings.good),
        needs_human=mean(ratings.needs_human),
        handed_over=over,
        held=(over == 1) & ~ratings.abstained[keep][first],
        weight=ratings.weight[keep][first],
        cluster=ratings.customer[keep][first],
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> Ratings:
    numbers: dict[tuple[str, str], int] = {}
    reply = [numbers.setdefault((row["ticket_id"], row["version"]), len(numbers)) for row in rows]
    chance: dict[int, float] = {}
    person = {number for number, row in zip(reply, rows, strict=True) if row["by_person"]}
    for number, row in zip(reply, rows, strict=True):
        if row["by_person"] or number not in person:
            chance[number] = max(row["chance"], chance.get(number, 0.0))

    def floats(name: str) -> Floats:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)

    def inside(name: str) -> Floats:
        """Values outside 0 to 1 are nobody's label."""
        found = floats(name)
        return np.where((found >= 0) & (found <= 1), found, np.nan)

    return Ratings(
        reply=np.array(reply, dtype=np.intp),
        rater=np.array([row["rater"] for row in rows], dtype=np.str_),
        by_person=np.array([row["by_person"] for row in rows], dtype=bool),
        customer=np.array([row["customer_id"] for row in rows], dtype=np.str_),
        confidence=inside("confidence"),
        handed_over=inside("handed_over"),
        abstained=np.array([row["abstained"] for row in rows], dtype=bool),
        needs_human=inside("needs_human"),
        good=inside("good"),
        weight=np.array([1 / chance[number] for number in reply], dtype=np.float64),
    )

"""Sufficient statistics: the narrow waist between rows and verdicts.

Whoever counts (SQL, numpy, a stream) hands over these sums; nothing here ever sees a ticket.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Companion:
    """A second variable x, summed beside y over the same rows, strata and clusters.

    With x̃ = x − x̄_h·d inside stratum h, and x_c = Σ(A − p_h)·x̃ for customer c. Carries a CUPED
    covariate (x measured before the first exposure) or the treated part of y (x = A·y), which
    makes relative margins exact.
    """

    sum_x: float
    """Σ_c x_c."""
    sum_xx: float
    """Σ_c x_c²."""
    sum_ax: float
    """Σ_c a_c·x_c."""
    sum_xb: float
    """Σ_c x_c·b_c."""
    within_xx: float
    """Σ x̃² over observations."""
    within_xy: float
    """Σ x̃·ỹ over observations."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treated against control for one ratio metric Σy/Σd, in the metric's own orientation.

    y is 0 where d is 0; d counts what the metric is about (1 per answered survey, matured ticket,
    resolution). A is the arm *as assigned when the ticket opened*. Per stratum h and customer c::

        p_h = ΣA·d / Σd        ȳ_h = Σy / Σd        ỹ = y − ȳ_h·d
        a_c = Σ(A − p_h)·ỹ     b_c = Σ(A − p_h)²·d

    A customer's sums run over all strata and both arms, because customers switch arms when a
    weight is raised. Strata are at least (step, day).
    """

    sum_a: float
    """Σ_c a_c."""
    sum_b: float
    """Σ_c b_c."""
    sum_aa: float
    """Σ_c a_c²."""
    sum_ab: float
    """Σ_c a_c·b_c."""
    sum_bb: float
    """Σ_c b_c²."""
    within: float
    """Σ ỹ² over observations."""
    n: float
    """Observations that carry the metric: Σd."""
    n_treated: float
    """Observations assigned to the treated arm: ΣA·d."""
    n_control: float
    """Observations assigned to the control arm."""
    clusters: int
    """Customers with d > 0."""
    strata: int
    """Strata with d > 0."""
    mean_treated: float
    """ΣA·y / ΣA·d, unadjusted, for display; NaN without treated observations."""
    mean_control: float
    """Σ(1−A)·y / Σ(1−A)·d, unadjusted; NaN without control observations."""
    largest_b: float = 0.0
    """max_c b_c: bounds the pull of a single customer; 0 where it was not counted."""
    covariate: Companion | None = None
    """x known before the customer's first exposure: CUPED uses it when it shrinks the variance."""
    treated_part: Companion | None = None
    """x = A·y: needed for margins relative to the control mean."""


NO_COMPARISON = Comparison(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, float("nan"), float("nan"))
"""What an empty query amounts to."""


@dataclass(frozen=True, slots=True)
class OneSample:
    """One arm's ratio Σwy/Σwd against a fixed floor or ceiling, clustered by customer.

    w = 1 / sampling probability. Per customer c: a_c = Σw·y, b_c = Σw·d; the ``row_*`` sums square
    each row by itself.
    """

    sum_a: float
    sum_b: float
    sum_aa: float
    sum_ab: float
    sum_bb: float
    row_aa: float
    """Σ(w·y)² over rows."""
    row_ab: float
    """Σw²·y·d over rows."""
    row_bb: float
    """Σ(w·d)² over rows."""
    n: float
    """Observations: Σd, unweighted."""
    events: float
    """Σy, unweighted: of a rate, how many had it."""
    clusters: int
    """Customers with d > 0."""


NO_SAMPLE = OneSample(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
"""What an empty query amounts to."""

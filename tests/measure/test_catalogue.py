"""The catalogue and the vocabulary of plans name the same metrics."""

import pytest

from policies.vocabulary import METRICS
from rollout.measure.catalogue import CATALOGUE


def test_every_metric_a_plan_may_name_is_measured_and_no_other() -> None:
    assert set(CATALOGUE) == set(METRICS)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_definition_says_what_it_leaves_out(name: str) -> None:
    assert CATALOGUE[name].metric == name
    assert CATALOGUE[name].exclusions


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_outcomes_come_from_facts_and_shadow_never_does(name: str) -> None:
    assert (CATALOGUE[name].table == "facts") == (METRICS[name].evidence == "outcome")

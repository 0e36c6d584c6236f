"""The page for scrapers conforms to the format, and no caller can make it long."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from rollout.durations import Durations
from rollout.observe.counts import MOST, MOST_TENANTS, OTHER, OTHERS, Counts
from rollout.observe.exposition import Family, text


def parsed(page: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(page)}


@given(
    words=st.text(max_size=30),
    labels=st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=3),
    value=st.floats(),
)
@settings(max_examples=200, deadline=None)
def test_whatever_a_label_holds_a_parser_reads_it_back(
    words: str, labels: dict[str, str], value: float
) -> None:
    page = text([Family("things", "gauge", words, [(labels, value)])])
    (sample,) = parsed(page)["ridealong_things"].samples
    assert sample.labels == labels
    assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))


@given(seconds=st.lists(st.floats(0, 60), max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_histogram_counts_what_is_at_most_each_bound(seconds: list[float]) -> None:
    durations = Durations()
    for each in seconds:
        durations.observe(each)
    page = text([Family("took_seconds", "histogram", "How long.", [({"route": "GET /"}, durations)])])
    samples = parsed(page)["ridealong_took_seconds"].samples
    buckets = {float(s.labels["le"]): s.value for s in samples if s.name.endswith("_bucket")}
    assert buckets == {
        bound: sum(each <= bound for each in seconds) for bound in (*durations.bounds, math.inf)
    }
    (count,) = (s.value for s in samples if s.name.endswith("_count"))
    (total,) = (s.value for s in samples if s.name.endswith("_sum"))
    assert (count, total) == (len(seconds), pytest.approx(sum(seconds)))


def test_a_family_without_samples_is_not_announced() -> None:
    assert text([Family("nothing", "gauge", "None.", [])]) == ""


def test_a_tenant_that_makes_up_names_counts_under_other_and_keeps_its_sum() -> None:
    counts = Counts("made_total", "Made up.", ("workflow",))
    for number in range(10 * MOST):
        counts.add("acme", f"w{number}")
        counts.add("globex", "tier1")
    samples = list(counts.family(None).samples)
    assert len(samples) == MOST + 2
    mine = {labels["workflow"]: value for labels, value in samples if labels["tenant"] == "acme"}
    assert mine[OTHER] == 9 * MOST
    assert sum(mine.values()) == 10 * MOST
    assert list(counts.family("globex").samples) == [({"tenant": "globex", "workflow": "tier1"}, 10 * MOST)]


def test_tenants_beyond_the_most_are_counted_together() -> None:
    counts = Counts("made_total", "Made up.", ("workflow",))
    for number in range(MOST_TENANTS + 50):
        counts.add(f"t{number}", "w")
    samples = list(counts.family(None).samples)
    assert len(samples) == MOST_TENANTS + 1
    assert ({"tenant": OTHERS, "workflow": OTHER}, 50) in samples

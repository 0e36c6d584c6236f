"""The simulated desk is a plausible one, and the same one for the same seed."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from policies.load import load_manifest
from rollout.trials.demo import APPEAL, POLICIES
from rollout.trials.desk_day import PEOPLE, cited, service_of
from rollout.trials.wording import words_of
from rollout.trials.world import TOPICS, Service, Size, World

MONDAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def weeks():
    """Four weeks of visits to a desk of humans."""
    world = World("demo-support", seed=1, size=Size(250, 3_000))
    days = []
    for n in range(28):
        visits = world.visits(MONDAY + timedelta(days=n))
        days.append((visits, world.serve(visits, [PEOPLE] * len(visits))))
    return days


def served(service: Service, seed: int = 5):
    world = World("demo-support", seed=seed, size=Size(3_000, 10_000))
    visits = world.visits(MONDAY)
    return world, world.serve(visits, [service] * len(visits))


def version(name: str) -> Service:
    return service_of(load_manifest(POLICIES / "agents" / f"{name}.yaml"), APPEAL[name])


def test_the_same_seed_is_the_same_desk() -> None:
    def first_days(seed):
        world = World("demo-support", seed=seed)
        seen = []
        for n in range(3):
            visits = world.visits(MONDAY + timedelta(days=n))
            outcome = world.serve(visits, [PEOPLE] * len(visits))
            seen.append(([visit.ticket for visit in visits], outcome.resolved.tolist()))
        return seen

    assert first_days(7) == first_days(7)
    assert first_days(7) != first_days(8)


def test_days_are_in_order_and_weekends_are_quiet(weeks) -> None:
    for n, (visits, _) in enumerate(weeks):
        opened = [visit.ticket.opened_at for visit in visits]
        assert opened == sorted(opened)
        assert {moment.date() for moment in opened} == {MONDAY + timedelta(days=n)}
    count = [len(visits) for visits, _ in weeks]
    assert np.mean(count[5::7] + count[6::7]) < 0.7 * np.mean(count[0::7])


def test_customers_write_more_than_once_and_some_come_back_on_the_same_issue(weeks) -> None:
    tickets = [visit.ticket for visits, _ in weeks for visit in visits]
    per_customer = Counter(ticket.customer_id for ticket in tickets)
    assert len(per_customer) > 1_000
    assert max(per_customer.values()) >= 6
    issues = Counter(ticket.issue_key for ticket in tickets)
    returned = sum(count > 1 for count in issues.values()) / len(issues)
    assert 0.05 < returned < 0.25


def test_surveys_are_answered_as_on_a_real_desk(weeks) -> None:
    scores = np.concatenate([outcome.score for _, outcome in weeks])
    answered = scores[~np.isnan(scores)]
    assert 0.10 < len(answered) / len(scores) < 0.15
    assert set(answered) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert 3.5 < answered.mean() < 4.3


def test_nobody_is_closed_before_they_were_answered_or_rates_before_it_was_closed(weeks) -> None:
    for _, outcome in weeks:
        assert (outcome.first_response >= 0).all()
        assert (outcome.resolved >= outcome.first_response).all()
        assert (outcome.rated >= outcome.resolved).all()


def test_the_good_agent_is_faster_cheaper_and_a_little_better_liked() -> None:
    _, people = served(PEOPLE)
    _, agent = served(version("demo@1.0.0"))
    assert np.median(agent.first_response) < np.median(people.first_response) / 100
    assert agent.human.mean() < people.human.mean() / 3
    assert abs(agent.escalated.mean() - people.escalated.mean()) < 0.05
    assert 0 < np.nanmean(agent.score) - np.nanmean(people.score) < 0.3


def test_the_update_keeps_what_it_should_hand_off_and_satisfies_less() -> None:
    _, good = served(version("demo@1.0.0"))
    world, bad = served(version("demo@1.1.0"))
    assert bad.escalated.mean() < good.escalated.mean() / 2
    assert np.nanmean(bad.score) < np.nanmean(good.score) - 0.4
    returning = sum(len(world.visits(MONDAY + timedelta(days=n))) for n in range(1, 8))
    calm, _ = served(version("demo@1.0.0"))
    assert returning > sum(len(calm.visits(MONDAY + timedelta(days=n))) for n in range(1, 8))


def test_only_scripted_versions_can_be_played() -> None:
    manifest = load_manifest(POLICIES / "agents" / "resolution@1.2.0.yaml")
    with pytest.raises(ValueError, match=r"resolution@1\.2\.0 has no script"):
        service_of(manifest, APPEAL["demo@1.0.0"])


def test_every_subject_has_words_in_both_languages() -> None:
    for topic in TOPICS.values():
        for subject in topic.subjects:
            for language in ("en", "de"):
                words = words_of(subject, language, number=1, customer=3)
                told = (words.subject, words.text, words.agent, words.human, words.again)
                assert all(told)
                assert not any("{" in each or "}" in each for each in told)
            assert words_of(subject, "de", 1, 3).text != words_of(subject, "en", 1, 3).text


def test_who_comes_back_writes_that_it_did_not_help(weeks) -> None:
    tickets = [visit.ticket for visits, _ in weeks for visit in visits]
    again = [ticket for ticket in tickets if ticket.subject.startswith("Re: ")]
    assert again
    first = {ticket.issue_key: ticket for ticket in reversed(tickets)}
    assert all(first[ticket.issue_key].text != ticket.text for ticket in again)
    assert not any(ticket.subject.startswith("Re: Re: ") for ticket in again)


def test_an_agent_says_what_its_answer_rests_on_and_how_old_that_is() -> None:
    world = World("demo-support", seed=1, size=Size(50, 400))
    ages = {}
    for n in (0, 9):
        for visit in world.visits(MONDAY + timedelta(days=n)):
            found = cited(visit, world)
            ages.setdefault(found["sources"], {})[n] = found["retrieval_age_days"]
    pairs = [age for age in ages.values() if len(age) == 2]
    assert pairs
    assert all(age[9] - age[0] == 9 for age in pairs)

"""The webhooks file: strict, and it never shows or holds a secret."""

from collections.abc import Callable

import pytest

from policies.files import Checked
from policies.problems import Problem

GOOD = """\
zendesk:
  - {name: acme, workflow: tier1-support, secrets: ["env:ZD_NEW", "env:ZD_OLD"], agents: ["77"]}
intercom:
  - {name: chat, workflow: tier1-support, tenant: acme, secrets: ["file:/run/secrets/intercom"]}
generic:
  - name: freshdesk
    workflow: tier1-support
    secrets: [env:FD]
    mapping:
      id: event.id
      time: event.at
      events:
        - {record: ticket, when: {event.type: created}, fields: {ticket_id: t.id, customer_id: t.who}}
        - record: csat
          when: {event.type: rated, rating: [good, bad]}
          fields: {ticket_id: t.id, score: rating}
          values: {score: {good: 5, bad: 1}}
out:
  - {name: ops, url: "env:SLACK_URL", events: [handoff, incident], format: slack}
  - {name: bi, url: "https://bi.example.com/in", events: [verdict], secrets: [env:BI], retry: {attempts: 3}}
"""
Problems = Callable[..., tuple[Problem, ...]]


def test_a_good_file_is_taken_and_known_for_what_it_is(check: Callable[..., Checked]) -> None:
    checked = check(GOOD, "webhooks.yaml")
    assert (checked.kind, checked.problems) == ("webhooks", ())
    assert checked.content.generic[0].mapping.events[1].when["event.type"] == ["rated"]


def test_a_secret_in_the_file_is_refused_without_being_shown(problems: Problems) -> None:
    (found,) = problems(GOOD.replace("env:FD", "s3cr3t-of-acme"), "webhooks.yaml")
    assert "write env:NAME or file:PATH" in str(found)
    assert "s3cr3t" not in str(found)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("secrets: [env:FD]", "secret: [env:FD]", "did you mean 'secrets'?"),
        ("customer_id: t.who", "customer: t.who", "did you mean 'customer_id'?"),
        (", customer_id: t.who", "", "a ticket needs the field 'customer_id'"),
        ("score: {good", "scroe: {good", "a csat has no field 'scroe'"),
        ("record: csat", "record: cast", "did you mean 'csat'?"),
        ("t.id, score", "t..id, score", "such as ticket.id"),
        ("https://bi.", "ftp://bi.", "write http:// or https://"),
        ("https://bi.", "https://me:pw@bi.", "no user name"),
        ("[verdict], secrets: [env:BI]", "[verdict]", "could not tell us from anybody else"),
        ("name: bi", "name: ops", "two entries of out are called 'ops'"),
        ('"env:ZD_NEW", "env:ZD_OLD"', "env:A, env:B, env:C", "secrets"),
        ("attempts: 3", "attempts: 0", "at least 1"),
        ("[handoff, incident]", "[hand-off]", "did you mean 'handoff'?"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(problems: Problems, good: str, bad: str, words: str) -> None:
    assert GOOD.count(good) == 1
    found = problems(GOOD.replace(good, bad), "webhooks.yaml")
    assert found
    assert any(words in f"{problem} {problem.path}" for problem in found), found


def test_one_secret_cannot_belong_to_two_senders_of_an_address(problems: Problems) -> None:
    text = GOOD.replace(
        "intercom:\n", '  - {name: other, tenant: rival, workflow: w, secrets: ["env:ZD_OLD"]}\nintercom:\n'
    )
    (found,) = problems(text, "webhooks.yaml")
    assert "is also the secret of 'acme'" in str(found)

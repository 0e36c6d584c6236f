"""How often topics fire on replies that people wrote in earnest: seldom, or nobody keeps the rules on."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from agents.checks.conduct import Conduct, Context
from policies.regions import load_policies

ROOT = Path(__file__).resolve().parents[2]
POLICY = Conduct(load_policies(ROOT / "policies" / "conduct" / "support-agent-policy.yaml").base)
EVERYDAY = (
    "Open the account settings and check that the port is the one your provider names.",
    "Right-click the folder, choose Properties, then Repair. It may take a while for large folders.",
    "Does this also happen in troubleshoot mode? Hold Shift while the program starts.",
    "Sorry for the late answer. Which version is installed, and when did it begin?",
    "The message is from your provider, not from us. They changed how programs sign in.",
    "Remove the account, start again, and enter your name, address and password when it asks.",
)


def topics(replies: list[str]) -> Counter[str]:
    return Counter(
        found.rule
        for reply in replies
        for found in POLICY.examine(reply, Context()).violations
        if found.rule.startswith(("prohibited_", "potential_pii", "missing_disclosure"))
    )


def test_everyday_replies_fire_nothing() -> None:
    assert topics(list(EVERYDAY)) == Counter()


@pytest.mark.shared_data
def test_on_volunteers_replies_topics_hardly_ever_fire(shared_data: Path) -> None:
    with (shared_data / "thunderbird" / "replies.csv").open(newline="") as file:
        replies = [row["body"] for row in csv.DictReader(file) if row["author_role"] == "agent"][::4]
    assert len(replies) > 500
    assert sum(topics(replies).values()) < 0.02 * len(replies)

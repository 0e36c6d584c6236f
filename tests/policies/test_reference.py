"""The reference pages name every key, and what they show is accepted."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from policies.files import Checked
from policies.manifest import AgentVersion
from policies.schema import json_schema
from policies.vocabulary import METRICS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"plan": DOCS / "plan.md", "agent": DOCS / "agent-versions.md"}


def blocks(page: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", PAGES[page].read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_key_is_explained(page: str):
    text = PAGES[page].read_text()
    schema = json_schema(page)
    for model in (schema, *schema.get("$defs", {}).values()):
        for key in model.get("properties", {}):
            assert f"`{key}`" in text, f"{model.get('title')}.{key} is not explained in {PAGES[page].name}"


def test_the_examples_of_the_page_are_one_plan_that_is_accepted(check: Callable[..., Checked]):
    text = "".join(blocks("plan")).replace("resolution@1.2.0", "answers@1.0.0")
    assert check(text.replace("resolution@1.3.0", "answers@1.1.0")).problems == ()


def test_the_example_of_an_agent_version_is_accepted():
    from policies.reader import parse

    root = parse(blocks("agent")[0].encode(), "x.yaml").root
    assert root is not None
    assert AgentVersion.model_validate(root.plain()).ref == "resolution@1.2.0"


def test_the_table_of_metrics_is_the_vocabulary():
    row = re.compile(r"^\| `(\w+)` \| (\w+), (?:higher|lower) is better", re.MULTILINE)
    rows = dict(row.findall(PAGES["plan"].read_text()))
    assert rows == {name: metric.unit for name, metric in METRICS.items()}

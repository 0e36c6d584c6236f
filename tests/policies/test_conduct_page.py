"""The page on conduct names every key, and what it shows is accepted and holds."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.checks.inline_tests import broken_tests
from policies.conduct import SEVERITIES
from policies.effective import BUILT_IN
from policies.files import Checked, check_files
from policies.schema import json_schema

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "conduct.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", ["conduct", "overlay", "detectors", "routes"])
def test_every_key_is_explained(kind: str) -> None:
    schema = json_schema(kind)
    for model in (schema, *schema.get("$defs", {}).values()):
        for key in model.get("properties", {}):
            assert re.search(rf"`{key}[`:]", PAGE), f"{model.get('title')}.{key} is not explained"


def test_every_built_in_check_and_severity_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in (*BUILT_IN, *SEVERITIES))


def test_the_policy_it_shows_is_accepted_and_its_tests_hold(
    tmp_path: Path, check: Callable[..., Checked]
) -> None:
    policy, overlay = BLOCKS
    assert check(policy, "policy.yaml").problems == ()
    (found,) = check_files([tmp_path / "policy.yaml"], tried=broken_tests)
    assert found.problems == ()
    shipped = Path(__file__).resolve().parents[2] / "policies" / "conduct" / "support-agent-policy.yaml"
    (tmp_path / "support-agent-policy.yaml").write_text(shipped.read_text())
    (tmp_path / "regions").mkdir()
    assert check(overlay, "regions/EU.yaml").problems == ()

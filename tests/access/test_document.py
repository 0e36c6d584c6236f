"""docs/access.md says what the tables say."""

from pathlib import Path

from rollout.access.roles import COMMANDS, GRANTS, RULES, Permission

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text()


def test_every_role_stands_there_with_its_permissions_and_its_reason() -> None:
    for role, grant in GRANTS.items():
        may = ", ".join(f"`{permission}`" for permission in Permission if permission in grant.permissions)
        assert f"| `{role}` | {may} | {grant.why} |" in PAGE


def test_every_route_and_command_stands_there_with_what_it_needs() -> None:
    for (method, path), rule in RULES.items():
        assert f"| `{method} {path}` | {rule.needs} | {rule.why} |" in PAGE
    for name, rule in COMMANDS.items():
        assert f"| `ridealong {name}` | {rule.needs} | {rule.why} |" in PAGE


def test_nothing_stands_there_that_is_not() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(rows) == len(GRANTS) + len(RULES) + len(COMMANDS)

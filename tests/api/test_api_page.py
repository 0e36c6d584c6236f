"""The page about the doors lists the doors there are, for the roles that may."""

import re
from pathlib import Path

from rollout.access.roles import GRANTS, RULES, Role
from rollout.api.problems import _TITLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| `(GET|POST) (/\S*)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_every_route_is_on_the_page_with_its_roles_and_reason() -> None:
    said = {(method, path): (roles, why) for method, path, roles, why in ROW.findall(PAGE)}
    assert set(said) == {route for route in RULES if not route[1].startswith("/internal")}
    for route, (roles, why) in said.items():
        rule = RULES[route]
        assert why == rule.why
        may = {role.value for role in Role if rule.needs in GRANTS[role].permissions}
        told = {
            "all": {role.value for role in Role},
            "all but agent": {role.value for role in Role} - {"agent"},
        }.get(roles, set(roles.split(", ")))
        assert told == (may or {rule.needs.value})


def test_every_status_of_a_refusal_is_on_the_page() -> None:
    for status, _ in _TITLES.values():
        assert status in (404, 405, 500) or re.search(rf"^\|[^|]*\b{status}\b", PAGE, re.MULTILINE), status

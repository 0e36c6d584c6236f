"""Tool catalogues: what is declared is closed, bound and bounded, or refused with its place."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from policies.files import check_files
from policies.problems import ManifestInvalid
from policies.tool_files import load_tools
from policies.tools import ToolCatalogue

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "tools" / "helpdesk.yaml"


def tool(**changes: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["customer_id", "amount_usd"],
        "properties": {
            "customer_id": {"type": "string"},
            "amount_usd": {"type": "number", "exclusiveMinimum": 0},
        },
    }
    return {
        "name": "credit",
        "kind": "python",
        "authority": "write",
        "description": "Credit.",
        "arguments": schema,
        "python": {"function": "a:b"},
    } | changes


def shaped(properties: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties} | changes


def test_the_example_is_fine_and_known_for_what_it_is() -> None:
    (checked,) = check_files([EXAMPLE])
    assert (checked.kind, checked.problems) == ("tools", ())


def test_a_file_of_nothing_but_tools_is_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text(EXAMPLE.read_text().partition("\ndeny:")[0])
    (checked,) = check_files([path])
    assert (checked.kind, checked.problems) == ("tools", ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arguments": shaped({}, additionalProperties=True)}, "additionalProperties: false"),
        ({"arguments": {"type": "object", "properties": {}}}, "additionalProperties: false"),
        ({"arguments": shaped({"x": {"type": "object"}})}, "arguments.x: write additionalProperties"),
        (
            {"arguments": shaped({"x": {"type": "array", "items": {"type": "object"}}})},
            "arguments.x.items: write",
        ),
        ({"arguments": shaped({"x": {"$ref": "#/x"}})}, r"'\$ref' is not understood"),
        ({"arguments": shaped({"x": {"anyOf": []}})}, "'anyOf' is not understood"),
        ({"arguments": shaped({"x": {}})}, "arguments.x: say one type"),
        ({"arguments": shaped({"x": {"type": "string", "pattern": "(?=x)"}})}, "no pattern that RE2 knows"),
        ({"arguments": shaped({"x": {"type": "string", "maxLength": "9"}})}, "maxLength must be a number"),
        ({"arguments": shaped({}, required=["y"])}, "'y' is required and not among"),
        ({"arguments": {"type": "string"}}, "arguments must be an object"),
        ({"scope": {"nobody": "customer"}}, "'nobody' is bound"),
        ({"scope": {"amount_usd": "customer"}}, "'amount_usd' is bound"),
        ({"amount": "dollars"}, "the amount 'dollars' is no required number"),
        ({"timeout": "61s"}, "at most 60s"),
        ({"kind": "http"}, "a tool of kind http needs 'http'"),
        ({"http": {"url": "https://a.example", "secret_env": "A"}}, "cannot have 'http'"),
        ({"kind": "mcp", "python": None, "mcp": {}}, "either 'url' or 'command'"),
        ({"approvers": 3}, "approvers"),
    ],
    ids=str,
)
def test_a_tool_that_could_be_smuggled_through_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ToolCatalogue.model_validate({"tools": [tool(**changes)]})


@pytest.mark.parametrize("least", [{}, {"minimum": -1}, {"minimum": 0}, {"exclusiveMinimum": -1}], ids=str)
def test_an_amount_that_could_make_room_for_another_is_refused(least: dict[str, Any]) -> None:
    wrong = tool(amount="amount_usd")
    wrong["arguments"]["properties"]["amount_usd"] = {"type": "number", **least}
    with pytest.raises(ValidationError, match="could be negative"):
        ToolCatalogue.model_validate({"tools": [wrong]})


def test_what_is_denied_is_denied_by_whole_names() -> None:
    found = ToolCatalogue.model_validate({"tools": [tool()], "deny": ["delete_*", "a.b"]})
    named = ("delete_x", "delete_", "undelete_x", "a.b", "axb", "credit")
    assert [found.denies(name) for name in named] == [True, True, False, True, False, False]


def test_a_model_is_not_shown_what_is_bound() -> None:
    found = ToolCatalogue.model_validate({"tools": [tool(scope={"customer_id": "customer"})]})
    offered = found.tools[0].offered()
    assert (list(offered["properties"]), offered["required"]) == (["amount_usd"], ["amount_usd"])


def test_files_of_a_folder_are_one_catalogue_and_share_no_name(tmp_path: Path) -> None:
    assert load_tools(tmp_path) is None
    (tmp_path / "a.yaml").write_text(EXAMPLE.read_text())
    found = load_tools(tmp_path)
    assert found is not None
    assert [tool.name for tool in found.tools] == ["get_order_status", "refund", "change_email"]
    (tmp_path / "b.yaml").write_text(EXAMPLE.read_text())
    with pytest.raises(ManifestInvalid, match=r"declared in a.yaml already"):
        load_tools(tmp_path)


def test_a_misspelt_key_is_refused_with_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text(EXAMPLE.read_text().replace("authority: read", "autority: read"))
    (checked,) = check_files([path])
    assert "did you mean" in str(checked.problems[0])

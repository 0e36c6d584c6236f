"""The files that are shipped are good examples: they load, validate and complete in an editor."""

import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import policies
from policies.files import check_files
from policies.load import load_manifest, load_plan
from policies.reader import parse
from policies.schema import MODELS, committed, json_schema, schema_text
from policies.vocabulary import METRICS, Mode

HOUSE = Path(policies.__file__).parent
SHIPPED = sorted(path for path in HOUSE.rglob("*.yaml"))
DOCUMENTS = Path(__file__).parent / "documents"
KINDS_OF_FOLDERS = {
    "conduct": "conduct",
    "regions": "overlay",
    "detectors": "detectors",
    "routing": "routes",
}
ONE_OF_EACH = [
    *SHIPPED,
    DOCUMENTS / "every-key.yaml",
    DOCUMENTS / "design-example.yaml",
    DOCUMENTS / "agents" / "answers@1.0.0.yaml",
]


def kind_of(path: Path) -> str:
    if "@" in path.name:
        return "agent"
    return KINDS_OF_FOLDERS.get(path.parent.name, "plan")


def plain(path: Path) -> Any:
    root = parse(path.read_bytes(), str(path)).root
    assert root is not None
    return root.plain()


def test_every_shipped_file_is_fine_and_they_share_nothing_they_must_not():
    checked = check_files(SHIPPED)
    assert [str(problem) for each in checked for problem in each.problems] == []
    assert {each.kind for each in checked} >= {"plan", "agent", *KINDS_OF_FOLDERS.values()}
    assert all(each.kind == kind_of(Path(each.file)) for each in checked)


def test_the_design_example_is_accepted_as_it_is(tmp_path: Path):
    """Outside the repository too: the shipped agent versions are found where there are no others."""
    shutil.copy(DOCUMENTS / "design-example.yaml", tmp_path / "plan.yaml")
    plan = load_plan(tmp_path / "plan.yaml")
    assert [step.name for step in plan.steps] == ["shadow", "assist", "ten", "thirty", "sixty", "full"]
    assert plan.guardrails() == ["csat", "recontact_7d", "escalation"]
    assert plan.gate_of(plan.steps[4]) == plan.guardrails()


@pytest.mark.parametrize("path", ONE_OF_EACH, ids=lambda path: path.name)
def test_a_good_file_validates_against_the_json_schema(path: Path):
    jsonschema.Draft202012Validator(json_schema(kind_of(path))).validate(plain(path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_an_editor_finds_the_schema_of_a_shipped_file(path: Path):
    first = path.read_text().splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == committed(kind_of(path)).resolve()


@pytest.mark.parametrize("kind", MODELS)
def test_the_committed_schema_is_the_generated_one(kind: str):
    """Else: ``ridealong schema KIND > policies/schema/KIND.schema.json``."""
    assert committed(kind).read_text() == schema_text(kind)
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("holdout", "5 percent"),
        ("holdout", 101),
        ("unit", "ticket"),
        ("steps", []),
        ("freeze", ["tomorrow"]),
        ("monitors", ["violation"]),
        ("tenent", "x"),
        ("metrics", {"csat": {"margin": "two"}}),
        ("metrics", {"csta": {"margin": 0.1}}),
        ("agent", "no-version"),
    ],
)
def test_the_schema_marks_mistakes_while_typing(key: str, wrong: object):
    document = plain(DOCUMENTS / "every-key.yaml") | {key: wrong}
    assert not jsonschema.Draft202012Validator(json_schema("plan")).is_valid(document)


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_of_the_schema_is_explained(kind: str):
    """What an editor shows when the mouse rests on a key."""
    schema = json_schema(kind)
    models = schema.get("$defs", {})
    for model in (schema, *models.values()):
        for key, value in model.get("properties", {}).items():
            below = models.get(value.get("$ref", "").rsplit("/", 1)[-1], {})
            assert value.get("description") or below.get("description"), f"{model.get('title')}.{key}"


def test_the_ladder_is_the_playbooks():
    plan = load_plan(HOUSE / "rollouts" / "playbook-ladder.yaml")
    shadow, *live = plan.steps
    assert shadow.mode is Mode.SHADOW
    assert (shadow.min_duration.days, shadow.max_duration and shadow.max_duration.days) == (14, 28)
    assert [int(step.weight) for step in live] == [10, 30, 60, 95]
    assert plan.holdout == 5
    assert plan.canary is not None
    first = plan.canary.steps[0]
    assert (first.weight, first.min_duration.total_seconds() / 3600) == (5, 48)
    assert all(METRICS[name].lag_hours == 0 for name in plan.gate_of(first))


def test_the_programme_leaves_the_answer_to_people_first():
    plan = load_plan(HOUSE / "rollouts" / "assist-first.yaml")
    modes = [step.mode for step in plan.steps]
    assert modes == sorted(modes, key=[Mode.SHADOW, Mode.ASSIST, Mode.LIVE].index)
    assert Mode.ASSIST in modes
    assert [step.name for step in plan.steps if step.consecutive_passes == 2] == ["supervised", "autonomous"]


def test_every_version_a_shipped_plan_names_is_shipped():
    for path in sorted((HOUSE / "rollouts").glob("*.yaml")):
        plan = load_plan(path)
        for ref in (plan.agent, plan.canary.agent if plan.canary else plan.agent):
            assert load_manifest(HOUSE / "agents" / f"{ref}.yaml").ref == ref

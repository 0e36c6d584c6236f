"""An agent version is what its manifest and the files it refers to say, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from policies.digest import manifest_digest
from policies.load import ManifestInvalid, load_manifest
from policies.problems import Problem

SCRIPTED = """\
name: demo
version: "1.0.0"
kind: scripted
script: {reply: Hello., hands_off: 18%, violates: 0, fails: 0.5%, latency: 3s, cost_usd: 0}
deadline: 20s
"""
PIPELINE = """\
name: demo
version: "1.0.0"
kind: pipeline
models: {resolution: {name: extractive}}
deadline: 20s
"""
HTTP = """\
name: demo
version: "1.0.0"
kind: http
http: {url: "https://agent.example/answer", secret_env: AGENT_KEY}
deadline: 20s
"""
PYTHON = """\
name: demo
version: "1.0.0"
kind: python
python: {factory: "desk.agents:build"}
deadline: 20s
"""

Problems = Callable[..., tuple[Problem, ...]]
NAME = "demo@1.0.0.yaml"


@pytest.mark.parametrize(
    "text", [SCRIPTED, PIPELINE, HTTP, PYTHON], ids=["scripted", "pipeline", "http", "python"]
)
def test_the_four_kinds_are_accepted(problems: Problems, text: str):
    assert [str(problem) for problem in problems(text, NAME)] == []


LAST = "deadline: 20s"
MODEL = "models.resolution"
REPLACED = [
    # a manifest, what is replaced by what, the path of the problem, a word of what is told
    (SCRIPTED, "kind: scripted", "kind: pipeline", "kind", "needs 'models'"),
    (SCRIPTED, "kind: scripted", "kind: script", "kind", "not one of"),
    (SCRIPTED, "hands_off: 18%", "hands_off: 118%", "script.hands_off", "between 0 and 100"),
    (PIPELINE, 'version: "1.0.0"', "version: 1.0", "version", "put it in quotes: '1.0'"),
    (PIPELINE, 'version: "1.0.0"', 'version: "1.0.1"', "version", "rename it to demo@1.0.1.yaml"),
    (PIPELINE, "name: demo", "name: Demo", "name", "form"),
    (PIPELINE, "name: extractive", "name: gpt-4o", f"{MODEL}.name", "is an alias"),
    (PIPELINE, "name: extractive", "name: x/y-latest-001", f"{MODEL}.name", "is an alias"),
    (PIPELINE, "resolution: {name: extractive}", "triage: {name: extractive}", "models", "'resolution'"),
    (PIPELINE, "{name: extractive}", "{name: extractive, temperature: 3}", f"{MODEL}.temperature", "most 2"),
    (PIPELINE, LAST, "deadline: 20", "deadline", "and its unit"),
    (HTTP, "https://agent.example/answer", "http://agent.example/answer", "http.url", "form"),
    (HTTP, "https://agent.example/answer", "http://127.0.0.1.evil.example/", "http.url", "form"),
    (HTTP, "AGENT_KEY", "sk-12345", "http.secret_env", "form"),
    (PYTHON, "desk.agents:build", "desk.agents", "python.factory", "form"),
]
ADDED = [
    # what is added to a pipeline agent, the path of the problem, a word of what is told
    ('http: {url: "https://x.example"}', "http", "no meaning"),
    ("knowledge: {}", "knowledge", "either 'path' or 'source'"),
    ("knowledge: {path: gone}", "knowledge.path", "is not there"),
    ("knowledge: {path: /etc}", "knowledge.path", "relative"),
    ("policy: ~/x.yaml", "policy", "relative"),
    ("prompts: {triage: x.md}", "prompts.triage", "is not there"),
    ("thresholds: {confidence: 1.5}", "thresholds.confidence", "at most 1"),
    ("thresholds: {max_turns: 0}", "thresholds.max_turns", "at least 1"),
    ("tools: [{name: pay, authority: write}]", "tools[0].authority", "limits"),
    ("tools: [{name: a, authority: read, limits: {per_ticket: 1}}]", "tools[0].limits", "only reads"),
    ("tools: [{name: a, authority: read}, {name: a, authority: read}]", "tools[1].name", "granted twice"),
]


@pytest.mark.parametrize(
    ("text", "old", "new", "path", "told"),
    [*REPLACED, *((PIPELINE, LAST, f"{LAST}\n{added}", path, told) for added, path, told in ADDED)],
)
def test_what_a_manifest_may_not_say(problems: Problems, text: str, old: str, new: str, path: str, told: str):
    assert old in text
    found = problems(text.replace(old, new), NAME)
    here = [problem for problem in found if problem.path == path]
    assert here, [str(problem) for problem in found]
    assert told in f"{here[0].message}; {here[0].suggestion}"


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4o-2024-08-06",
        "anthropic/claude-x-20241022",
        "ollama/llama3.1:8b",
        "gemini/gemini-1.5-pro-002",
    ],
)
def test_a_snapshot_is_accepted(problems: Problems, name: str):
    assert problems(PIPELINE.replace("name: extractive", f"name: {name!r}"), NAME) == ()


def test_an_alias_is_accepted_when_somebody_says_so(problems: Problems):
    assert problems(PIPELINE.replace("{name: extractive}", "{name: gpt-4o, alias: true}"), NAME) == ()


@pytest.fixture
def version(tmp_path: Path, agents: Path) -> Path:
    shutil.copytree(agents, tmp_path / "agents")
    return tmp_path / "agents" / "answers@1.0.0.yaml"


def digest(path: Path) -> str:
    return manifest_digest(load_manifest(path), path.parent)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("prompts/answer.md", "Answer otherwise."),
        ("articles/refunds.md", "# Refunds\nSix working days."),
        ("articles/more/new.md", "One article more."),
    ],
)
def test_a_change_of_what_a_manifest_refers_to_changes_its_digest(version: Path, file: str, text: str):
    before = digest(version)
    (version.parent / file).parent.mkdir(exist_ok=True)
    (version.parent / file).write_text(text)
    assert digest(version) != before


def test_renaming_an_article_changes_the_digest(version: Path):
    before = digest(version)
    (version.parent / "articles" / "refunds.md").rename(version.parent / "articles" / "returns.md")
    assert digest(version) != before


def test_comments_order_and_hidden_files_do_not_change_the_digest(version: Path):
    before = digest(version)
    lines = version.read_text().splitlines()
    version.write_text(
        "\n".join(["# another comment", "deadline: 20s", *(x for x in lines if "deadline" not in x)])
    )
    (version.parent / "articles" / ".DS_Store").write_text("x")
    assert digest(version) == before


def test_the_place_of_the_folder_does_not_change_the_digest(version: Path, agents: Path):
    assert digest(version) == digest(agents / version.name)


def test_a_bad_manifest_raises_with_its_problems(tmp_path: Path):
    path = tmp_path / "a@1.yaml"
    path.write_text("name: a\nversion: '1'\nkind: robot\n")
    with pytest.raises(ManifestInvalid) as raised:
        load_manifest(path)
    assert [problem.path for problem in raised.value.problems] == ["", "kind"]
    assert str(raised.value).startswith(f"{path}:1:1: 'deadline' is missing")

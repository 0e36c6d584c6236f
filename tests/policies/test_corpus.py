"""Good documents with one mistake each: every one is refused, on the line of the mistake."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from policies.conduct import ConductPolicy
from policies.files import Checked
from policies.manifest import AgentVersion
from policies.plan import Plan
from policies.problems import Problem

DOCUMENTS = Path(__file__).parent / "documents"
PLAN = (DOCUMENTS / "every-key.yaml").read_text()
AGENT = (DOCUMENTS / "agents" / "answers@1.0.0.yaml").read_text()
KEY = re.compile(r"^(?P<lead>\s*(?:- )?)(?P<key>[a-z_0-9]+):(?P<rest>.*)$")
OPEN = {"metrics", "band"}
"""Mappings whose keys are names of the vocabulary or of the plan, not of the models."""


@dataclass(frozen=True)
class Spoilt:
    """A document with one mistake: where it is, and a word that the remedy must have."""

    name: str
    text: str
    line: int
    remedy: str = ""


def lines_with_keys(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        found = KEY.match(line)
        if found and not line.startswith("#"):
            yield number, found


def replaced(text: str, number: int, line: str) -> str:
    lines = text.splitlines()
    lines[number - 1] = line
    return "\n".join(lines) + "\n"


def with_misspelt_keys(text: str, what: str) -> Iterator[Spoilt]:
    """Each key with its last two letters swapped (or one letter added where they are the same)."""
    for number, found in lines_with_keys(text):
        key = found["key"]
        wrong = key[:-2] + key[-1] + key[-2] if key[-1] != key[-2] else key + "x"
        spoilt = replaced(text, number, f"{found['lead']}{wrong}:{found['rest']}")
        yield Spoilt(f"{what} line {number}: {wrong}", spoilt, number, key)


WRONG_VALUES = {
    "a list": "[[1]]",
    "a mapping": "{zzz: {zzz: 1}}",
    "octal": "0o17",
    "sexagesimal": "190:20:30",
    "old boolean": "Yes",
    "infinity": "-.inf",
    "nan": ".NaN",
    "exponent": "1e3",
    "hexadecimal": "0x1F",
    "null": "~",
    "tag": "!!python/object:os.system x",
    "leading zero": "0123",
    "underscore": "1_000",
}


def with_wrong_values(text: str, what: str) -> Iterator[Spoilt]:
    """Each scalar replaced by something that is never right there, one kind of mistake after the other."""
    kinds = list(WRONG_VALUES.items())
    scalars = [(number, found) for number, found in lines_with_keys(text) if found["rest"].strip()]
    for index, (number, found) in enumerate(scalars):
        for kind, value in (kinds[index % len(kinds)], kinds[(index + 5) % len(kinds)]):
            spoilt = replaced(text, number, f"{found['lead']}{found['key']}: {value}")
            yield Spoilt(f"{what} line {number}: {found['key']} is {kind}", spoilt, number)


CHOICES = (
    ("unit: customer", "unit: costumer", "customer"),
    ("    - simple", "    - simpel", "simple"),
    ("    - normal", "    - norml", "normal"),
    ("    - billing", "    - biling", "billing"),
    ("    mode: shadow", "    mode: shadwo", "shadow"),
    ("    mode: assist", "    mode: asist", "assist"),
    ("      - agreement", "      - agrement", "agreement"),
    ("      - accepted_drafts", "      - accepted-draft", "accepted_drafts"),
    ("      - csat", "      - scat", "csat"),
    ("        - errors", "        - error", "errors"),
    ("    role: guardrail", "    role: gaurdrail", "guardrail"),
    ("    role: goal", "    role: gaol", "goal"),
    ("    by: category", "    by: categories", "category"),
    ("      billing: [5%, 45%]", "      bililng: [5%, 45%]", "billing"),
    ("  - violations", "  - violation", "violations"),
    ("on_fail: pause", "on_fail: puase", "pause"),
    ("open_conversations: release", "open_conversations: realease", "release"),
    ("  method: sequential", "  method: sequental", "sequential"),
    ("agent: answers@1.0.0", "agent: answer@1.0.0", "answers@1.0.0"),
    ("  agent: answers@1.1.0", "  agent: answers@1.1.1", "answers@1.1.0"),
)


def with_misspelt_choices() -> Iterator[Spoilt]:
    for right, wrong, remedy in CHOICES:
        lines = PLAN.splitlines()
        number = lines.index(right) + 1
        yield Spoilt(f"plan: {wrong.strip()}", replaced(PLAN, number, wrong), number, remedy)


def without_required() -> Iterator[Spoilt]:
    """Each required key taken out; the problem stands at the block that lacks it."""
    for key, block in (
        ("salt", "workflow"),
        ("unit", "workflow"),
        ("agent", "workflow"),
        ("workflow", "tenant"),
        ("  technical", "owners"),
        ("  alpha", "inference"),
        ("  power", "inference"),
        ("      concurrency", "    shadow"),
        ("  tickets_per_day", "volume"),
    ):
        lines = PLAN.splitlines()
        kept = [line for line in lines if not line.startswith(f"{key}:")]
        assert len(kept) == len(lines) - 1
        number = next(n for n, line in enumerate(kept, start=1) if line.startswith(f"{block}:"))
        yield Spoilt(f"plan without {key.strip()}", "\n".join(kept), number, key.strip())


CORPUS = [
    *with_misspelt_keys(PLAN, "plan"),
    *with_misspelt_keys(AGENT, "agent"),
    *with_wrong_values(PLAN, "plan"),
    *with_wrong_values(AGENT, "agent"),
    *with_misspelt_choices(),
    *without_required(),
]


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 250


def test_the_document_uses_every_key_of_a_plan():
    """Otherwise the corpus would not spoil every key."""
    used = {found["key"] for _, found in lines_with_keys(PLAN)}
    assert keys_below(Plan) <= used


def test_the_document_uses_every_key_of_a_pipeline_agent():
    used = {found["key"] for _, found in lines_with_keys(AGENT)}
    other_kinds = {"http", "python", "script", "source"}
    assert set(AgentVersion.model_fields) - used <= other_kinds


def keys_below(model: type) -> set[str]:
    from policies.keys import _places

    return {key for _, key in _places(model, ())}


JARGON = ("Input should", "Value error", "validat", "pydantic", "<object", "dict", "NoneType", "ctx")


@pytest.mark.parametrize("spoilt", CORPUS, ids=lambda spoilt: spoilt.name)
def test_a_spoilt_document_is_refused_on_its_line(
    spoilt: Spoilt, problems: Callable[..., tuple[Problem, ...]]
):
    """And in words for people who edit YAML: none of the validator's, none of Python's."""
    name = "plan.yaml" if "workflow" in spoilt.text else "answers@1.0.0.yaml"
    found = problems(spoilt.text, name)
    on_its_line = [problem for problem in found if problem.line == spoilt.line]
    assert on_its_line, f"{spoilt.name}: {[str(problem) for problem in found]}"
    if spoilt.remedy:
        told = " ".join(f"{problem.message} {problem.suggestion}" for problem in on_its_line)
        assert f"'{spoilt.remedy}'" in told, told
    words = " ".join(f"{problem.message} {problem.suggestion}" for problem in found)
    assert not [jargon for jargon in JARGON if jargon in words], words


def test_the_documents_are_fine_as_they_are(check: Callable[..., Checked]):
    assert check(PLAN).problems == ()
    assert check(AGENT, "answers@1.0.0.yaml").problems == ()


def test_a_document_of_every_kind_is_recognised(check: Callable[..., Checked]):
    conduct = "tone_guidelines:\n  voice: friendly\n"
    assert check(PLAN).kind == "plan"
    assert check(AGENT, "answers@1.0.0.yaml").kind == "agent"
    assert check(conduct).kind == "conduct"
    assert isinstance(check(conduct).content, ConductPolicy)

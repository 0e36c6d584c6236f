"""A misspelt word is answered with the right one."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from policies.conduct import ConductPolicy
from policies.document import Document, Entry, Node
from policies.keys import _structure, put_keys_right
from policies.manifest import AgentVersion
from policies.nearest import did_you_mean, edits, nearest
from policies.plan import Plan, Step
from policies.vocabulary import METRICS


def models_below(annotation: Any) -> Iterator[type[BaseModel]]:
    kind, inner = _structure(annotation)
    if kind == "model":
        yield inner
        for field in inner.model_fields.values():
            yield from models_below(field.annotation)
    elif kind in {"list", "dict"}:
        yield from models_below(inner)


MODELS = list(dict.fromkeys(m for top in (Plan, AgentVersion, ConductPolicy) for m in models_below(top)))
KEYS = [(model, key) for model in MODELS for key in model.model_fields]


@st.composite
def one_letter_off(draw: st.DrawFn, key: str) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz_"
    place = draw(st.integers(0, len(key) - 1))
    letter = draw(st.sampled_from(letters))
    return draw(
        st.sampled_from(
            [
                key[:place] + key[place + 1 :],
                key[:place] + letter + key[place:],
                key[:place] + letter + key[place + 1 :],
                key[:place] + key[place : place + 2][::-1] + key[place + 2 :],
            ]
        )
    )


def test_all_models_are_there():
    names = {model.__name__ for model in MODELS}
    assert {"Plan", "Step", "MetricRule", "ShadowSettings", "ToolLimits", "Script", "Disclosure"} <= names
    assert "Margin" not in names  # written as 2pp, not as a mapping


@settings(max_examples=600)
@given(st.data())
def test_every_key_misspelt_by_one_letter_is_answered_with_the_right_one(data: st.DataObject):
    model, key = data.draw(st.sampled_from(KEYS))
    wrong = data.draw(one_letter_off(key))
    assume(len(wrong) > 1 and wrong not in model.model_fields)
    document = Document("x.yaml", Node(1, 1, entries={wrong: Entry(1, 1, Node(1, 9, 1), wrong)}))
    put_keys_right(document, model)
    (problem,) = document.problems
    assert f"'{key}'" in str(problem.suggestion), str(problem)
    assert problem.message == f"unknown key {wrong!r}"


@pytest.mark.parametrize(("model", "key"), KEYS, ids=lambda value: getattr(value, "__name__", value))
def test_a_key_with_a_letter_too_many_is_put_right_in_the_tree(model: type[BaseModel], key: str):
    """So that the rest of its value is still checked."""
    document = Document("x.yaml", Node(1, 1, entries={f"{key}q": Entry(1, 1, Node(1, 9, 1), f"{key}q")}))
    put_keys_right(document, model)
    assert document.root is not None
    assert list(document.root.entries or ()) == [key]


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("setWeight", ["set_weight", "set"], ("set_weight",)),
        ("Set-Weight", ["set_weight"], ("set_weight",)),
        ("weight", ["set_weight", "mode"], ("set_weight",)),
        ("duration", ["min_duration", "max_duration", "deadline"], ("min_duration", "max_duration")),
        ("game", ["name", "gate"], ("name", "gate")),
        ("csta", METRICS, ("csat",)),
        ("re_contact7d", METRICS, ("recontact_7d",)),
        ("zebra", METRICS, ()),
        ("x", ["y"], ()),
        ("", ["y"], ()),
        ("a" * 100_000, ["aa"], ()),
    ],
)
def test_the_nearest_word(word: str, known: list[str], found: tuple[str, ...]):
    assert nearest(word, known) == found


def test_a_key_of_another_place_is_sent_there():
    document = Document("x.yaml", Node(1, 1, entries={"alpha": Entry(3, 1, Node(3, 9, 1), "alpha")}))
    put_keys_right(document, Plan)
    assert document.problems[0].suggestion == "it belongs in inference"


def test_a_misspelt_key_beside_the_right_one_never_takes_its_place():
    right, wrong = Node(1, 9, "right"), Node(2, 9, "wrong")
    entries = {"name": Entry(1, 1, right, "name"), "nmae": Entry(2, 1, wrong, "nmae")}
    document = Document("x.yaml", Node(1, 1, entries=entries))
    put_keys_right(document, Step)
    assert document.root is not None
    assert document.root.plain() == {"name": "right"}
    assert document.problems[0].suggestion == "did you mean 'name'?"


def test_a_key_that_is_there_already_is_the_second_guess():
    """``game`` is as near to ``name`` as to ``gate``; the one that is missing is meant."""
    entries = {"name": Entry(1, 1, Node(1, 9, "x"), "name"), "game": Entry(2, 1, Node(2, 9, []), "game")}
    document = Document("x.yaml", Node(1, 1, entries=entries))
    put_keys_right(document, Step)
    assert document.problems[0].suggestion == "did you mean 'gate'?"


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
@example("ab", "ba")
@example("kitten", "sitting")
def test_edits_agree_with_the_recursive_definition(left: str, right: str):
    assert edits(left, right) == _edits(left, right)


def _edits(left: str, right: str) -> int:
    if not left or not right:
        return len(left) + len(right)
    best = min(
        _edits(left[:-1], right) + 1,
        _edits(left, right[:-1]) + 1,
        _edits(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    )
    if left[-2:] == right[-2:][::-1] and len(left) > 1 and len(right) > 1:
        best = min(best, _edits(left[:-2], right[:-2]) + 1)
    return best


def test_the_question_names_all_that_are_as_near():
    assert did_you_mean("game", ["name", "gate"]) == "did you mean 'name' or 'gate'?"
    assert did_you_mean("zebra", ["name"]) is None

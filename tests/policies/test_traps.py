"""Files that two readers would take for different things, or that would hurt: refused, with the place."""

from collections.abc import Callable

import pytest

from policies.document import MOST_PROBLEMS, REFUSED
from policies.problems import Problem
from policies.reader import MOST_BYTES, MOST_NODES, parse
from policies.scalars import Refused, plain

TRAPS = [
    # text, line, column, word of the message
    ("a: 1\na: 2\n", 2, 1, "duplicate key 'a' (first on line 1)"),
    ("a: {b: 1, b: 2}\n", 1, 11, "duplicate key 'b' (first on line 1)"),
    ("'a': 1\na: 2\n", 2, 1, "duplicate"),
    ("a: .nan\n", 1, 4, "not a number"),
    ("a: .NaN\n", 1, 4, "not a number"),
    ("a: -.inf\n", 1, 4, "infinite"),
    ("a: +.INF\n", 1, 4, "infinite"),
    ("a: 012\n", 1, 4, "leading zero"),
    ("a: -007\n", 1, 4, "leading zero"),
    ("a: 01.5\n", 1, 4, "leading zero"),
    ("a: 0o12\n", 1, 4, "octal"),
    ("a: 0x1F\n", 1, 4, "hexadecimal"),
    ("a: 0b101\n", 1, 4, "binary"),
    ("a: 1:30\n", 1, 4, "sexagesimal"),
    ("a: 190:20:30.15\n", 1, 4, "sexagesimal"),
    ("a: 1e3\n", 1, 4, "number to some readers and text to others"),
    ("a: 1.5E-3\n", 1, 4, "number to some readers and text to others"),
    ("a: 1_000\n", 1, 4, "underscores"),
    ("a: 1,000_000\n", 1, 4, "underscores"),
    ("a: 1234567890123456\n", 1, 4, "more digits"),
    ("a: 0.1234567890123456\n", 1, 4, "more digits"),
    *((f"a: {word}\n", 1, 4, "boolean to some readers") for word in ("yes", "No", "ON", "off", "y", "N")),
    ("a:\n  - off\n", 2, 5, "write false, or 'off' in quotes"),
    ("a:\nb: 1\n", 1, 3, "'a' has no value"),
    ("a: ~\n", 1, 4, "has no value"),
    ("a: [1, null]\n", 1, 8, "the list item has no value"),
    ("a: !!str 5\n", 1, 4, "the tag"),
    ("a: !!python/object/apply:os.system [x]\n", 1, 4, "the tag"),
    ("%TAG ! tag:x,2000:\n---\na: !b 1\n", 3, 4, "the tag"),
    ("a: &x {b: 1}\nc: {<<: *x}\n", 2, 5, "merge keys"),
    ("true: 1\n", 1, 1, "the key 'true' is not text"),
    ("on: 1\n", 1, 1, "the key 'on' is not text"),
    ("5: 1\n", 1, 1, "the key '5' is not text"),
    ("~: 1\n", 1, 1, "the key '~' is not text"),
    ("? [a, b]\n: 1\n", 1, 3, "a key that is not text"),
    ("a: *b\n", 1, 4, "no anchor &b"),
    ("a: &a [*a]\n", 1, 8, "no anchor &a"),
    ("a: 1\n---\nb: 2\n", 2, 1, "a second document"),
    ("", 1, 1, "empty"),
    ("# nothing\n", 1, 1, "empty"),
    ("---\n...\n", 1, 1, "empty"),
    ("- a\n- b\n", 1, 1, "not a mapping"),
    ("just words\n", 1, 1, "not a mapping"),
    ("a:\n\tb: 1\n", 2, 1, "a tab"),
    ("a:\n  \tb: 1\n", 2, 3, "a tab"),
    ("a: b: c\n", 1, 5, "a second ':'"),
    ("a: 'x\n", 2, 1, "a quote that is never closed"),
    ("a: [1, 2\nb: 3\n", 2, 2, "a list in brackets is not closed"),
    ("a: {b: 1\n", 2, 1, "a mapping in braces is not closed"),
    ("a:\n  b: 1\n c: 2\n", 3, 2, "the indentation"),
    ("a: 1\nste", 2, 4, "a key without ':'"),
    ("a: @b\n", 1, 4, "cannot start a value"),
    ("a: \x00\n", 1, 4, "U+0000"),
    ("a: 1\nb: \x07\n", 2, 4, "U+0007"),
    ("a: 1\rb: 2\n", 1, 5, "line break U+000D"),
    ("a: 1\u2028b: 2\n", 1, 5, "line break U+2028"),
    ('a: "\\ud800"\n', 1, 4, "half a character"),
    ("%YAML 3.0\n---\na: 1\n", 1, 1, "not valid YAML"),
]


@pytest.mark.parametrize(("text", "line", "column", "word"), TRAPS, ids=lambda value: repr(value)[:40])
def test_a_trap_is_refused_where_it_stands(text: str, line: int, column: int, word: str):
    problems = parse(text.encode("utf-8", "surrogatepass"), "x.yaml").problems
    told = [(p.line, p.column) for p in problems if word in f"{p.message}; {p.suggestion}"]
    assert told[:1] == [(line, column)], [str(p) for p in problems]


@pytest.mark.parametrize(
    ("raw", "line", "column"),
    [("a: é".encode("latin-1"), 1, 4), (b"a: 1\nb: \xff\n", 2, 4), ("a: 1".encode("utf-16"), 1, 1)],
)
def test_other_encodings_are_refused(raw: bytes, line: int, column: int):
    (problem,) = parse(raw, "x.yaml").problems
    assert (problem.line, problem.column) == (line, column)
    assert problem.suggestion == "save the file as UTF-8"


def test_byte_order_mark_and_carriage_returns_are_fine():
    document = parse(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "x.yaml")
    assert document.root is not None
    assert (document.problems, document.root.plain()) == ([], {"a": 1, "b": 2})


def test_a_large_file_is_refused_unread():
    (problem,) = parse(b"a: 1\n" + b"#" * MOST_BYTES, "x.yaml").problems
    assert "larger than" in problem.message


def test_a_bomb_of_aliases_is_refused_by_its_expanded_size():
    """Nine levels of nine aliases stand for 387 million values in 500 bytes."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{letter}: &{letter} [{', '.join([f'*{before}'] * 9)}]")
    document = parse("\n".join(lines).encode(), "x.yaml")
    assert document.root is None
    assert f"more than {MOST_NODES:,} values" in document.problems[0].message


def test_an_alias_is_the_value_of_its_anchor():
    document = parse(b"a: &x [1, 2]\nb: *x\n", "x.yaml")
    assert document.root is not None
    assert (document.problems, document.root.plain()) == ([], {"a": [1, 2], "b": [1, 2]})


@pytest.mark.parametrize("raw", [b"a: " + b"[" * 5000, b"a: " + b"{b: " * 5000])
def test_deep_nesting_is_refused(raw: bytes):
    assert "levels deep" in parse(raw, "x.yaml").problems[0].message


def test_many_problems_are_cut_off():
    problems = parse(b"".join(b"a: %d\n" % n for n in range(500)), "x.yaml").problems
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].message == "and more; mend these first"


def test_every_problem_is_told_not_the_first():
    text = "a: 012\nb: yes\nc: .inf\nb: 2\nd:\n"
    assert [p.line for p in parse(text.encode(), "x").problems] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("2.50", 2.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("0.0", 0.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("5%", "5%"),
        ("14d", "14d"),
        ("2pp", "2pp"),
        ("2026-12-18", "2026-12-18"),
        ("resolution@1.2.0", "resolution@1.2.0"),
        ("1.2.0", "1.2.0"),
        ("nobody", "nobody"),
        ("inf", "inf"),
        ("yEs", "yEs"),
    ],
)
def test_what_everybody_reads_alike_is_read(text: str, value: object):
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_quotes_make_text_of_anything():
    document = parse(b"a: ['yes', \"012\", '1e3', '~', '']\n", "x.yaml")
    assert document.root is not None
    assert document.root.plain() == {"a": ["yes", "012", "1e3", "~", ""]}


def test_a_refused_value_never_reaches_anybody():
    document = parse(b"a: 012\n", "x.yaml")
    assert document.root is not None
    assert document.root.plain()["a"] is REFUSED
    assert isinstance(plain("012"), Refused)


def test_a_refused_value_is_told_once(problems: Callable[..., tuple[Problem, ...]], every_key: str):
    """The models would complain of it again, in other words."""
    found = problems(every_key.replace("holdout: 5", "holdout: 05"))
    assert [problem.path for problem in found] == ["holdout"]
    found = problems(every_key.replace("billing: [5%, 45%]", "billing: [0o5, 45%]"))
    assert [problem.path for problem in found] == ["metrics.escalation.band.billing[0]"]


def test_a_file_that_is_not_there_is_a_problem_not_an_exception(tmp_path):
    from policies.load import PlanInvalid, load_plan

    with pytest.raises(PlanInvalid, match=r"gone\.yaml:1:1: cannot be read: No such file"):
        load_plan(tmp_path / "gone.yaml")
    with pytest.raises(PlanInvalid, match="cannot be read"):
        load_plan(tmp_path)

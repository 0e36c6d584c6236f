"""The weekly report needs nothing but itself, is inert, and says what to decide."""

import re
from html.parser import HTMLParser
from typing import Any

from rollout.report_html import report_html
from rollout.report_md import plain, weekly_text
from rollout.report_svg import forest, intervals
from rollout.weekly import Rung, Weekly

HOSTILE = '<img src=x onerror=alert(1)> ![x](http://evil.example/x.png) "><script>alert(2)</script> =1+1'


def headline(text: str = "All is well.") -> dict[str, Any]:
    row = {"group": "agent", "arm": HOSTILE, "value": 4.1, "lower": 3.9, "upper": 4.3, "n": 120}
    return {"sentence": text, "sql": "", "rows": [row, row | {"group": "human", "value": None}], "trend": []}


def metric(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "title": f"CSAT {HOSTILE}",
        "verdict": "PASS",
        "sentence": HOSTILE,
        "better": "higher",
        "comparative": True,
    }
    return told | {"estimate": 0.1, "lower": -0.05, "upper": 0.25, "margin": 0.15} | more


def week(**more: Any) -> Weekly:
    overview: dict[str, Any] = {"workflow": HOSTILE, "since": "2026-11-14", "as_of": "2026-11-21"}
    for name in ("csat", "recontact", "escalation", "cost"):
        overview[name] = headline(HOSTILE)
    incident = {"severity": 1, "status": "open", "opened_at": "2026-11-20T00:00:00+00:00", "title": HOSTILE}
    told: dict[str, Any] = {
        "overview": overview | {"tickets": 1200},
        "gate": {"decision": "HOLD", "step": "ten", "reasons": [HOSTILE], "metrics": [metric()]},
        "rungs": (Rung("shadow", 0.0, here=False), Rung("ten", 10.0, here=True)),
        "standing": HOSTILE,
        "moves": ({"at": "15 Nov 2026", "sentence": HOSTILE, "actor": HOSTILE},),
        "incidents": (incident,),
        "decide": (HOSTILE,),
    }
    return Weekly(**(told | more))


class Page(HTMLParser):
    """The elements of a page and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


def test_the_page_fetches_and_runs_nothing_whatever_is_in_it() -> None:
    html = report_html([week()])
    page = read(html)
    assert not {"script", "img", "link", "iframe", "object", "embed", "a", "form"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {"src", "href", "onerror", "onload", "action", "xlink:href"} & names
    assert not re.search(r"url\(|@import", html)
    assert "default-src 'none'" in html


def test_foreign_words_are_there_letter_by_letter() -> None:
    html = report_html([week()])
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "<img" not in html


def test_it_says_what_to_decide_before_everything_else() -> None:
    html = report_html([week(decide=("Close the incident.",))])
    assert html.index("To decide this week") < html.index("The ladder") < html.index("The gate")
    assert "Nothing waits for a person" in report_html([week(decide=())])


def test_where_no_rollout_began_there_is_no_gate() -> None:
    assert "The gate" not in report_html([week(gate=None)])
    assert "## The gate" not in weekly_text(week(gate=None))


def test_on_every_row_of_the_forest_worse_for_the_agent_is_left() -> None:
    def place(row: dict[str, Any]) -> float:
        found = re.search(r'<circle class="\w+" cx="([\d.]+)"', forest([row]))
        assert found is not None
        return float(found[1])

    better = place(metric(estimate=0.1, lower=0.05, upper=0.15))
    worse = place(metric(estimate=-0.1, lower=-0.15, upper=-0.05))
    costs_more = place(metric(better="lower", estimate=0.1, lower=0.05, upper=0.15))
    assert worse < better
    assert costs_more == worse
    assert forest([metric(margin=None)]) == ""


def test_a_picture_without_a_value_is_none() -> None:
    assert intervals([{"group": "agent", "value": None, "lower": None, "upper": None}], ".2f") == ""


def test_markdown_shows_a_payload_as_letters() -> None:
    text = weekly_text(week())
    assert "![x](" not in text
    assert "<script>" not in text.replace("\\<", "")
    assert plain("see http://evil.example") == "see http:\u2060//evil.example"
    assert "## To decide" in text
    assert "- **ten 10 %** (here)" in text

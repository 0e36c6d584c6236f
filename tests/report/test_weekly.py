"""The weekly report needs nothing but itself, is inert, and says what to decide."""

import json
import re
from html.parser import HTMLParser
from typing import Any

from weekly_samples import metric, week

from rollout.report_html import report_html
from rollout.report_md import plain, weekly_text
from rollout.report_svg import forest, intervals
from rollout.weekly import Report


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


def test_what_a_server_sends_is_the_report_it_read() -> None:
    for report in (Report({"workflow": "w"}, week(), ("a note",)), Report({"workflow": "w"})):
        sent = json.loads(json.dumps(report.to_json()))
        again = Report.from_json(sent)
        assert again == report
        assert again.week is None or report_html([again.week]) == report_html([week()])


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

"""Articles cut into passages: short enough to cite, long enough to stand alone."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import re2

from agents.knowledge.articles import Article
from agents.text import normalise, sentences, words

MAX_WORDS: Final = 120
"""A passage ends at the sentence that would carry it past this; one huge sentence stands alone."""
MIN_WORDS: Final = 5

_LINK_ITEM: Final = re2.compile(r"(?m)^[ \t]*[-*][ \t]*\[[^\]\n]*\]\([^)\n]*\)[ \t]*$")
_IMAGE: Final = re2.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK: Final = re2.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_TAG: Final = re2.compile(r"<[^<>]*>")
_EMPHASIS: Final = re2.compile(r"\*\*|__|`")
_ITALIC: Final = re2.compile(r"(^|[\s(])_([^_\n]+)_")
_BULLET: Final = re2.compile(r"(?m)^[ \t]*(?:[-*+]|\d{1,2}[.)])[ \t]+")


@dataclass(frozen=True, slots=True)
class Passage:
    article: Article
    heading: str
    text: str
    """Plain sentences, one per line."""


def passages(article: Article) -> Iterator[Passage]:
    """The passages of an article in reading order; an article without prose yields its title."""
    any_text = False
    for heading, lines in _sections(article.body):
        for text in _packed(lines):
            any_text = True
            yield Passage(article, heading, text)
    if not any_text:
        yield Passage(article, "", article.title)


def _sections(body: str) -> Iterator[tuple[str, list[str]]]:
    heading, lines = "", list[str]()
    for line in _plain(body).splitlines():
        text = " ".join(line.split()).strip(" |")
        if text.startswith("#"):
            yield heading, lines
            heading, lines = text.lstrip("# "), []
        elif text:
            lines.append(text)
    yield heading, lines


def _plain(markup: str) -> str:
    """Prose without markup, headings still marked; a line that is only a link is a table of contents."""
    text = _IMAGE.sub(" ", _LINK_ITEM.sub("", markup))
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    return normalise(html.unescape(_BULLET.sub("", _ITALIC.sub(r"\1\2", _EMPHASIS.sub("", text)))))


def _packed(lines: list[str]) -> Iterator[str]:
    held, count = list[str](), 0
    for line in lines:
        for sentence in sentences(line):
            size = len(words(sentence))
            if held and count + size > MAX_WORDS:
                yield "\n".join(held)
                held, count = [], 0
            held.append(sentence)
            count += size
    if count >= MIN_WORDS:
        yield "\n".join(held)

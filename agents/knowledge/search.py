"""Lexical search over passages: BM25, with a relevance that means the same for every query."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import exp, log, sqrt
from typing import Any, Final

from agents.contract import Source
from agents.knowledge.articles import Article
from agents.knowledge.passages import Passage, passages
from agents.text import terms

STALE_AFTER_DAYS: Final = 90
_VOLATILE: Final = """
billing fee plan policy policies price pricing product-specs product-specification refund-policy rate spec
specification subscription tariff terms
"""
VOLATILE: Final = frozenset(_VOLATILE.split())
"""Topics whose facts change: an old article about one of them is stale, an old how-to is not."""

_TITLE_WEIGHT: Final = 3
"""How often a title counts: readers word their question like a title, not like a paragraph."""
_SHARPNESS: Final = 2.0


class KnowledgeBase:
    """The passages of a set of articles, searchable. Immutable once built; safe to share."""

    def __init__(self, articles: Iterable[Article], *, stale_after_days: float = STALE_AFTER_DAYS) -> None:
        import bm25s

        self.articles = tuple(articles)
        self.stale_after_days = stale_after_days
        self._passages: tuple[Passage, ...] = tuple(
            passage for article in self.articles for passage in passages(article)
        )
        if not self._passages:
            raise ValueError("a knowledge base needs at least one article")
        documents = [_document(passage) for passage in self._passages]
        counts = Counter(term for document in documents for term in set(document))
        total = len(documents)
        self._idf = {term: log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in counts.items()}
        self._rarest = log(1 + (total - 0.5) / 1.5)
        self._index: Any = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
        self._index.index(documents, show_progress=False)

    def __len__(self) -> int:
        return len(self._passages)

    @property
    def digest(self) -> str:
        """SHA-256 over every article, hex: what was known is part of an agent's version."""
        state = hashlib.sha256()
        for article in sorted(self.articles, key=lambda one: one.id):
            for part in (article.id, article.title, article.body, article.updated_at, article.topics):
                state.update(repr(part).encode("utf-8", "surrogatepass") + b"\x00")
        return state.hexdigest()

    def idf(self, term: str) -> float:
        """How much a term tells: its inverse document frequency, in nats; a term never seen tells most."""
        return self._idf.get(term, self._rarest)

    def search(
        self, query: Sequence[str], *, at: datetime, limit: int = 5, per_article: int = 1
    ) -> tuple[Source, ...]:
        """The best passages for the terms of a query, best first; at most ``per_article`` of one article.

        ``relevance`` is 1 - exp(-2 s / (sqrt(n) r)): s the BM25 score, n the number of query terms,
        r the inverse document frequency of a term that stands in one passage only. It grows with s,
        lies in [0, 1) and is comparable between queries: the sum of n chance matches spreads with
        sqrt(n), so dividing by it keeps a long, rambling question from looking well answered.

        Args:
            query: terms as ``agents.text.terms`` gives them; a repeated term counts again.
            at: the moment ages are counted to.
            limit: how many passages at most; those that share no term with the query never come.
            per_article: how many passages of one article at most.

        """
        if not query:
            return ()
        import numpy as np

        scores = self._index.get_scores(list(query))
        scale = _SHARPNESS / (sqrt(len(query)) * self._rarest)
        taken: Counter[str] = Counter()
        found: list[Source] = []
        for position in np.argsort(-scores, kind="stable"):
            score = float(scores[position])
            if score <= 0 or len(found) == limit:
                break
            passage = self._passages[position]
            if taken[passage.article.id] < per_article:
                taken[passage.article.id] += 1
                found.append(self._source(passage, 1 - exp(-scale * score), at))
        return tuple(found)

    def _source(self, passage: Passage, relevance: float, at: datetime) -> Source:
        article, age = passage.article, None
        if article.updated_at is not None:
            age = max((at - article.updated_at).total_seconds() / 86400, 0.0)
        return Source(
            source_id=article.id,
            title=article.title,
            passage=passage.text,
            relevance=relevance,
            age_days=age,
            stale=age is not None and age > self.stale_after_days and is_volatile(article),
            url=article.url,
        )


def _document(passage: Passage) -> list[str]:
    title = terms(passage.article.title)
    return title * _TITLE_WEIGHT + terms(passage.heading) + terms(passage.text)


def is_volatile(article: Article) -> bool:
    """Whether the article's topics, or the words of its title, are of the kind whose facts change."""
    return not VOLATILE.isdisjoint(article.topics) or not VOLATILE.isdisjoint(terms(article.title))

"""What an agent may know: articles, the passages they are cut into, and the search over them."""

from agents.knowledge.articles import Article, KnowledgeError, load
from agents.knowledge.search import KnowledgeBase

__all__ = ["Article", "KnowledgeBase", "KnowledgeError", "load"]

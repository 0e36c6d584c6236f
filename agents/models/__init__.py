"""Models: what turns a question into a draft, and how hosted ones are called.

``draft`` is the contract of whatever writes an answer. The rest is for hosted models: ``hosted`` makes
one call within deadline, budget and breaker, ``gateway`` alone calls litellm.
"""

from agents.models.draft import EXTRACTIVE, Draft, Model, ModelUnavailable, Question

__all__ = ["EXTRACTIVE", "Draft", "Model", "ModelUnavailable", "Question"]

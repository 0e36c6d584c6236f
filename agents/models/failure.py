"""Why a hosted model gave nothing usable.

    ModelFailure
    ├── Unavailable      the provider is away, overloaded or broken; may be tried again
    │   └── CircuitOpen  it was not even asked
    ├── Refused          the provider does not take the request; trying again cannot help
    ├── Late             no answer in time
    ├── Unusable         an answer that is not what was asked for
    ├── AnotherModel     a good answer, from a model that this version does not name
    ├── CallsNoEnd       it wants tools and tools, and no answer comes
    └── BudgetExhausted  nothing was sent, because it might cost too much

A message is made of our own words and figures only: what a provider says may repeat the customer's
text or the key.
"""

from typing import ClassVar


class ModelFailure(RuntimeError):
    """A call without a usable answer. ``code`` is the reason the ticket is handed off with."""

    code: ClassVar[str] = "model-unavailable"
    billed: bool | None = False
    """Whether it may have cost something: ``None`` is unknown."""
    broken: bool = False
    """Whether it speaks against the provider, so that its breaker counts it."""


class Unavailable(ModelFailure):
    broken = True

    def __init__(
        self, message: str, *, retry_after: float | None = None, billed: bool | None = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the provider asked to be left alone."""
        self.billed = billed


class CircuitOpen(Unavailable):
    """Nothing was sent: the provider has failed so often that it is left alone for a while."""


class Refused(ModelFailure):
    code = "model-refused"


class Late(ModelFailure):
    code = "model-deadline"

    def __init__(self, message: str, *, billed: bool | None = None, broken: bool = True) -> None:
        super().__init__(message)
        self.billed = billed
        self.broken = broken


class Unusable(ModelFailure):
    code = "unusable-model-output"
    billed = None

    def __init__(self, message: str, *, broken: bool = False) -> None:
        super().__init__(message)
        self.broken = broken


class AnotherModel(ModelFailure):
    code = "another-model-answered"


class CallsNoEnd(ModelFailure):
    code = "too-many-calls"


class BudgetExhausted(ModelFailure):
    code = "budget-exhausted"

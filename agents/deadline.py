"""How much of a deadline an agent may use: a part is kept back, so that late still ends in a packet."""

from typing import Final

_SHARE: Final = 0.15
_LONGEST: Final = 1.0


def usable(deadline: float) -> float:
    """Seconds of a deadline (seconds) that models, endpoints and tools may take together."""
    return deadline - min(_SHARE * deadline, _LONGEST)

"""The customer's mood as a series, one value per message, and where it is going."""

from collections.abc import Sequence
from typing import Final, Literal

from policies.vocabulary import Sentiment

Trend = Literal["worsening", "steady", "improving"]
SCALE: Final = (Sentiment.POSITIVE, Sentiment.NEUTRAL, Sentiment.FRUSTRATED, Sentiment.ANGRY)
TURNS_OF_FRUSTRATION: Final = 3
FALL: Final = 2
"""Steps down the scale, from the best so far, that count as a fall however short the conversation."""


def trend(series: Sequence[Sentiment]) -> Trend:
    """The newest value beside the first one."""
    if not series:
        return "steady"
    change = SCALE.index(series[-1]) - SCALE.index(series[0])
    return "worsening" if change > 0 else "improving" if change < 0 else "steady"


def degrades(series: Sequence[Sentiment]) -> bool:
    """Whether a person should take over before it gets worse.

    Anger counts once, at any message. Frustration counts when it is there at the third message or
    later, or when the mood has fallen to it by two steps from where it stood.
    """
    if Sentiment.ANGRY in series:
        return True
    if not series or series[-1] is not Sentiment.FRUSTRATED:
        return False
    levels = [SCALE.index(one) for one in series]
    return len(series) >= TURNS_OF_FRUSTRATION or levels[-1] - min(levels) >= FALL

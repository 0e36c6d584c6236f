"""One difference between two versions, for people first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Authority = Literal["gained", "lost"]


@dataclass(frozen=True, slots=True)
class Change:
    area: str
    """The key of a manifest it belongs to: ``prompts``, ``models``, ``tools``, ``thresholds`` and so on."""
    sentence: str
    """What differs, in words; the first version is "before", the second "after"."""
    detail: tuple[str, ...] = ()
    """Lines below it: a unified diff, or what the sentence counts."""
    authority: Authority | None = None
    """Whether the agent may do more, or is held to less, than before; or the other way round."""

    def to_json(self) -> Mapping[str, Any]:
        return {
            "area": self.area,
            "sentence": self.sentence,
            "detail": list(self.detail),
            "authority": self.authority,
        }

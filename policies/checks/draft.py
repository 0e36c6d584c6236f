"""A plan as far as it could be read: what is broken is absent, so that the rest is still checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from policies.plan import MetricRule, Percent, Plan, Step
from policies.values import FreezeWindow, Window

Read = TypeVar("Read")

_STEP: TypeAdapter[Step] = TypeAdapter(Step)
_RULE: TypeAdapter[MetricRule] = TypeAdapter(MetricRule)
_PERCENT: TypeAdapter[Decimal] = TypeAdapter(Percent)
_WINDOW: TypeAdapter[FreezeWindow] = TypeAdapter(Window)


@dataclass(frozen=True, slots=True)
class Draft:
    """The readable parts of a plan; list positions are those of the file."""

    raw: Mapping[str, Any]
    """The document as plain values, for questions of spelling."""
    holdout: Decimal | None = None
    categories: tuple[str, ...] | None = None
    agent: str | None = None
    steps: tuple[Step | None, ...] = ()
    canary_agent: str | None = None
    canary_steps: tuple[Step | None, ...] = ()
    rules: Mapping[str, MetricRule | None] = field(default_factory=dict)
    monitors: tuple[str | None, ...] = ()
    freeze: tuple[FreezeWindow | None, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Draft":
        """Read each part by itself."""
        canary = _mapping(raw.get("canary"))
        categories = raw.get("categories", Plan.model_fields["categories"].default)
        return cls(
            raw=raw,
            holdout=_read(_PERCENT, raw.get("holdout", 0)),
            categories=tuple(filter(None, map(_text, _list(categories)))) or None,
            agent=_text(raw.get("agent")),
            steps=tuple(_read(_STEP, step) for step in _list(raw.get("steps"))),
            canary_agent=_text(canary.get("agent")),
            canary_steps=tuple(_read(_STEP, step) for step in _list(canary.get("steps"))),
            rules={name: _read(_RULE, rule) for name, rule in _mapping(raw.get("metrics")).items()},
            monitors=tuple(_text(name) for name in _list(raw.get("monitors"))),
            freeze=tuple(_read(_WINDOW, window) for window in _list(raw.get("freeze"))),
        )


def _read(adapter: TypeAdapter[Read], value: Any) -> Read | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

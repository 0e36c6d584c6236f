"""The Prometheus text format (0.0.4), written from plain values."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf, isnan
from typing import Final, Literal, NamedTuple

from rollout.durations import Durations

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "ridealong_"

Labels = Mapping[str, str]


class Family(NamedTuple):
    """One metric with its samples. A family without samples is left out."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Iterable[tuple[Labels, float | Durations]]


def text(families: Iterable[Family]) -> str:
    """The page that a scraper reads."""
    return "".join(line + "\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    name = PREFIX + family.name
    samples = list(family.samples)
    if not samples:
        return
    yield f"# HELP {name} {family.help.replace(chr(92), chr(92) * 2).replace(chr(10), ' ')}"
    yield f"# TYPE {name} {family.kind}"
    for labels, value in samples:
        if isinstance(value, Durations):
            yield from _histogram(name, labels, value)
        else:
            yield f"{name}{_braced(labels)} {number(value)}"


def _histogram(name: str, labels: Labels, seen: Durations) -> Iterator[str]:
    counts, below = tuple(seen.counts), 0
    for bound, count in zip((*seen.bounds, inf), counts, strict=True):
        below += count
        yield f"{name}_bucket{_braced({**labels, 'le': number(bound)})} {below}"
    yield f"{name}_sum{_braced(labels)} {number(seen.total)}"
    yield f"{name}_count{_braced(labels)} {below}"


def _braced(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """A value as the format writes it; whole ones without a point, so that they stay readable."""
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))

"""A few of the numbers the server counts of itself, out of the text that Prometheus reads."""

import re
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? ([-+0-9.eE]+|NaN|[+-]Inf)$")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Figure(NamedTuple):
    labels: dict[str, str]
    value: float


def read(text: str) -> dict[str, list[Figure]]:
    """Samples by name, without the names' common prefix; lines that are none are left out."""
    found: dict[str, list[Figure]] = {}
    for line in text.splitlines():
        matched = _LINE.match(line)
        if matched is not None:
            name, labels, value = matched.groups()
            figure = Figure(dict(_LABEL.findall(labels or "")), float(value))
            found.setdefault(name.removeprefix("ridealong_"), []).append(figure)
    return found

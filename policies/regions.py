"""A policy file with the regions beside it: which rules hold for a ticket from where.

Overlays stand in the folder ``regions`` beside the base and name it. They are found, not listed: a file
that is put there holds from the next version on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from policies.conduct import ConductPolicy, Overlay
from policies.detectors import shipped
from policies.effective import EffectivePolicy, effective
from policies.load import read_conduct, read_document, read_overlay
from policies.problems import PolicyInvalid, Problem


@dataclass(frozen=True, slots=True)
class Policies:
    """What holds where."""

    base: EffectivePolicy
    by_region: Mapping[str, EffectivePolicy]
    """By every region that an overlay names, upper case."""

    def of(self, region: str | None) -> EffectivePolicy:
        """The rules for a ticket; the base where its region is unknown or has no overlay."""
        return self.by_region.get((region or "").strip().upper(), self.base)


def load_policies(path: Path) -> Policies:
    """A policy and all its overlays.

    Raises:
        PolicyInvalid: with every problem of the file, or of the first overlay that has any.

    """
    base = _base(path)
    by_region: dict[str, EffectivePolicy] = {}
    for file in overlays_of(path):
        document = read_document(file)
        overlay = read_overlay(document, file)
        if overlay is None:
            raise PolicyInvalid(document.problems)
        held = effective(path.stem, base, shipped(), overlay)
        for region in overlay.regions:
            if region.upper() in by_region:
                message = f"region {region!r} has two overlays of {path.name}; keep one"
                raise PolicyInvalid([Problem(str(file), 1, 1, "regions", message)])
            by_region[region.upper()] = held
    return Policies(effective(path.stem, base, shipped()), by_region)


def overlays_of(path: Path) -> Iterator[Path]:
    """The files in ``regions`` beside a policy that extend it, in order of name.

    A file that cannot be read counts as one of them: it must not be lost silently.
    """
    for file in sorted((path.parent / "regions").glob("*.y*ml")):
        document = read_document(file)
        given = document.root.plain().get("extends") if document.root is not None else None
        if not isinstance(given, str) or (file.parent / given).resolve() == path.resolve():
            yield file


def policy_of(content: ConductPolicy | Overlay, path: Path) -> EffectivePolicy:
    """What a sound file comes to: a policy by itself, an overlay over its base.

    Raises:
        PolicyInvalid: the base of an overlay cannot be used.

    """
    if isinstance(content, ConductPolicy):
        return effective(path.stem, content, shipped())
    beside = path.parent / content.extends
    return effective(beside.stem, _base(beside), shipped(), content)


def _base(path: Path) -> ConductPolicy:
    document = read_document(path)
    base = read_conduct(document)
    if base is None:
        raise PolicyInvalid(document.problems)
    return base

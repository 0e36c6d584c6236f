"""The pages, in the order of the menu. A page is one module here with a ``show``, and one line below.

Not called `pages`: Streamlit would run the files of such a folder as scripts of their own. And without icons,
because it fetches those of a menu from a font server on the internet.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from dashboards.viewing import Viewing
from dashboards.views import (
    audit,
    desk,
    gate,
    incidents,
    knowledge,
    overview,
    plan,
    quality,
    review,
    rollouts,
    shadow,
    story,
)


class Entry(NamedTuple):
    """A page as the menu knows it."""

    group: str
    title: str
    path: str
    """Where it is found under the dashboard's address."""
    show: Callable[[Viewing], None]


PAGES: Final = (
    Entry("Results", "Overview", "overview", overview.show),
    Entry("Results", "Knowledge", "knowledge", knowledge.show),
    Entry("Results", "Quality", "quality", quality.show),
    Entry("Desk", "Desk", "desk", desk.show),
    Entry("Desk", "Review", "review", review.show),
    Entry("Release", "Rollouts", "rollouts", rollouts.show),
    Entry("Release", "Gate", "gate", gate.show),
    Entry("Release", "Plan", "plan", plan.show),
    Entry("Release", "Shadow", "shadow", shadow.show),
    Entry("Record", "Incidents", "incidents", incidents.show),
    Entry("Record", "Audit", "audit", audit.show),
    Entry("Record", "Story", "story", story.show),
)

"""A desk's past, from one file into the record: ``import_file`` is the conductor of the rest.

``files`` reads rows as text with their line numbers, ``header`` says which column means what,
``rows`` checks and types them a chunk at a time, ``events`` makes one history event of each.
"""

from rollout.importer.run import import_file
from rollout.importer.summary import ImportSummary, Progress

__all__ = ["ImportSummary", "Progress", "import_file"]

"""Records the rows of an import, and tells new tickets, revisions and repetitions apart."""

from collections.abc import Callable, Sequence

from rollout.importer.events import Row, store_texts
from rollout.importer.summary import ImportSummary, Progress
from rollout.record.folder import DataFolder


class Recorder:
    """Records rows in a folder whose view is up to date when the import starts."""

    def __init__(self, folder: DataFolder, tenant: str, progress: Callable[[Progress], None]) -> None:
        self._folder = folder
        self._tenant = tenant
        self._progress = progress
        self._catch_up(0)
        self._start = folder.view.position
        self._had_history = bool(folder.view.query("SELECT 1 FROM histories LIMIT 1"))

    def record(self, rows: Sequence[Row], summary: ImportSummary) -> None:
        """Make the rows durable.

        Rows that are there already are left out before their texts are stored: a text that was
        erased or has expired since must not come back by importing the same export again.
        """
        known = self._known([row.event.event_id for row in rows])
        new = [row for row in rows if row.event.event_id not in known]
        store_texts(new, self._folder.content)
        receipts = self._folder.record([row.event for row in new]) if new else []
        repeated = sum(receipt.duplicate for receipt in receipts)
        summary.already_there += len(rows) - len(new) + repeated
        summary.imported += len(new) - repeated

    def _known(self, event_ids: Sequence[str]) -> set[str]:
        if not self._had_history:
            return set()
        found = self._folder.view.query(
            "SELECT event_id FROM histories WHERE tenant = ? AND event_id IN (SELECT unnest(?))",
            [self._tenant, list(event_ids)],
        )
        return {row["event_id"] for row in found}

    def finish(self, summary: ImportSummary) -> None:
        """Bring the view up to date, and say which rows were revisions of known tickets."""
        self._catch_up(summary.rows)
        counts = self._folder.view.query(
            """
            SELECT count(*) FILTER (WHERE first_seq > $start) AS new_tickets,
                count(*) FILTER (WHERE here > 1) AS repeated
            FROM (
                SELECT min(seq) AS first_seq, count(*) FILTER (WHERE seq > $start) AS here
                FROM histories WHERE tenant = $tenant GROUP BY workflow, ticket_id)
            """,
            {"start": self._start, "tenant": self._tenant},
        )[0]
        summary.revisions = summary.imported - counts["new_tickets"]
        if counts["repeated"]:
            summary.warnings.append(
                f"{counts['repeated']:,} tickets stand in the file more than once with different cells; "
                "the last line of each counts"
            )

    def _catch_up(self, rows: int) -> None:
        start, end = self._folder.view.position, self._folder.head().seq

        def report(position: int) -> None:
            self._progress(Progress(rows, (position - start) / max(end - start, 1), "apply"))

        self._folder.catch_up(report)

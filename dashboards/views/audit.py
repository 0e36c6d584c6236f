"""For the auditor: is the record what was written, and who did what?"""

from typing import Final

import streamlit as st

from dashboards import format as fmt
from dashboards.quality_rows import AuditRow, RefusalRow, VerifiedRow
from dashboards.sections import parts, story
from dashboards.viewing import Viewing

_WHAT: Final = "what"
"""Session key of the chosen kind, which is read before the choice is drawn: the answer says what there is."""


def show(viewing: Viewing) -> None:
    parts.title(
        "Audit", "Is the record what was written, and who did what? Whoever only looked is not on record."
    )
    found = viewing.reads.audit(st.session_state.get(_WHAT) or "")
    kinds = {"": "Everything"} | {name: fmt.words(name) for name in found["known"]}
    parts.choose("Records", kinds, key=_WHAT, address=False)
    with parts.guarded("The chain"):
        _chain(found["verified"])
    st.divider()
    with parts.guarded("The trail"):
        _deeds(found)
    left, right = parts.beside("audit", 1, 1)
    with left, parts.guarded("The refusals"):
        _refusals(found["refusals"])
    with right, parts.guarded("The ticket"):
        _one_ticket(viewing)


def _chain(row: VerifiedRow) -> None:
    parts.heading("The chain", "Every record names the one before it by its hash.")
    at = parts.moment(row["at"])
    if not row["sound"]:
        st.error(
            parts.plain(f"Not sound, found {at}: {row['fault']}. Restore a backup; see `ridealong restore`.")
        )
        return
    which = "all" if row["whole"] else "the newest"
    st.text(
        f"{which.capitalize()} {fmt.number(row['records'])} records are what was written: verified {at} by "
        f"this server, up to record {fmt.number(row['head'])}."
    )
    st.caption("The whole chain, against a hash you noted earlier: only that shows a tail that was cut off.")
    st.code(f"ridealong audit verify --data DIR --head {row['hash']}", language="bash", wrap_lines=True)


def _deeds(found: AuditRow) -> None:
    parts.heading("Who did what", "The newest 200, newest first.")
    if not found["rows"]:
        parts.empty("Nothing of this kind is on record", "Choose another kind above.")
        return
    parts.table(
        [
            {
                "seq": row["seq"],
                "when": parts.moment(row["at"]),
                "actor": row["actor"],
                "action": f"{fmt.words(row['kind'])}: {fmt.words(row['action']).lower()}"
                + (f" ({row['count']} times)" if row["count"] > 1 else ""),
                "workflow": row["workflow"],
                "about": row["about"],
                "detail": row["detail"],
                "utc": fmt.moment(row["at"]),
            }
            for row in found["rows"]
        ],
        {
            "seq": "Record",
            "when": "When",
            "actor": "Who",
            "action": "What",
            "about": "About",
            "detail": "Said",
            "workflow": "Workflow",
            "utc": "UTC",
        },
        wide="Said",
    )


def _refusals(rows: list[RefusalRow]) -> None:
    parts.heading("Refused", "In 28 days, by door and reason.")
    if not rows:
        parts.empty("Nobody was refused", "Refusals by role, tenant and rate are counted here.")
        return
    parts.table(
        [{**row, "code": fmt.words(row["code"]), "newest": parts.moment(row["newest"])} for row in rows],
        {"route": "Door", "code": "Why", "n": "Times", "newest": "Last"},
        wide="Door",
    )


def _one_ticket(viewing: Viewing) -> None:
    parts.heading("One ticket's story", "Who decided what on which evidence, and whether it follows.")
    story.ask(viewing, key="story-of")

"""Checked rows as history events, each with an id that says which ticket and which wording of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import orjson
import polars as pl

from rollout.importer.header import TEXTS
from rollout.record.content import ContentStore, Text
from rollout.records import Event, Kind

_DIGEST_CHARACTERS: Final = 32
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.6f+00:00"


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket of the past, ready to be recorded."""

    event: Event
    texts: tuple[Text, ...]


def rows_of(good: pl.DataFrame, extras: Sequence[str | None], tenant: str) -> list[Row]:
    """One row per ticket of a checked chunk; the same cells give the same event id, always."""
    times = [name for name, kind in good.schema.items() if isinstance(kind, pl.Datetime)]
    newest = good.select(pl.max_horizontal(times)).to_series().to_list()
    plain = good.with_columns(pl.col(name).dt.strftime(_INSTANT) for name in times)
    return [
        _row(cells, extra, occurred_at, tenant)
        for cells, extra, occurred_at in zip(plain.iter_rows(named=True), extras, newest, strict=True)
    ]


def _row(cells: dict[str, Any], extra: str | None, occurred_at: datetime, tenant: str) -> Row:
    given = {name: value for name, value in cells.items() if value is not None}
    if extra is not None:
        given["extra"] = extra
    digest = sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_DIGEST_CHARACTERS]
    ticket, customer, workflow = given["ticket_id"], given["customer_id"], given.pop("workflow")
    texts = tuple(
        Text(tenant, customer, ticket, part, given.pop(part)) for part in (*TEXTS, "extra") if part in given
    )
    event = Event(
        f"history:{workflow}:{ticket}:{digest}",
        Kind.HISTORY,
        # The newest moment the row knows of: what is in it was true then.
        occurred_at,
        given,
        tenant=tenant,
        workflow=workflow,
        region=given.get("region"),
        actor="import",
    )
    return Row(event, texts)


def store_texts(rows: Sequence[Row], content: ContentStore) -> None:
    """Put the rows' texts into the content store, and their references into the payloads."""
    texts = [text for row in rows for text in row.texts]
    if not texts:
        return
    references = iter(content.put(texts))
    for row in rows:
        if row.texts:
            row.event.payload["content"] = {text.part: next(references) for text in row.texts}

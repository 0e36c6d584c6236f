"""Articles and where they come from: a folder of Markdown and text files, or a CSV table."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FIELDS: Final = ("id", "title", "body", "updated_at", "topics", "url")
_FENCE: Final = "---"


class KnowledgeError(ValueError):
    """Articles that cannot be read. Names the file, the place in it and the remedy."""


@dataclass(frozen=True, slots=True)
class Article:
    id: str
    title: str
    body: str
    """Plain text or Markdown; markup is taken off when it is cut into passages."""
    updated_at: datetime | None = None
    """Aware. ``None`` where nobody recorded it: unknown, which is neither fresh nor stale."""
    topics: tuple[str, ...] = ()
    url: str | None = None


def load(
    path: Path, *, columns: Mapping[str, str] | None = None, updated_at: datetime | None = None
) -> tuple[Article, ...]:
    """Read every article below a folder (``.md``, ``.txt``) or in a CSV file, in a fixed order.

    Args:
        path: the folder or the CSV file (UTF-8, a byte order mark is fine).
        columns: which CSV column holds a field, as ``{field: column}``; fields are ``id``, ``title``,
            ``body``, ``updated_at``, ``topics`` (separated by semicolons or commas) and ``url``. A field left
            out is looked for under its own name.
        updated_at: the date of undated articles, e.g. that of the snapshot they come from: they
            are at least that old. The time stamp of a file is never used, a checkout changes it.

    Raises:
        KnowledgeError: nothing there, a file without text, a bad date, two articles with one id.

    """
    if path.is_dir():
        found = tuple(_from_folder(path, updated_at))
    elif path.is_file():
        found = tuple(_from_csv(path, dict(columns or {}), updated_at))
    else:
        raise KnowledgeError(f"{path}: no such folder or file; give a folder of .md files or a .csv file")
    if not found:
        raise KnowledgeError(f"{path}: no articles found; expected .md or .txt files, or rows of a .csv file")
    seen: set[str] = set()
    for article in found:
        if article.id in seen:
            raise KnowledgeError(f"{path}: two articles have the id {article.id!r}; ids must be unique")
        seen.add(article.id)
    return found


def _from_folder(folder: Path, fallback: datetime | None) -> Iterator[Article]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in {".md", ".txt"} and file.is_file():
            text = file.read_text(encoding="utf-8-sig")
            meta, body = _front_matter(text, file)
            yield Article(
                id=meta.get("id") or file.relative_to(folder).with_suffix("").as_posix(),
                title=meta.get("title") or _heading(body) or file.stem.replace("-", " "),
                body=body,
                updated_at=_moment(meta.get("updated_at"), str(file)) or fallback,
                topics=_topics(meta.get("topics")),
                url=meta.get("url") or None,
            )


def _front_matter(text: str, file: Path) -> tuple[Mapping[str, str], str]:
    """The ``key: value`` lines between two fences at the top: flat, so that no YAML rule surprises."""
    if not text.startswith(_FENCE + "\n"):
        return {}, text
    head, closed, body = text[len(_FENCE) + 1 :].partition(f"\n{_FENCE}\n")
    if not closed:
        raise KnowledgeError(f"{file}:1: the front matter is not closed; add a line with {_FENCE!r}")
    meta: dict[str, str] = {}
    for number, line in enumerate(head.splitlines(), start=2):
        key, colon, value = line.partition(":")
        if key.strip() not in FIELDS or not colon:
            raise KnowledgeError(
                f"{file}:{number}: {line!r} is not 'key: value' with a key of {', '.join(FIELDS)}"
            )
        meta[key.strip()] = value.strip().strip("\"'")
    return meta, body


def _heading(body: str) -> str | None:
    return next((line.lstrip("# ").strip() for line in body.splitlines() if line.startswith("#")), None)


def _from_csv(file: Path, columns: Mapping[str, str], fallback: datetime | None) -> Iterator[Article]:
    unknown = sorted(set(columns) - set(FIELDS))
    if unknown:
        raise KnowledgeError(f"{file}: no field {', '.join(unknown)}; fields are {', '.join(FIELDS)}")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        source = {field: columns.get(field, field) for field in FIELDS}
        header = reader.fieldnames or ()
        wanted = {source[field] for field in ("id", "title", "body")} | set(columns.values())
        missing = sorted(wanted - set(header))
        if missing:
            raise KnowledgeError(
                f"{file}:1: no column {', '.join(missing)}; the file has {', '.join(header) or 'no header'}"
            )
        for row in reader:
            place = f"{file}:{reader.line_num}"
            if not row[source["id"]] or not row[source["body"]]:
                raise KnowledgeError(f"{place}: an article needs an id and a body; fill or remove the row")
            yield Article(
                id=row[source["id"]],
                title=row[source["title"]] or row[source["id"]],
                body=row[source["body"]],
                updated_at=_moment(row.get(source["updated_at"]), place) or fallback,
                topics=_topics(row.get(source["topics"])),
                url=row.get(source["url"]) or None,
            )


def _topics(value: str | None) -> tuple[str, ...]:
    parts = (part.strip().lower() for part in (value or "").strip("[]").replace(",", ";").split(";"))
    return tuple(dict.fromkeys(part for part in parts if part))


def _moment(value: str | None, place: str) -> datetime | None:
    """An aware moment; a bare day is its beginning and a time without offset is UTC."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise KnowledgeError(f"{place}: {value!r} is not a date; write it as 2025-03-01") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Which of DuckDB's errors mean that the view's file is damaged, and so has to be built anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from rollout.errors import RecordError

_HARMED: Final = (duckdb.IOException, duckdb.InternalException, duckdb.SerializationException)
_SPARED: Final = (
    "could not set lock",
    "no space left",
    "input/output error",
    "too many open files",
    "permission denied",
)
"""Words of errors that are not the file's: another process, a full or sick disk; a person helps."""


class ViewDamaged(RecordError):
    """The projection cannot be read. The journal has everything that was in it."""


@contextmanager
def damage_told(path: Path | None, *, opening: bool = False, again: bool = False) -> Iterator[None]:
    """Raise what means damage as ``ViewDamaged``; other errors pass.

    Args:
        path: the view's file.
        opening: nothing was read yet: whatever fails now but for memory and ``_SPARED`` is damage.
        again: the instance is new: it giving up once more is damage, too.

    Raises:
        ViewDamaged: names the file and what to do.

    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        harmed = opening or isinstance(error, _HARMED) or (again and isinstance(error, duckdb.FatalException))
        spared = any(word in str(error).lower() for word in _SPARED)
        if path is None or spared or not harmed:
            raise
        first = str(error).splitlines()[0]
        raise ViewDamaged(
            f"{path}: {first}; the view is damaged, the journal is not: `ridealong rebuild` builds it anew"
        ) from error
    except IndexError as error:  # no position where there always is one
        if not opening:
            raise
        raise ViewDamaged(
            f"{path}: the view holds no position; `ridealong rebuild` builds it anew"
        ) from error

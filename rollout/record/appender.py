"""The end of the journal's newest segment: bytes go in, and on return they are on disk."""

import os
from pathlib import Path
from time import perf_counter
from typing import Final

from rollout.durations import SYNC_SECONDS, Durations
from rollout.errors import RecordError
from rollout.record.segments import segment_path, segments
from rollout.record.tail import sync_folder

SEGMENT_BYTES: Final = 64 << 20


class Appender:
    """Writes durably to the newest segment and begins a new one when it is full."""

    def __init__(
        self, folder: Path, segment_bytes: int = SEGMENT_BYTES, syncs: Durations | None = None
    ) -> None:
        """``syncs`` takes how long each write waited for the disk."""
        self._syncs = syncs or Durations(SYNC_SECONDS)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._descriptor: int | None = None  # opened by the first write
        self._size = 0
        self._roll = False

    def write(self, data: bytes, first: int) -> None:
        """Append lines, the first of them of record ``first``; they are durable on return.

        Raises:
            RecordError: the disk took none of it, e.g. because it is full; trying again is safe.
            OSError: the sync failed; nobody knows what the disk holds.

        """
        if self._descriptor is not None and (self._roll or self._size >= self._segment_bytes):
            self.close()
            self._roll = True
        if self._descriptor is None:
            self._descriptor, self._size = self._opened(first)
        try:
            _write_all(self._descriptor, data)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            os.fdatasync(self._descriptor)
            raise RecordError(
                f"{self._folder}: {error.strerror}; nothing was acknowledged."
                " Make room and send the same events again"
            ) from error
        began = perf_counter()
        os.fdatasync(self._descriptor)
        self._syncs.observe(perf_counter() - began)
        self._size += len(data)

    def roll(self) -> None:
        """Begin a new segment with the next write."""
        self._roll = True

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self, first: int) -> tuple[int, int]:
        """Return the descriptor and size of the segment to write to."""
        found = segments(self._folder)
        path = found[-1].path if found else None
        if path is None or self._roll or path.stat().st_size >= self._segment_bytes:
            path = segment_path(self._folder, first)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        sync_folder(self._folder)
        self._roll = False
        return descriptor, os.fstat(descriptor).st_size


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

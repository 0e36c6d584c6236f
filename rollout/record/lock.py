"""One owner per data folder: an advisory lock that says who holds it and how to reach them."""

import fcntl
import json
import os
from pathlib import Path
from typing import Self

from rollout.clock import Clock
from rollout.errors import FolderInUse


class OwnerLock:
    """A lock file held for as long as the process lives: the kernel frees it, also after a kill."""

    def __init__(self, path: Path, *, holder: str, url: str | None, clock: Clock) -> None:
        """Take the lock.

        Raises:
            FolderInUse: somebody else has it; the message says who, where, and what to do.

        """
        # Never unlinked: whoever opened the old file would hold a lock that nobody else sees.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._descriptor, 4096)
            os.close(self._descriptor)
            raise FolderInUse(_in_use(path, owner)) from None
        about = {"pid": os.getpid(), "holder": holder, "url": url, "since": clock.now().isoformat()}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(about).encode() + b"\n", 0)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _in_use(path: Path, owner: bytes) -> str:
    try:
        about = json.loads(owner)
        pid, holder, url, since = (about[name] for name in ("pid", "holder", "url", "since"))
    except (ValueError, KeyError, TypeError):
        return f"{path.parent} is in use by another process ({path.name} is locked); stop it and try again"
    where = f" at {url}" if url else ""
    use = f"use its API at {url}, or stop" if url else "wait for it to finish, or stop"
    return (
        f"{path.parent} is in use by `{holder}` (process {pid}{where}, since {since}):"
        f" {use} process {pid} first"
    )

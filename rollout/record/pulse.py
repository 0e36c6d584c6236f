"""What a journal says of its own work: how long the disk takes, and when which record became durable."""

from collections import deque
from time import monotonic
from typing import Final

from rollout.durations import SYNC_SECONDS, Durations

_MOMENTS: Final = 4096


class Pulse:
    """Written by the journal's one writer, read by whoever asks how it is doing."""

    def __init__(self) -> None:
        self.syncs = Durations(SYNC_SECONDS)
        """Seconds of each ``fdatasync``."""
        self._moments: deque[tuple[int, float]] = deque(maxlen=_MOMENTS)

    def beat(self, seq: int) -> None:
        """Record ``seq``, and with it all before it, is durable now."""
        self._moments.append((seq, monotonic()))

    def waiting(self, position: int) -> float:
        """Seconds since the first record after ``position`` became durable; 0 where there is none.

        Of a reader that is more than 4,096 writes behind, or behind since before this process began,
        it is the least that the lag can be.
        """
        now = monotonic()
        return next((max(now - at, 0.0) for seq, at in tuple(self._moments) if seq > position), 0.0)

"""The end of the supervisor is the end of its children."""

import os
import signal
import sys
import threading


def stop_with_parent() -> None:
    """End this process in order when the pipe on standard input closes."""

    def wait() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()

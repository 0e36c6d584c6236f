"""The end of the supervisor is the end of its children."""

import os
import signal
import sys
import threading


def stop_with_parent() -> None:
    """End this process in order when the pipe on standard input closes."""
    stdin = sys.stdin.fileno()

    def wait() -> None:
        while os.read(stdin, 1024):  # a buffered read would hold a lock that the interpreter wants at its end
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()

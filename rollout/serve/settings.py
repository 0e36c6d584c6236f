"""What the supervisor tells its children, handed over in the environment.

The per-run token stands in the environment and never on a command line, where every user of the
machine could read it.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_VARIABLE = "RIDEALONG_RUN"
SHADOWS = "shadows"
"""Name and argument of the process whose agents only watch."""
_SECRETS = ("RIDEALONG_API_KEY", "RIDEALONG_API_KEY_FILE")
_PROVIDER_KEY = re.compile(r"RIDEALONG_MODEL_API_KEY\w*|\w+_API_KEY|\w+_AGENT_SECRET")
"""Variables that hold the key of a model provider or of an agent behind a URL: only who calls has them."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """One run of the server, as both of its processes see it."""

    data: str
    plans: str | None
    url: str
    """Where the door answers: ``http://127.0.0.1:8000``."""
    analyst_socket: str
    """Path of the Unix socket on which the analyst answers reads."""
    token: str
    """Proves that a proposal comes from this run's analyst."""
    door_fd: int
    """The listening socket, inherited: it outlives a router that is restarted."""
    agents_socket: str = ""
    """Path of the Unix socket on which the agents answer; empty where the run has none."""
    shadows_socket: str = ""
    """As ``agents_socket``, for agents that only watch: they share nothing with those that answer."""
    tools_socket: str = ""
    """Path of the Unix socket on which the tools' process makes calls; empty where the run has none."""
    host: str = "127.0.0.1"
    """The address it listens on; not always the one in ``url``."""
    tick_seconds: float = 5.0
    """How often the controller looks at the evidence."""
    poll_seconds: float = 0.25
    """How often the analyst looks for new records."""

    def environment(self) -> dict[str, str]:
        """The caller's environment with these settings in it, and without anybody's key."""
        told = self.agents_environment()
        return {name: value for name, value in told.items() if not _PROVIDER_KEY.fullmatch(name)}

    def agents_environment(self) -> dict[str, str]:
        """As ``environment``, with the keys of model providers: for processes that call models."""
        inherited = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        return inherited | {_VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process.

        Raises:
            RuntimeError: the process was not started by the supervisor.

        """
        text = os.environ.pop(_VARIABLE, None)
        if text is None:
            raise RuntimeError("this process is started by `ridealong serve`, not by hand")
        return cls(**json.loads(text))

    @property
    def folder(self) -> Path:
        return Path(self.data)

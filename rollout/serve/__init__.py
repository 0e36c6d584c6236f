"""The server as processes: one that decides, one that measures, one that watches over both."""

from rollout.serve.server import serve
from rollout.serve.viewer import dashboard, up

__all__ = ["dashboard", "serve", "up"]

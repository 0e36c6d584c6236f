"""JSON Schema of the YAML files, so that editors complete keys and mark mistakes while typing.

The committed files under ``policies/schema`` are these, word for word; a test keeps them equal.
The schema knows every key, spelling and list of choices; what takes the whole plan to see is
checked by ``ridealong check``.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from policies.conduct import ConductPolicy, Overlay
from policies.detectors import Detectors
from policies.manifest import AgentVersion
from policies.plan import Plan
from policies.route_table import RouteTable
from policies.tools import ToolCatalogue
from policies.webhooks import Webhooks

MODELS: Final[dict[str, type[BaseModel]]] = {
    "plan": Plan,
    "agent": AgentVersion,
    "conduct": ConductPolicy,
    "overlay": Overlay,
    "detectors": Detectors,
    "routes": RouteTable,
    "webhooks": Webhooks,
    "tools": ToolCatalogue,
}
FOLDER: Final = Path(__file__).parent / "schema"


def json_schema(kind: str) -> dict[str, Any]:
    """The schema of one kind of file: a key of ``MODELS`` (draft 2020-12)."""
    schema = MODELS[kind].model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text(kind: str) -> str:
    """The schema as it is committed and printed."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def committed(kind: str) -> Path:
    """Where the schema is committed."""
    return FOLDER / f"{kind}.schema.json"

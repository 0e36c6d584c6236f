"""Makes the cases that the tests of agents and of handling share importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "agents"))

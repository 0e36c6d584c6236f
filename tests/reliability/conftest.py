"""The drills of ``scripts/drills``, a few rounds of each; ``scripts/reliability`` runs the many."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

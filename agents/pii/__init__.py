"""What identifies a person: found in texts, replaced for a hosted model, put back in the reply."""

from agents.pii.find import KINDS, Found, find
from agents.pii.vault import Vault

__all__ = ["KINDS", "Found", "Vault", "find"]

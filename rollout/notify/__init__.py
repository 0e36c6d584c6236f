"""Telling others: hand-offs, verdicts, transitions and incidents, signed and tried until they arrive."""

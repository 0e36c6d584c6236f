"""The worlds, rules and ladders behind ``benchmarks/decisions.py``."""

"""The contract, tried out against an endpoint: named checks, each with what it saw and how to mend it.

``probe`` sends requests good and bad; ``reached``, ``trusted``, ``spoken``, ``tooled`` and ``loaded`` hold
the checks, ``run`` puts them in order.
"""

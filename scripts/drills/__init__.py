"""Drills: what is promised, held against the fault it is promised for, counted and told.

A drill is a function that returns a ``Result``. Each module also lists ``FAULTS``: ways to break the
product on purpose, under which its drill must find violations. A drill that never fails shows nothing.
"""

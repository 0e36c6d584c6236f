"""A version over cases whose right end is known: what it must say, must not say, and must hand over."""

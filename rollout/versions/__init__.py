"""Two versions of an agent beside each other: what differs, in words, and who may now do what.

``resolved`` gathers what a manifest refers to, ``differences`` compares, ``change`` is what comes of it.
"""

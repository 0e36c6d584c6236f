"""A model that compares an agent's reply with a person's.

What its word is worth is measured against people's own labels elsewhere, before it may count for anything.
"""

"""Promises: the YAML that people review, and the strict models that refuse what was not meant.

A leaf package: it imports no other part of the project and holds no behaviour.
"""

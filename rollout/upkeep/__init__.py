"""Keeping a data folder well: copies of it, checks of it, and what it says about one ticket."""

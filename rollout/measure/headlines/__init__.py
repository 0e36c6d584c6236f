"""The numbers people read: described, never tested. Gates have their own sums.

Every number carries n and an interval, names what it leaves out and shows the SQL it came from.
"""

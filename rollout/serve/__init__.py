"""The server as processes: one that decides, one that measures, one that watches over both."""

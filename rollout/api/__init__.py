"""The HTTP doors: one that decides and records, one that reads. Each is one process's whole face."""

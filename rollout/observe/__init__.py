"""What the server says of its own work: counts, traces, log lines. Nothing of it decides anything."""

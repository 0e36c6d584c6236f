"""How a tool is really called, in a process that holds their secrets and nothing else."""

"""When an AI agent does harm: what happened, how bad, to which version, and what it stops."""

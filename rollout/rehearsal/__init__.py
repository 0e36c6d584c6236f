"""What would be different: a changed conduct policy over what was said already. Reads, never writes."""

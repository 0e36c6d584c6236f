"""Looking and deciding, through the HTTP API only."""

"""Tool calls at the desk: who may make them, what is on record of them, and who has to agree first."""

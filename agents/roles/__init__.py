"""The roles of the pipeline: triage, knowledge, resolution, hand-off."""

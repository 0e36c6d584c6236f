"""What help desks report: signatures, and their words turned into ours."""

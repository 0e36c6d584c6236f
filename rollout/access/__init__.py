"""Who may do what at the door: roles, keys, sign-in, limits, and what is recorded of it."""

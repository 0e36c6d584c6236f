"""What waits for people: hand-offs and drafts, who looks after them, and pairs of replies to compare."""

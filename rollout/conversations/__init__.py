"""Conversations of many turns: what was said in which place, who answers, and what was answered."""

"""Evaluate a draft of a policy over past requests, open ones and what is in production now. Writes no governed row."""

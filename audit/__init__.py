"""The storey that remembers: what happened, who did it, and proof of both. It knows nobody above it."""

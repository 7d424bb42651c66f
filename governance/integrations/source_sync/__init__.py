"""Copying what lies at a version's source, where an operator has named the store behind it (COUNTERSIGN_SOURCES)."""

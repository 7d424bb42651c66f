"""Copy the files at a version's source, if an operator configured the store (COUNTERSIGN_SOURCES)."""

"""The technical document of a version: the shape that a regulation asks for, filled with what the registry knows, and a
list of what is missing. As data first; pages, the interface and paper are drawn from that."""

"""Import from other registries, by protocol or from exports. Imported data are claims, not approvals."""

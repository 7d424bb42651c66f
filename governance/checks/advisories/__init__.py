"""Published vulnerabilities of packages: reading OSV records, matching versions, severities. Pure."""

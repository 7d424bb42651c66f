"""`artifact.scan`: what would loading this artifact import, execute, or read from outside the version?

Nothing is loaded, imported or written. The package needs only the standard library and `governance.checks.formats`, so
that the client scans files without a database or settings.

`report` has the types; `dispatch.scan_stream` scans one file by its format, with one module for each family of formats;
`artifact.scan_artifact` scans a folder as one artifact and applies the rules that concern several files.
"""

"""`provenance.slsa`: a trusted builder made the registered files from a known source."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from governance.checks.attestations.members import AttestationError, shown
from governance.checks.attestations.provenance import (
    Provenance,
    commit_of,
    folder_digest,
    read_provenance,
    source_matches,
)
from governance.checks.attestations.statements import subject_digests
from governance.checks.attestations.verified import (
    PROVENANCE,
    failed,
    fault_of,
    first_findings,
    read_signed,
    read_statement,
    select_keys,
)
from governance.checks.base import (
    ARTIFACT_FILES,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.builtin.integrity_signature import KeyName, combined_keys

PROVENANCE_SLSA = "provenance.slsa"


class ProvenanceSlsa(Check):
    """Verifies a signed SLSA provenance and compares its subjects, builder and source with the policy."""

    slug = "provenance.slsa"
    version = "1.0.0"
    title = "Provenance of the build"
    category = "provenance"
    description = (
        "A builder of the list made the files of the version from a source of the pattern, as a signed statement says."
    )
    guide = """
The check verifies the signature of the statement with the public keys in force that apply to the model and have the
purpose *provenance*. Then the statement must be about this version: the SHA-256 of every file is among its subjects, or
one subject has the digest of the folder, the SHA-256 of the output of

```
find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum
```

The builder must be on the list of the policy, and one of the resolved dependencies must have an address that matches
the pattern, with a commit. In a pattern `*` matches any characters of one segment of the address, `**` also slashes.
Without an `@` in the pattern, the branch or tag of the address is not compared.

It does not establish that the builder works as its id promises, nor that the source is good. Statements with a
certificate (keyless signatures) are not verified and never pass.

| finding | what to do |
| --- | --- |
| `no_keys`, `no_valid_signature`, `keyless` | as for `integrity.signature`, with a key for provenance |
| `other_artifact` | attach the statement that the build of these files wrote: this one is about other files |
| `builder_not_listed` | build with a builder of the list, or an officer adds the builder to the policy |
| `source_not_matching`, `no_commit` | build from a source of the pattern, at a commit that the builder records |
| `malformed`, `not_json`, `too_large`, `payload_type` | attach the attestation as the builder wrote it |
| `message_signature` | attach a statement, not the signature of one file |
| `not_provenance` | attach a statement with SLSA provenance |
| `provenance_version` | set the builder to write SLSA provenance version 1 |
"""
    needs = (
        RequiredEvidence(ARTIFACT_FILES, form="All files of the version; only their registered SHA-256 is read."),
        RequiredEvidence(
            PROVENANCE_SLSA,
            form="A DSSE envelope in JSON, alone or in a Sigstore bundle, signed with a key. Its payload is an in-toto "
            "statement (version 1 or 0.1) with the predicate `https://slsa.dev/provenance/v1`. At most 32 MiB.",
            example="provenance.slsa.json",
            find_fault=lambda file: fault_of(lambda: read_provenance(read_statement(file, "The provenance"))),
        ),
    )
    facts = ("verification_keys",)
    sandbox: ClassVar[Sandbox] = Sandbox(cpu=60, wall=120)

    class Params(Parameters):
        """Which builders, sources and keys count."""

        builders: Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=500)], ...],
            Field(min_length=1, max_length=50, title="Builder ids"),
        ]
        source_pattern: Annotated[str, Field(min_length=8, max_length=500, title="Pattern of the source address")]
        keys: Annotated[
            tuple[KeyName, ...], Field(max_length=50, title="Keys that count, by name or id; none for all in force")
        ] = ()

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the builders and keys that both accept; None if there are none, or the patterns differ."""
        keys = combined_keys(first.keys, second.keys)
        builders = tuple(each for each in first.builders if each in second.builders)
        if keys is None or not builders or first.source_pattern != second.source_pattern:
            return None
        return first.model_copy(update={"keys": keys, "builders": builders})

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if a signed statement about these files names a builder and a source that are accepted."""
        evidence, files = ctx.one(PROVENANCE_SLSA), ctx.of(ARTIFACT_FILES)
        if evidence is None or evidence.local is None or not files:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, "The version needs files and a provenance: add them.")
        try:
            keys, notes = select_keys(ctx.facts["verification_keys"], PROVENANCE, params.keys)
            signed = read_signed(evidence, "The provenance", keys)
            provenance = read_provenance(signed.statement)
            subjects = subject_digests(signed.statement)
        except AttestationError as error:
            return failed(error)
        source, sources = _source(provenance, params.source_pattern)
        faults = [*_other_files(files, subjects), *_builder(provenance, params.builders), *sources]
        measures = {
            "signed_by": [key.as_json() for key in signed.signers],
            "builder": provenance.builder[:500],
            "source": source[0][:500] if source else None,
            "commit": source[1] if source else None,
            "files": len(files),
        }
        if faults:
            return CheckOutcome(
                Conclusion.FAILURE,
                f"The provenance signed by {signed.by} is not accepted: {faults[0].message}"[:2000],
                first_findings([*faults, *notes]),
                measures,
            )
        assert source is not None
        return CheckOutcome(
            Conclusion.SUCCESS,
            f"Built by {shown(provenance.builder)} from {shown(source[0])} at commit {source[1][:12]}; signed by "
            f"{signed.by}."[:2000],
            first_findings(notes),
            measures,
        )


def _other_files(files: tuple[File, ...], subjects: frozenset[str]) -> list[Finding]:
    if folder_digest(files) in subjects:
        return []
    return [
        Finding(
            "other_artifact",
            f"No subject of the statement has the SHA-256 of {shown(file.path)}: it is about other files.",
            Severity.CRITICAL,
            file.path[:500],
        )
        for file in files
        if file.sha256 not in subjects
    ]


def _builder(provenance: Provenance, builders: tuple[str, ...]) -> list[Finding]:
    if provenance.builder in builders:
        return []
    message = f"The builder {shown(provenance.builder)} is not on the list of the policy: {', '.join(builders)}"
    return [Finding("builder_not_listed", message[:1900] + ".", where="payload/predicate/runDetails/builder/id")]


def _source(provenance: Provenance, pattern: str) -> tuple[tuple[str, str] | None, list[Finding]]:
    """Return address and commit of the first source that matches, or the finding that says why there is none."""
    where = "payload/predicate/buildDefinition/resolvedDependencies"
    matching = [(uri, commit_of(digest)) for uri, digest in provenance.dependencies if source_matches(uri, pattern)]
    for uri, commit in matching:
        if commit is not None:
            return (uri, commit), []
    if matching:
        message = (
            f"The source {shown(matching[0][0])} has no commit: the builder has to record gitCommit in its digest."
        )
        return None, [Finding("no_commit", message, where=where)]
    found = ", ".join(shown(uri) for uri, _ in provenance.dependencies[:5]) or "none"
    return None, [Finding("source_not_matching", f"No source matches {pattern}; found: {found}.", where=where)]

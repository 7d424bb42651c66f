"""`integrity.signature`: a registered key signed exactly the registered files."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from governance.checks.attestations.members import AttestationError, shown
from governance.checks.attestations.statements import MODEL_SIGNING, compare_files, signed_files
from governance.checks.attestations.verified import (
    SIGNATURE,
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
    Json,
    Parameters,
    RequiredEvidence,
    Sandbox,
)

SIGNATURE_BUNDLE = "signature.bundle"

KeyName = Annotated[str, Field(min_length=1, max_length=120)]


class IntegritySignature(Check):
    """Verifies the signature over the list of files and compares that list with the registered one.

    The signed list decides nothing about what is left out: each registered file must be in it.
    """

    slug = "integrity.signature"
    version = "1.0.0"
    title = "Files are signed"
    category = "integrity"
    description = "A key that is registered and in force signed exactly the files of the version."
    guide = """
The check verifies the signatures of the bundle with the public keys under *Administration, Verification keys* that are
in force, apply to the model and have the purpose *signature*. The algorithm follows from the registered key: ECDSA on
P-256, P-384 or P-521, or Ed25519. Then it compares the signed list of files and their SHA-256 with the files of the
version. The result names the keys that signed.

It does not establish who used a key, nor when; nor that the model is good. Signatures with a certificate (keyless
signatures of Sigstore) are not verified and never pass.

| finding | what to do |
| --- | --- |
| `no_keys` | an officer adds the public key; a second officer confirms it |
| `no_valid_signature` | sign with a key that is in force; a revoked or expired key no longer counts |
| `keyless` | sign with a key: `model_signing sign key` |
| `file_changed`, `file_missing` | register the files that were signed, or sign those that are registered |
| `file_not_signed` | sign all files; `--no-ignore-git-paths` includes files of Git, which `model-signing` leaves out |
| `malformed`, `not_json`, `too_large` | attach the bundle as the tool wrote it; the message names the place |
| `payload_type`, `message_signature` | sign an in-toto statement, as `model_signing` does |
| `bad_name`, `duplicate_file`, `unsupported_list` | sign with the default settings of `model-signing` |
| `statement_type` | attach a signature of files; or an officer adds the type of the statement to the policy |
"""
    needs = (
        RequiredEvidence(ARTIFACT_FILES, form="All files of the version; only their registered SHA-256 is read."),
        RequiredEvidence(
            SIGNATURE_BUNDLE,
            form="The Sigstore bundle that `model_signing sign key` writes (`model.sig`), or another DSSE envelope in "
            "JSON with an in-toto statement whose subjects are the files. At most 32 MiB.",
            example="signature.bundle.json",
            find_fault=lambda file: fault_of(lambda: signed_files(read_statement(file, "The signature bundle"))),
        ),
    )
    facts = ("verification_keys",)
    sandbox: ClassVar[Sandbox] = Sandbox(cpu=60, wall=120)

    class Params(Parameters):
        """Which keys count, and what the signature covers."""

        keys: Annotated[
            tuple[KeyName, ...], Field(max_length=50, title="Keys that count, by name or id; none for all in force")
        ] = ()
        require_all_files: Annotated[bool, Field(strict=True, title="Every file must be signed")] = True
        statement_types: Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=300)], ...],
            Field(min_length=1, max_length=20, title="Accepted predicate types"),
        ] = (
            MODEL_SIGNING,
            "https://model_signing/Digests/v0.1",
            "https://in-toto.io/attestation/release/v0.1",
        )

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the keys and types that both accept; None if there are none."""
        keys = combined_keys(first.keys, second.keys)
        types = tuple(each for each in first.statement_types if each in second.statement_types)
        if keys is None or not types:
            return None
        every = first.require_all_files or second.require_all_files
        return first.model_copy(update={"keys": keys, "statement_types": types, "require_all_files": every})

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if a key that counts signed the registered files."""
        bundle, files = ctx.one(SIGNATURE_BUNDLE), ctx.of(ARTIFACT_FILES)
        if bundle is None or bundle.local is None or not files:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, "The version needs files and a signature bundle: add them.")
        try:
            keys, findings = select_keys(ctx.facts["verification_keys"], SIGNATURE, params.keys)
            signed = read_signed(bundle, "The signature bundle", keys)
            kind = signed.statement.predicate_type
            if kind not in params.statement_types:
                raise AttestationError(
                    "statement_type",
                    f"The signed statement is of the type {shown(kind)}; accepted are: "
                    f"{', '.join(params.statement_types)}.",
                    "payload/predicateType",
                )
            listed = signed_files(signed.statement)
        except AttestationError as error:
            return failed(error)
        faults = compare_files(listed, files, require_all=params.require_all_files)
        measures: dict[str, Json] = {
            "signed_by": [key.as_json() for key in signed.signers],
            "files": len(files),
            "signed_files": len(listed),
            "faults": len(faults),
        }
        if faults:
            summary = (
                f"The signature by {signed.by} is valid, and the signed files are not those of the version: "
                f"{faults[0].message}"
            )
            return CheckOutcome(Conclusion.FAILURE, summary[:2000], first_findings([*faults, *findings]), measures)
        count = f"{len(listed)} file{'s' if len(listed) != 1 else ''}"
        return CheckOutcome(
            Conclusion.SUCCESS, f"{count} signed by {signed.by}."[:2000], first_findings(findings), measures
        )


def combined_keys(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the keys that two policies both accept, where none means all; None if there are none."""
    if not first or not second:
        return first or second
    return tuple(each for each in first if each in second) or None

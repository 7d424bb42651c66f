"""Verification keys: read here; officers propose and revoke them on the admin site."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, ResponseBody, UtcDateTime
from registry import selectors
from registry.models import VerificationKey


class VerificationKeyResponse(ResponseBody):
    """A public key whose signatures count as evidence."""

    id: int
    name: str
    owner: str = Field(description="The team or system that holds the private key.")
    model: str | None = Field(description="The model whose versions it signs; null for all models.")
    purposes: list[Literal["signature", "provenance"]]
    algorithm: Literal["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"]
    key_id: str = Field(description="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal.")
    public_key: str = Field(description="SubjectPublicKeyInfo in PEM.")
    state: Literal["in_force", "not_yet_valid", "expired", "revoked"] = Field(
        description="Only a key that is in force counts."
    )
    valid_from: UtcDateTime
    valid_until: UtcDateTime | None
    revoked_at: UtcDateTime | None
    revocation_reason: str | None
    change_proposal: int = Field(description="The confirmed change proposal that added it.")

    @classmethod
    def of(cls, key: VerificationKey) -> VerificationKeyResponse:
        same = ("name", "owner", "algorithm", "key_id", "public_key", "valid_from", "valid_until", "revocation_reason")
        return cls(
            **{name: getattr(key, name) for name in same},
            id=key.pk,
            model=key.model.slug if key.model is not None else None,
            purposes=list(key.purposes),
            state=selectors.state_of(key),
            revoked_at=key.closed_at,
            change_proposal=key.proposal_id,
        )


class VerificationKeyList(Page[VerificationKeyResponse]):
    """A page of verification keys, newest first."""


class VerificationKeysView(Endpoint):
    """/verification-keys"""

    @Operation(
        "listVerificationKeys", "List the verification keys", "policies", {200: VerificationKeyList}, query=PageQuery
    )
    def get(self, request: Request) -> Response:
        """List the public keys that verify signatures of files and statements of builders, newest first: those for
        all models, and those for models that you may see. Expired and revoked keys are included.
        """
        query = self.query(PageQuery)
        rows, following = pagination.by_keys(selectors.verification_keys(self.actor), pagination.NEWEST_FIRST, query)
        page = VerificationKeyList(items=[VerificationKeyResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)

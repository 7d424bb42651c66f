"""Decision signatures as files to verify elsewhere, and the keys that attest them."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import decision_signatures, selectors
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, ResponseBody, UtcDateTime
from governance.models import DecisionKey
from registry.exceptions import NotFoundError


class EnvelopeSignature(ResponseBody):
    """A signature of an envelope."""

    keyid: str
    sig: str = Field(description="Base64.")


class SignatureEnvelope(ResponseBody):
    """A DSSE envelope whose payload is the signed statement."""

    payloadType: str  # noqa: N815  # the name in DSSE
    payload: str = Field(description="Base64.")
    signatures: list[EnvelopeSignature]


class AttestingKey(ResponseBody):
    """The key that made the attestation: a hint, because a verifier takes the key from elsewhere."""

    key_id: str
    public_key: str = Field(description="SubjectPublicKeyInfo in PEM.")


class PasskeyAssertionResponse(ResponseBody):
    """An assertion of a passkey over the SHA-256 of the statement (Web Authentication). Bytes are in Base64."""

    credential_id: str
    key_id: str = Field(description="SHA-256 of the public key in DER, in hexadecimal.")
    public_key: str = Field(description="SubjectPublicKeyInfo in PEM.")
    authenticator_data: str
    client_data: str
    signature: str
    sign_count: int
    rp_id: str
    origin: str


class DecisionSignatureFile(ResponseBody):
    """A decision signature, as `countersign decision verify` reads it."""

    format: str
    statement: str = Field(description="The canonical statement that was signed, in Base64.")
    comment: str = Field(description="The comment, of which the statement has the digest.")
    attestation: SignatureEnvelope
    assertion: PasskeyAssertionResponse | None = Field(None, description="Only for the method `passkey`.")
    decision_key: AttestingKey


class SignatureView(Endpoint):
    """/promotions/{id}/decisions/{decision}/signature"""

    @Operation("getDecisionSignature", "Get a decision signature", "promotions", {200: DecisionSignatureFile})
    def get(self, request: Request, id: int, decision: int) -> Response:  # noqa: A002  # the name in the address
        """Return the signed statement of a decision with the attestation by the server's decision key, in the format of
        docs/decision-signatures.md. Decisions of earlier releases have none (404).
        """
        record = decision_signatures.record_of(selectors.signed_decision(self.actor, id, decision))
        if record is None:
            raise NotFoundError("This decision was recorded before decision signatures were attested: it has no file.")
        return respond(DecisionSignatureFile.model_validate(decision_signatures.export_document(record)))


class DecisionKeyResponse(ResponseBody):
    """A public key with which the server attests decision signatures."""

    key_id: str = Field(description="The fingerprint: SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal.")
    algorithm: str
    public_key: str = Field(description="SubjectPublicKeyInfo in PEM.")
    valid_from: UtcDateTime
    valid_until: UtcDateTime | None = Field(description="Null for the key in use.")

    @classmethod
    def of(cls, key: DecisionKey) -> DecisionKeyResponse:
        return cls(
            key_id=key.key_id,
            algorithm="ed25519",
            public_key=key.public_key,
            valid_from=key.valid_from,
            valid_until=key.valid_until,
        )


class DecisionKeyList(Page[DecisionKeyResponse]):
    """A page of decision keys, newest first."""


class DecisionKeysView(Endpoint):
    """/decision-keys"""

    @Operation("listDecisionKeys", "List the decision keys", "promotions", {200: DecisionKeyList}, query=PageQuery)
    def get(self, request: Request) -> Response:
        """List the public keys with which the server attests decision signatures, newest first, replaced ones
        included. Keep them outside the installation: a key that is read from it proves nothing against it.
        """
        query = self.query(PageQuery)
        rows, following = pagination.by_keys(selectors.decision_keys(self.actor), pagination.NEWEST_FIRST, query)
        page = DecisionKeyList(items=[DecisionKeyResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)

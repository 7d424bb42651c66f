"""A software authenticator: makes passkeys and signs challenges as a browser with a device does."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

FLAG = AuthenticatorData.FLAG
UP, UV, AT = FLAG.UP, FLAG.UV, FLAG.AT


class Authenticator:
    """One passkey for one relying party."""

    def __init__(self, rp_id: str = "testserver", origin: str = "http://testserver") -> None:
        self.rp_id, self.origin, self.count, self.flags = rp_id, origin, 0, UP | UV
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(16)

    def create(self, options: str) -> str:
        """The registration response to the options."""
        credential = AttestedCredentialData.create(
            Aaguid.NONE,
            self.credential_id,
            ES256.from_cryptography_key(self.private.public_key()),  # type: ignore[no-untyped-call]  # fido2 leaves it untyped
        )
        data = AuthenticatorData.create(self._rp(), self.flags | AT, self.count, bytes(credential))
        client_data = self._client_data("webauthn.create", json.loads(options)["challenge"])
        return self._response(
            clientDataJSON=client_data, attestationObject=bytes(AttestationObject.create("none", data, {}))
        )

    def get(self, options: dict[str, Any]) -> str:
        """The authentication response to the options."""
        assert websafe_encode(self.credential_id) in {one["id"] for one in options["allowCredentials"]}
        self.count += 1
        data = bytes(AuthenticatorData.create(self._rp(), self.flags, self.count))
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = self.private.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._response(clientDataJSON=client_data, authenticatorData=data, signature=signature)

    def _rp(self) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest()

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _response(self, **members: bytes) -> str:
        key = websafe_encode(self.credential_id)
        encoded = {name: websafe_encode(value) for name, value in members.items()}
        return json.dumps({"id": key, "rawId": key, "type": "public-key", "response": encoded})

"""Decision signatures: the canonical statement that a person signs, and the proof that is kept with the decision.

docs/decision-signatures.md specifies the formats.
"""

from governance.decision_signatures.key_file import DecisionKeyError
from governance.decision_signatures.keys import OVERLAP, attesting_key, register_current_key, rotate_key
from governance.decision_signatures.recording import attest, export_document
from governance.decision_signatures.statement import SignedFacts, encode_statement
from governance.decision_signatures.verifying import SignatureVerification, record_of, verify_stored

__all__ = [
    "OVERLAP",
    "DecisionKeyError",
    "SignatureVerification",
    "SignedFacts",
    "attest",
    "attesting_key",
    "encode_statement",
    "export_document",
    "record_of",
    "register_current_key",
    "rotate_key",
    "verify_stored",
]

"""Which bucket, and how it is reached: what the settings say of a store that speaks S3."""

from __future__ import annotations

from dataclasses import dataclass, field

ENCRYPTIONS = ("", "AES256", "aws:kms")


@dataclass(frozen=True)
class S3Settings:
    """A bucket of an S3 store.

    `prefix` ends with a slash or is empty. `endpoint` is empty for Amazon's own; `public_endpoint` is the address the
    store has for whoever uploads, where that is another. Without keys the credentials are looked for where botocore
    looks: environment, shared file, the machine's or the pod's role. `encryption` is what the store is asked to encrypt
    with: empty for the bucket's default, AES256, or aws:kms with `kms_key`.
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    public_endpoint: str = ""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    encryption: str = ""
    kms_key: str = ""

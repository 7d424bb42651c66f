"""Settings of an S3 bucket."""

from __future__ import annotations

from dataclasses import dataclass, field

ENCRYPTIONS = ("", "AES256", "aws:kms")


@dataclass(frozen=True)
class S3Settings:
    """A bucket of an S3-compatible store.

    Attributes:
        prefix: ends with a slash or is empty.
        endpoint: empty for Amazon's own.
        public_endpoint: the address of the store for clients that upload, if it differs.
        access_key: empty to use botocore's credential search: environment, shared file, role of the machine or pod.
        encryption: requested server-side encryption: empty for the default of the bucket, AES256, or aws:kms with
            `kms_key`.
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

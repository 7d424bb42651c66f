"""A store in an S3 bucket, where each object under blobs/ is named by its SHA-256.

Files can be uploaded directly to a key under incoming/, with a URL presigned for one file, its size and its digest,
valid for fifteen minutes. A client with the URL may overwrite the object during that time, so what is hashed is a copy
under held/, which clients cannot write; that copy becomes the blob. An existing blob is never overwritten, and objects
have no ACL of their own.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from registry.storage.base import (
    CHUNK,
    Accept,
    BlobInfo,
    BlobTooLargeError,
    PresignedUpload,
    StorageUnavailableError,
    StoredBlob,
    Stream,
    digest,
)
from registry.storage.bucket import S3Settings
from registry.storage.s3_reader import S3RangeReader

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PRESIGN_TTL_SECONDS = 15 * 60
"""Validity of a presigned URL in seconds; a client can request another one."""
PART = 8 << 20
"""Part size in bytes of uploads through the server. S3 accepts ten thousand parts of at least 5 MiB."""
MAX_PARTS = 9_000
MAX_AT_ONCE = 5 << 30
"""Maximum size in bytes of one PUT and of one copy request. Larger files go through the server, in parts."""
MAX_COPY_PART = 1 << 30
_ATTEMPTS = 4
_MISSING = {"404", "NoSuchKey", "NotFound", "NoSuchUpload"}


class S3Store:
    """A store in a bucket."""

    def __init__(self, bucket: S3Settings) -> None:
        self.bucket = bucket
        self._sealed: dict[str, Any] = {}
        if bucket.encryption:
            self._sealed["ServerSideEncryption"] = bucket.encryption
        if bucket.kms_key:
            self._sealed["SSEKMSKeyId"] = bucket.kms_key

    @cached_property
    def client(self) -> S3Client:
        """The client with which the server reaches the store."""
        return _client(self.bucket, self.bucket.endpoint)

    @cached_property
    def _signer(self) -> S3Client:
        """The client that presigns URLs: a signature covers the host by which uploading clients reach the store."""
        if not self.bucket.public_endpoint:
            return self.client
        return _client(self.bucket, self.bucket.public_endpoint)

    def write(self, stream: Stream, *, limit: int, accept: Accept | None = None) -> StoredBlob:
        """See `BlobStore`. Content that fits into one part is stored under its digest directly; more goes to
        held/ in parts first.
        """
        size_of_part = max(PART, -(-limit // MAX_PARTS))
        parts = _Parts(stream, size_of_part, limit)
        first = parts.next()
        if parts.ended:
            blob = parts.blob
            if accept is not None:
                accept(blob)
            self._put(blob, first)
            return blob
        held = self._held()
        with _translate_errors():
            upload = self.client.create_multipart_upload(Bucket=self.bucket.name, Key=held, **self._sealed)["UploadId"]
        try:
            tags: list[str] = []
            part, first = first, bytearray()
            while part:
                with _translate_errors():
                    sent = self.client.upload_part(
                        Bucket=self.bucket.name,
                        Key=held,
                        UploadId=upload,
                        PartNumber=len(tags) + 1,
                        Body=cast("bytes", part),
                    )
                tags.append(sent["ETag"])
                del part  # before the next part is read
                part = parts.next()
            blob = parts.blob
            if accept is not None:
                accept(blob)
            self._complete_multipart(held, upload, tags)
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self.client.abort_multipart_upload(Bucket=self.bucket.name, Key=held, UploadId=upload)
            raise
        try:
            self._promote(held, blob)
        finally:
            self._delete_quietly(held)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """See `BlobStore`."""
        return self._read(self._blob(sha256))

    def size(self, sha256: str) -> int | None:
        """See `BlobStore`."""
        try:
            with _translate_errors():
                return self.client.head_object(Bucket=self.bucket.name, Key=self._blob(sha256))["ContentLength"]
        except FileNotFoundError:
            return None

    def presign_upload(self, place: str, sha256: str, size: int) -> PresignedUpload | None:
        """See `BlobStore`. The store refuses another size, and another digest if it supports the checksum header."""
        if size > MAX_AT_ONCE:
            return None
        checksum = base64.b64encode(bytes.fromhex(digest(sha256))).decode()
        kind = "application/octet-stream"
        with _translate_errors():
            url = self._signer.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.bucket.name,
                    "Key": self._key("incoming", place),
                    "ContentLength": size,
                    "ContentType": kind,
                    "ChecksumSHA256": checksum,
                    **self._sealed,
                },
                ExpiresIn=PRESIGN_TTL_SECONDS,
            )
        headers = {"Content-Length": str(size), "Content-Type": kind, "x-amz-checksum-sha256": checksum}
        if self.bucket.encryption:
            headers["x-amz-server-side-encryption"] = self.bucket.encryption
        if self.bucket.kms_key:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = self.bucket.kms_key
        return PresignedUpload(url, headers, PRESIGN_TTL_SECONDS)

    def list_received(self, folder: str) -> dict[str, int]:
        """See `BlobStore`."""
        found = self._list(self._key("incoming", f"{folder}/"))
        return {str(item["Key"]).rpartition("/")[2]: int(item["Size"]) for item in found}

    def ingest(self, place: str, *, accept: Accept, pulse: Callable[[], None]) -> StoredBlob:
        """See `BlobStore`."""
        incoming, held = self._key("incoming", place), self._held()
        with _translate_errors():
            size = self.client.head_object(Bucket=self.bucket.name, Key=incoming)["ContentLength"]
        try:
            self._copy(incoming, held, size)
            hashed, size = hashlib.sha256(), 0
            with self._read(held) as stream:
                while chunk := stream.read(CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    pulse()
            blob = StoredBlob(hashed.hexdigest(), size)
            accept(blob)
            self._promote(held, blob)
        finally:
            self._delete_quietly(held)
        return blob

    def discard(self, place: str) -> None:
        """See `BlobStore`."""
        self._delete_quietly(self._key("incoming", place))

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore`."""
        # Ages use the clocks of the store and this machine, not the product's clock, which a demonstration sets.
        now = time.time()
        for item in self._list(self._key("blobs", "")):
            name = str(item["Key"]).rpartition("/")[2]
            yield BlobInfo(name, int(item["Size"]), now - item["LastModified"].timestamp())

    def remove(self, sha256: str) -> None:
        """See `BlobStore`."""
        with _translate_errors():
            self.client.delete_object(Bucket=self.bucket.name, Key=self._blob(sha256))

    def delete_abandoned(self, *, older_than: float, pretend: bool) -> int:
        """See `BlobStore`."""
        now = time.time()
        found = 0
        for kind in ("incoming", "held"):
            for item in self._list(self._key(kind, "")):
                if now - item["LastModified"].timestamp() > older_than:
                    found += 1
                    if not pretend:
                        self._delete_quietly(str(item["Key"]))
        for prefix in (self._key("held", ""), self._key("blobs", "")):
            with _translate_errors():
                pages = self.client.get_paginator("list_multipart_uploads").paginate(
                    Bucket=self.bucket.name, Prefix=prefix
                )
                unfinished = [upload for page in pages for upload in page.get("Uploads", [])]
            for upload in unfinished:
                if now - upload["Initiated"].timestamp() > older_than:
                    found += 1
                    if not pretend:
                        with suppress(FileNotFoundError), _translate_errors():
                            self.client.abort_multipart_upload(
                                Bucket=self.bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
                            )
        return found

    def check_health(self) -> None:
        """See `BlobStore`."""
        with _translate_errors():
            self.client.head_bucket(Bucket=self.bucket.name)

    # --- keys ---

    def _key(self, kind: str, rest: str) -> str:
        return f"{self.bucket.prefix}{kind}/{rest}"

    def _blob(self, sha256: str) -> str:
        return self._key("blobs", f"{digest(sha256)[:2]}/{sha256[2:4]}/{sha256}")

    def _held(self) -> str:
        return self._key("held", uuid.uuid4().hex)

    # --- requests to the store ---

    def _read(self, key: str) -> BinaryIO:
        with _translate_errors():
            facts = self.client.head_object(Bucket=self.bucket.name, Key=key)
        raw = S3RangeReader(
            self.client, self.bucket.name, key, facts["ContentLength"], facts["ETag"], translating=_translate_errors
        )
        return cast("BinaryIO", io.BufferedReader(raw, CHUNK))

    def _list(self, prefix: str) -> Iterator[dict[str, Any]]:
        with _translate_errors():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket.name, Prefix=prefix):
                yield from cast("list[dict[str, Any]]", page.get("Contents", []))

    def _put(self, blob: StoredBlob, content: bytearray) -> None:
        """Put a blob unless it exists."""
        checksum = base64.b64encode(bytes.fromhex(blob.sha256)).decode()
        with _ignore_existing(), _translate_errors():
            self.client.put_object(
                Bucket=self.bucket.name,
                Key=self._blob(blob.sha256),
                Body=cast("bytes", content),
                ContentLength=blob.size,
                ContentType="application/octet-stream",
                ChecksumSHA256=checksum,
                IfNoneMatch="*",
                **self._sealed,
            )

    def _promote(self, held: str, blob: StoredBlob) -> None:
        """Copy a held object to its blob key unless the blob exists. Checks first, because not every
        S3-compatible store supports a conditional copy.
        """
        if self.size(blob.sha256) != blob.size:
            self._copy(held, self._blob(blob.sha256), blob.size, only_new=True)

    def _copy(self, source: str, target: str, size: int, *, only_new: bool = False) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if only_new else {}
        origin: Any = {"Bucket": self.bucket.name, "Key": source}
        if size <= MAX_AT_ONCE:
            with _ignore_existing(), _translate_errors():
                self.client.copy_object(
                    Bucket=self.bucket.name, Key=target, CopySource=origin, **self._sealed, **condition
                )
            return
        with _translate_errors():
            upload = self.client.create_multipart_upload(Bucket=self.bucket.name, Key=target, **self._sealed)[
                "UploadId"
            ]
        try:
            tags: list[str] = []
            for start in range(0, size, MAX_COPY_PART):
                end = min(start + MAX_COPY_PART, size) - 1
                with _translate_errors():
                    copied = self.client.upload_part_copy(
                        Bucket=self.bucket.name, Key=target, UploadId=upload, PartNumber=len(tags) + 1,
                        CopySource=origin, CopySourceRange=f"bytes={start}-{end}",
                    )  # fmt: skip
                tags.append(copied["CopyPartResult"]["ETag"])
            self._complete_multipart(target, upload, tags, condition)
        except BaseException:
            with suppress(BotoCoreError, ClientError):
                self.client.abort_multipart_upload(Bucket=self.bucket.name, Key=target, UploadId=upload)
            raise

    def _complete_multipart(
        self, key: str, upload: str, tags: list[str], condition: dict[str, Any] | None = None
    ) -> None:
        parts: Any = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]}
        with _ignore_existing(), _translate_errors():
            self.client.complete_multipart_upload(
                Bucket=self.bucket.name, Key=key, UploadId=upload, MultipartUpload=parts, **(condition or {})
            )

    def _delete_quietly(self, key: str) -> None:
        """Delete an object that is not needed any more; if the store is unavailable, `delete_abandoned` deletes
        it later.
        """
        with suppress(OSError), _translate_errors():
            self.client.delete_object(Bucket=self.bucket.name, Key=key)


class _Parts:
    """Reads a stream in parts of one size and hashes it."""

    def __init__(self, stream: Stream, size: int, limit: int) -> None:
        self._stream, self._part, self._limit = stream, size, limit
        self._hashed, self._size = hashlib.sha256(), 0
        self.ended = False

    @property
    def blob(self) -> StoredBlob:
        """Digest and size of what has been read."""
        return StoredBlob(self._hashed.hexdigest(), self._size)

    def next(self) -> bytearray:
        """Return the next part; shorter, or empty, at the end. Raises BlobTooLargeError."""
        part = bytearray()
        while not self.ended and len(part) < self._part:
            chunk = self._stream.read(min(CHUNK, self._part - len(part)))
            self.ended = not chunk
            part += chunk
            if self._size + len(part) > self._limit:
                raise BlobTooLargeError(self._limit)
        self._hashed.update(part)
        self._size += len(part)
        return part


class _ObjectExistsError(StorageUnavailableError):
    """An object with that key exists, or it changed since it was read."""


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate botocore errors to FileNotFoundError or StorageUnavailableError."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise FileNotFoundError(errno.ENOENT, "There is no such object in the bucket") from error
        if code in ("PreconditionFailed", "412"):
            raise _ObjectExistsError(errno.EEXIST, "The object is not the one it was") from error
        raise StorageUnavailableError(errno.EIO, f"The bucket refused ({code or 'no code'})") from error
    except BotoCoreError as error:
        raise StorageUnavailableError(errno.EIO, f"The bucket does not answer ({type(error).__name__})") from error


@contextmanager
def _ignore_existing() -> Iterator[None]:
    """Ignore an existing blob: its key is its digest, so it has the same bytes."""
    with suppress(_ObjectExistsError):
        yield


def _client(bucket: S3Settings, endpoint: str) -> S3Client:
    own: dict[str, Any] = {"access_key": bucket.access_key or None, "secret_key": bucket.secret_key or None}
    if bucket.access_key:
        own["security_token"] = None  # a session token in the environment belongs to other keys
    reached = S3Storage(
        bucket_name=bucket.name,
        endpoint_url=endpoint or None,
        region_name=bucket.region or None,
        default_acl=None,
        client_config=Config(
            signature_version="s3v4",
            # A store other than Amazon's usually has a certificate for one host name only.
            s3={"addressing_style": "path" if endpoint else "virtual"},
            # The product computes digests of the whole content; not every store supports the checksums that boto adds.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=5,
            read_timeout=60,
        ),
        **own,
    )
    return cast("S3Client", reached.connection.meta.client)

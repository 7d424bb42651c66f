"""A seekable file over an object of a bucket, read in ranges. A broken connection is reopened."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from registry.storage.base import StorageUnavailableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ATTEMPTS = 4


class S3RangeReader(io.RawIOBase):
    """Reads one state of an object: if the object is replaced meanwhile, reading fails.

    Args:
        size: size of the object in bytes.
        tag: its ETag.
        translating: context manager that translates the errors of the client.
    """

    def __init__(
        self, client: S3Client, bucket: str, key: str, size: int, tag: str,
        *, translating: Callable[[], AbstractContextManager[None]],
    ) -> None:  # fmt: skip
        self._client, self._bucket, self._key = client, bucket, key
        self._size, self._tag, self._translating = size, tag, translating
        self._at = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        target = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if target < 0:
            raise ValueError("A position is not below zero.")
        if target != self._at:
            self._hang_up()
            self._at = target
        return target

    def readinto(self, buffer: Any, /) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                chunk: bytes = self._stream().read(wanted)
            except (BotoCoreError, HTTPError, ConnectionError) as error:
                self._hang_up()
                if attempt == _ATTEMPTS:
                    raise StorageUnavailableError(
                        errno.EIO, f"The bucket stopped sending ({type(error).__name__})"
                    ) from error
                continue
            if not chunk:
                raise StorageUnavailableError(errno.EIO, "The bucket sent fewer bytes than the object has")
            buffer[: len(chunk)] = chunk
            self._at += len(chunk)
            return len(chunk)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _stream(self) -> Any:
        if self._body is None:
            with self._translating():
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._key, Range=f"bytes={self._at}-", IfMatch=self._tag
                )
            self._body = answer["Body"]
        return self._body

    def _hang_up(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            with suppress(Exception):
                body.close()

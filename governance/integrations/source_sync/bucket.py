"""Objects of an S3-compatible bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from governance.integrations.source_sync.sources import MOST_FILES, CopyError, RetryableCopyError, S3Source, SourceFile
from registry.storage import Stream


def files(source: S3Source, key: str) -> Iterator[SourceFile]:
    """Yield the objects below a key, or the object with that key.

    Raises:
        CopyError: the bucket refused, or there are too many objects.
    """
    client = _client(source)
    for seen, entry in enumerate(_listed(client, source, key), 1):
        if seen > MOST_FILES:
            raise CopyError(f"The source holds more than {MOST_FILES:,} objects: attach what belongs to it.")
        name = str(entry["Key"])
        if name == key or name.startswith(f"{key}/" if key else ""):
            path = name.rpartition("/")[2] if name == key else name[len(key) :].lstrip("/")
            if path and not name.endswith("/"):
                yield SourceFile(path, int(entry["Size"]), partial(_open, client, source, name))


def _client(source: S3Source) -> Any:
    # Imported here because boto3 takes a third of a second, and most installations do not use it.
    import boto3  # noqa: PLC0415  # only where a bucket is a source
    from botocore.config import Config  # noqa: PLC0415  # only where a bucket is a source

    return boto3.client(
        "s3",
        endpoint_url=source.endpoint or None,
        region_name=source.region or None,
        aws_access_key_id=source.access_key or None,
        aws_secret_access_key=source.secret_key or None,
        config=Config(connect_timeout=10, read_timeout=30, retries={"max_attempts": 3, "mode": "standard"}),
    )


def _listed(client: Any, source: S3Source, key: str) -> Iterator[dict[str, Any]]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # only where a bucket is a source

    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=key):
            yield from page.get("Contents", ())
    except ClientError as error:
        raise CopyError(f"The bucket {source.bucket} refused: {error.response['Error'].get('Code', '')}.") from None
    except BotoCoreError as error:
        raise RetryableCopyError(f"The bucket {source.bucket} is not available: {type(error).__name__}.") from None


@contextmanager
def _open(client: Any, source: S3Source, name: str) -> Iterator[Stream]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # only where a bucket is a source

    try:
        with client.get_object(Bucket=source.bucket, Key=name)["Body"] as body:
            yield body
    except ClientError as error:
        raise CopyError(f"The bucket {source.bucket} refused: {error.response['Error'].get('Code', '')}.") from None
    except BotoCoreError as error:
        raise RetryableCopyError(f"The bucket {source.bucket} broke off: {type(error).__name__}.") from None

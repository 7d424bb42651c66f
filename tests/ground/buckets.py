"""A bucket on this machine: moto's server, which speaks S3 over HTTP and keeps objects in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from registry.storage import Bucket

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def objects() -> Iterator[str]:
    """The address of a server that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(objects: str) -> Bucket:
    """An empty bucket of the test's own."""
    made = Bucket(
        name=f"models-{uuid.uuid4().hex[:12]}",
        prefix="registry/",
        endpoint=objects,
        region=REGION,
        access_key="AKIATESTS",
        secret_key="not-secret",
        encryption="AES256",
    )
    client = boto3.client(
        "s3", endpoint_url=objects, region_name=REGION, aws_access_key_id="AKIATESTS",
        aws_secret_access_key="not-secret",
    )  # fmt: skip
    client.create_bucket(Bucket=made.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return made


@pytest.fixture
def in_bucket(bucket: Bucket, settings: Settings) -> Bucket:
    """Files are kept in a bucket for the test."""
    settings.COUNTERSIGN_STORAGE = "s3"
    settings.COUNTERSIGN_S3 = bucket
    return bucket


def environment(bucket: Bucket) -> dict[str, str]:
    """How a process that a test starts is told of the bucket."""
    return {
        "COUNTERSIGN_STORAGE": "s3",
        "COUNTERSIGN_S3_BUCKET": bucket.name,
        "COUNTERSIGN_S3_PREFIX": bucket.prefix,
        "COUNTERSIGN_S3_ENDPOINT": bucket.endpoint,
        "COUNTERSIGN_S3_REGION": bucket.region,
        "COUNTERSIGN_S3_ACCESS_KEY": bucket.access_key,
        "COUNTERSIGN_S3_SECRET_KEY": bucket.secret_key,
        "COUNTERSIGN_S3_ENCRYPTION": bucket.encryption,
    }

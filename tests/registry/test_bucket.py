"""The store of bytes in a bucket, over HTTP: whole objects under their digest, or nothing; nothing put over another."""

from __future__ import annotations

import hashlib
import io
import os
import tracemalloc
from typing import Any
from urllib.request import Request, urlopen

import pytest

from registry import storage
from registry.storage import S3Settings, StoredBlob
from registry.storage import s3 as module
from registry.storage.s3 import S3Store

MEGABYTE = 1 << 20


@pytest.fixture
def store(in_bucket: S3Settings) -> S3Store:
    found = storage.store()
    assert isinstance(found, S3Store)
    return found


def keys(store: S3Store) -> list[str]:
    listed = store.client.list_objects_v2(Bucket=store.bucket.name)
    return sorted(str(item["Key"]) for item in listed.get("Contents", []))


def unfinished(store: S3Store) -> list[Any]:
    return list(store.client.list_multipart_uploads(Bucket=store.bucket.name).get("Uploads", []))


def key_of(blob: StoredBlob) -> str:
    return f"registry/blobs/{blob.sha256[:2]}/{blob.sha256[2:4]}/{blob.sha256}"


def put(address: storage.PresignedUpload, content: bytes, **other: str) -> int:
    request = Request(address.url, content, {**address.headers, **other}, method="PUT")
    with urlopen(request, timeout=20) as answer:
        return int(answer.status)


class Endless:
    """As many zero bytes as one asks for, up to `size`."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int, /) -> bytes:
        given = min(size, self.left)
        self.left -= given
        return bytes(given)


@pytest.mark.parametrize("size", [0, 700_000, module.PART, module.PART * 2 + 5])
def test_bytes_come_back_under_their_digest(store: S3Store, size: int) -> None:
    content = os.urandom(size)
    blob = storage.write(io.BytesIO(content), limit=size)
    assert blob == StoredBlob(hashlib.sha256(content).hexdigest(), size)
    with storage.open_blob(blob.sha256) as file:
        assert file.read() == content
    assert storage.exists(blob.sha256, size)
    assert not storage.exists(blob.sha256, size + 1)
    assert not storage.exists("0" * 64, 0)
    assert keys(store) == [key_of(blob)]
    assert unfinished(store) == []
    assert store.client.head_object(Bucket=store.bucket.name, Key=key_of(blob))["ServerSideEncryption"] == "AES256"
    with pytest.raises(FileNotFoundError), storage.open_blob("0" * 64):
        pass


def test_what_is_there_is_never_put_over(store: S3Store) -> None:
    blob = storage.write(io.BytesIO(b"weights"), limit=100)
    tag = store.client.head_object(Bucket=store.bucket.name, Key=key_of(blob))["LastModified"]
    # Whatever lies under the name: a second writer does not replace it.
    store.client.put_object(Bucket=store.bucket.name, Key=key_of(blob), Body=b"rotten!")
    assert storage.write(io.BytesIO(b"weights"), limit=100) == blob
    with storage.open_blob(blob.sha256) as file:
        assert file.read() == b"rotten!"
    assert tag


def test_no_object_has_an_access_list_of_its_own(store: S3Store) -> None:
    blob = storage.write(io.BytesIO(b"weights"), limit=100)
    grants = store.client.get_object_acl(Bucket=store.bucket.name, Key=key_of(blob))["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"], "the owner's alone"


def test_nothing_is_left_of_what_is_refused(store: S3Store) -> None:
    def refuse(blob: StoredBlob) -> None:
        raise ValueError(blob.sha256)

    class Broken:
        sent = 0

        def read(self, size: int, /) -> bytes:
            self.sent += size
            if self.sent > module.PART * 2:
                raise ConnectionResetError
            return bytes(size)

    stream = Endless(10**12)
    with pytest.raises(storage.BlobTooLargeError):
        storage.write(stream, limit=module.PART + 1)
    assert stream.left > 10**12 - 3 * module.PART, "it stopped reading soon after the limit"
    for size in (1, module.PART + 1):
        with pytest.raises(ValueError, match=r"[0-9a-f]{64}"):
            storage.write(Endless(size), limit=size, accept=refuse)
    with pytest.raises(ConnectionResetError):
        storage.write(Broken(), limit=10**9)
    assert keys(store) == []
    assert unfinished(store) == []


def test_memory_stays_at_a_few_parts_whatever_the_size(store: S3Store) -> None:
    # moto keeps objects in this very process, so what is sent is not sent to it here.
    sent = 0

    def upload_part(**facts: Any) -> dict[str, str]:
        nonlocal sent
        sent += len(facts["Body"])
        return {"ETag": "x"}

    client = store.client
    replaced = {name: getattr(client, name) for name in ("upload_part", "complete_multipart_upload", "copy_object")}
    try:
        client.upload_part = upload_part  # type: ignore[assignment,method-assign]  # replaced for the test
        client.complete_multipart_upload = client.copy_object = lambda **facts: {}  # type: ignore[assignment,method-assign]  # replaced for the test
        storage.write(Endless(1), limit=10)
        tracemalloc.start()
        storage.write(Endless(12 * module.PART), limit=12 * module.PART)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        for name, method in replaced.items():
            setattr(client, name, method)
    assert sent == 12 * module.PART
    assert peak < 4 * module.PART


def test_a_file_is_read_from_wherever_one_wants(store: S3Store) -> None:
    content = os.urandom(600_000)
    blob = storage.write(io.BytesIO(content), limit=10**6)
    with storage.open_blob(blob.sha256) as file:
        file.seek(-100, io.SEEK_END)
        assert file.read() == content[-100:]
        file.seek(10)
        assert file.read(50) == content[10:60]
        file.seek(300_000)
        assert file.read(1) == content[300_000:300_001]
        assert file.read(10**9) == content[300_001:]
        assert file.read() == b""


def test_a_broken_connection_is_taken_up_where_it_broke(store: S3Store) -> None:
    content = os.urandom(3 * storage.CHUNK)
    blob = storage.write(io.BytesIO(content), limit=10**7)
    with storage.open_blob(blob.sha256) as file:
        begun = file.read(10)
        raw = file.raw  # type: ignore[attr-defined]  # annotated by the query
        raw._body._raw_stream.close()  # what a lost connection looks like from here

        class Lost:
            def read(self, size: int) -> bytes:
                raise ConnectionResetError

            def close(self) -> None:
                pass

        raw._body = Lost()
        assert begun + file.read() == content


def test_only_a_digest_names_a_file(store: S3Store) -> None:
    for name in ("../../etc/passwd", "", "A" * 64, "a" * 63):
        with pytest.raises(ValueError, match="no SHA-256"), storage.open_blob(name):
            pass


# --- files that are sent past us ---


PLACE = "version/artifact"


def address_for(store: S3Store, content: bytes) -> storage.PresignedUpload:
    found = store.presign_upload(PLACE, hashlib.sha256(content).hexdigest(), len(content))
    assert found is not None
    return found


def take(store: S3Store, *, pulse: Any = lambda: None) -> StoredBlob:
    seen: list[StoredBlob] = []
    blob = store.ingest(PLACE, accept=seen.append, pulse=pulse)
    assert seen == [blob]
    return blob


def test_a_file_is_sent_to_an_address_and_taken_in(store: S3Store) -> None:
    content = os.urandom(700_000)
    address = address_for(store, content)
    assert "not-secret" not in address.url
    assert "not-secret" not in repr(address)
    assert put(address, content) == 200
    assert put(address, content) == 200, "again and again"
    assert store.list_received("version") == {"artifact": len(content)}
    assert store.list_received("ver") == {}

    blob = take(store)
    assert blob == StoredBlob(hashlib.sha256(content).hexdigest(), len(content))
    assert take(store) == blob, "a worker that died after that begins anew"
    store.discard(PLACE)
    store.discard(PLACE)
    assert keys(store) == [key_of(blob)]
    with pytest.raises(FileNotFoundError):
        take(store)


def test_what_is_signed_into_an_address(store: S3Store) -> None:
    """The file's size, its digest and the encryption, so that a store which judges them takes no other file."""
    url = address_for(store, b"content").url
    signed = url.partition("X-Amz-SignedHeaders=")[2].partition("&")[0].split("%3B")
    assert signed == [
        "content-length",
        "content-type",
        "host",
        "x-amz-checksum-sha256",
        "x-amz-server-side-encryption",
    ]
    assert "X-Amz-Expires=900" in url


def test_a_file_that_is_replaced_while_it_is_read_does_not_become_the_blob(store: S3Store) -> None:
    content, other = b"a" * 600_000, b"b" * 600_000
    address = address_for(store, content)
    put(address, content)

    def meanwhile() -> None:
        store.client.put_object(Bucket=store.bucket.name, Key=f"registry/incoming/{PLACE}", Body=other)

    blob = take(store, pulse=meanwhile)
    assert blob.sha256 == hashlib.sha256(content).hexdigest()
    with storage.open_blob(blob.sha256) as file:
        assert file.read() == content


def test_of_what_is_refused_or_interrupted_nothing_is_kept(store: S3Store) -> None:
    content = os.urandom(600_000)
    put(address_for(store, content), content)

    def stop(*args: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        store.ingest(PLACE, accept=lambda blob: None, pulse=stop)
    with pytest.raises(InterruptedError):
        store.ingest(PLACE, accept=stop, pulse=lambda: None)
    assert keys(store) == [f"registry/incoming/{PLACE}"]


def test_a_file_too_large_for_one_put_comes_through_us(store: S3Store) -> None:
    assert store.presign_upload(PLACE, "0" * 64, module.MAX_AT_ONCE) is not None
    assert store.presign_upload(PLACE, "0" * 64, module.MAX_AT_ONCE + 1) is None


def test_a_large_object_is_copied_in_parts(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AT_ONCE", 6 * MEGABYTE)
    monkeypatch.setattr(module, "MAX_COPY_PART", 5 * MEGABYTE)
    content = os.urandom(11 * MEGABYTE)
    blob = storage.write(io.BytesIO(content), limit=len(content))
    assert keys(store) == [key_of(blob)]
    with storage.open_blob(blob.sha256) as file:
        assert hashlib.sha256(file.read()).hexdigest() == blob.sha256


def test_those_who_upload_may_reach_the_store_by_another_name(in_bucket: S3Settings) -> None:
    from dataclasses import replace

    store = S3Store(replace(in_bucket, public_endpoint="https://objects.example"))
    assert address_for(store, b"x").url.startswith(f"https://objects.example/{in_bucket.name}/registry/incoming/")


# --- what is left over ---


def test_what_lies_about_is_swept_away(store: S3Store) -> None:
    put(address_for(store, b"never completed"), b"never completed")
    store.client.put_object(Bucket=store.bucket.name, Key="elsewhere/x", Body=b"not ours")
    blob = storage.write(io.BytesIO(b"kept"), limit=10)

    assert store.delete_abandoned(older_than=3600, pretend=False) == 0, "it may still belong to somebody"
    # moto says of every unfinished upload that it began in 2010.
    store.client.create_multipart_upload(Bucket=store.bucket.name, Key="registry/held/x")
    assert store.delete_abandoned(older_than=-1, pretend=True) == 2
    assert (len(keys(store)), len(unfinished(store))) == (3, 1)
    assert store.delete_abandoned(older_than=-1, pretend=False) == 2
    assert keys(store) == ["elsewhere/x", key_of(blob)]
    assert unfinished(store) == []
    (kept,) = store.blobs()
    assert (kept.sha256, kept.size) == (blob.sha256, blob.size)
    store.remove(blob.sha256)
    store.remove(blob.sha256)
    assert list(store.blobs()) == []


def test_a_store_that_does_not_answer_is_away(bucket: S3Settings) -> None:
    from dataclasses import replace

    nowhere = S3Store(replace(bucket, endpoint="http://127.0.0.1:9"))
    for ask in (nowhere.check_health, lambda: nowhere.size("0" * 64), lambda: nowhere.open("0" * 64)):
        with pytest.raises(storage.StorageUnavailableError, match="does not answer"):
            ask()
    S3Store(bucket).check_health()
    with pytest.raises(FileNotFoundError):
        S3Store(replace(bucket, name="no-such-bucket")).check_health()

"""Dataset references: every form reads what it writes, garbage is refused by name, strength follows from the facts."""

from __future__ import annotations

import string
from hashlib import md5

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from registry import datasets
from registry.datasets import (
    FORMS,
    DatasetParseError,
    Reference,
    detect_formats,
    form_of,
    identity,
    identity_hint,
    identity_strength,
    read,
)

HEX = "0123456789abcdef"
COMMIT = "c" * 64
MD5 = "a304afb96060aad90176268345e10355"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'b' * 64}\nsize 132735\n"
FOLDER_DIGEST = (
    md5(
        b'[{"md5": "b202f333fba4fd38d4b8e5e693077aab", "relpath": "a.csv"}, '
        b'{"md5": "e5ebd4c02cefbe7955977c67ada242b7", "relpath": "b.csv"}]'
    ).hexdigest()
    + ".dir"
)
DVC_LOCK = f"""schema: '2.0'
stages:
  prepare:
    cmd: python prepare.py
    outs:
    - path: data.csv
      hash: md5
      md5: {MD5}
  train:
    cmd: python train.py
    deps:
    - path: data.csv
      hash: md5
      md5: {MD5}
    outs:
    - path: model.pkl
      hash: md5
      md5: {"e" * 32}
      size: 5
"""
DVC_FILE = f"outs:\n- md5: {MD5}\n  size: 37891850\n  hash: md5\n  path: data/train.csv\n"


@pytest.mark.parametrize(
    ("form", "text", "expected", "how"),
    [
        ("sha256", "a" * 64, Reference("sha256:aaaaaaaaaaaa", "", "", "sha256", "a" * 64), "strong"),
        ("git-lfs", POINTER, Reference("sha256:bbbbbbbbbbbb", "132735 bytes", "", "sha256", "b" * 64), "strong"),
        ("dvc", DVC_FILE, Reference("data/train.csv", "37891850 bytes", "", "md5", MD5), "medium"),
        ("dvc", f"md5:{MD5}", Reference(f"md5:{MD5[:12]}", "", "", "md5", MD5), "medium"),
        (
            "dvc",
            f"outs:\n- md5: {MD5}.dir\n  nfiles: 2\n  hash: md5\n  path: images\n",
            Reference("images", "", "", "dvc-dir", f"{MD5}.dir"),
            "medium",
        ),
        (
            "dvc",
            f"outs:\n- md5: {MD5}.dir\n  nfiles: 2\n  path: images\n",
            Reference("images", "", "", "md5-dos2unix", f"{MD5}.dir"),
            "weak",
        ),
        (
            "dvc",
            f"outs:\n- md5: {MD5}\n  size: 10\n  path: data.csv\n",
            Reference("data.csv", "10 bytes", "", "md5-dos2unix", MD5),
            "weak",
        ),
        (
            "dvc",
            f"outs:\n- md5: {MD5}\n  hash: md5-dos2unix\n  path: data.csv\n",
            Reference("data.csv", "", "", "md5-dos2unix", MD5),
            "weak",
        ),
        (
            "dvc",
            # The digest is that of `dvc_data.hashfile.tree.Tree.digest` for these two files.
            (
                "outs:\n- path: data\n  hash: md5\n  files:\n"
                "  - relpath: b.csv\n    md5: e5ebd4c02cefbe7955977c67ada242b7\n    size: 5\n"
                "  - relpath: a.csv\n    md5: b202f333fba4fd38d4b8e5e693077aab\n    size: 5\n"
            ),
            Reference("data", "", "", "dvc-dir", FOLDER_DIGEST),
            "medium",
        ),
        (
            "pachyderm",
            f"bank/loans@{MD5}:/train.csv",
            Reference("train.csv", "", f"pachyderm://bank/loans@{MD5}:/train.csv", "pachyderm", MD5),
            "medium",
        ),
        (
            "pachyderm",
            f"loans@master={MD5}",
            Reference("loans", "master", f"pachyderm://loans@{MD5}", "pachyderm", MD5),
            "medium",
        ),
        ("pachyderm", "loans@master", Reference("loans", "master", "pachyderm://loans@master"), "weak"),
        (
            "lakefs",
            f"lakefs://loans/{COMMIT}/2026/train.parquet",
            Reference("train.parquet", "", f"lakefs://loans/{COMMIT}/2026/train.parquet", "lakefs", COMMIT),
            "medium",
        ),
        ("lakefs", "lakefs://loans/main", Reference("loans", "main", "lakefs://loans/main/"), "weak"),
        (
            "s3",
            "s3://datasets/loans/train.csv?versionId=3HL4kqtJvjVBH40Nrjfkd",
            Reference(
                "train.csv",
                "",
                "s3://datasets/loans/train.csv?versionId=3HL4kqtJvjVBH40Nrjfkd",
                "s3-version",
                "3HL4kqtJvjVBH40Nrjfkd",
            ),
            "medium",
        ),
        ("s3", "s3://datasets/train.csv", Reference("train.csv", "", "s3://datasets/train.csv"), "weak"),
        (
            "git",
            f"git+https://git.bank.example/data.git@{'d' * 40}#train.csv",
            Reference("train.csv", "", f"git+https://git.bank.example/data.git@{'d' * 40}#train.csv", "git", "d" * 40),
            "medium",
        ),
        (
            "git",
            "git+ssh://git@git.bank.example/data.git@main",
            Reference("data", "main", "git+ssh://git@git.bank.example/data.git@main"),
            "weak",
        ),
        ("delta", "s3://lake/loans@v12", Reference("loans", "", "s3://lake/loans", "delta", "12"), "medium"),
        (
            "iceberg",
            "bank.loans@8744736658442914487",
            Reference("bank.loans", "", "bank.loans", "iceberg", "8744736658442914487"),
            "medium",
        ),
        (
            "mlflow",
            '{"name": "loans", "digest": "3f1c0a9b", "source_type": "s3", "source": "{\\"uri\\": \\"s3://d/l\\"}"}',
            Reference("loans", "", "s3://d/l", "mlflow", "3f1c0a9b"),
            "weak",
        ),
    ],
)
def test_each_form_says_what_it_refers_to_and_how_surely(form: str, text: str, expected: Reference, how: str) -> None:
    found = read(form, text)
    assert found == expected
    assert identity_strength(found.digest_algorithm, found.digest) == how
    assert bool(identity_hint(found)) == (how != "strong")
    assert form_of(found) == ("sha256" if form == "git-lfs" else form)
    assert found in detect_formats(text)
    assert read(form, FORMS[form].write(found), found.name) == found


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
words = st.text(string.ascii_lowercase + string.digits, min_size=3, max_size=12)
hexes = {n: st.text(HEX, min_size=n, max_size=n) for n in (32, 40, 64)}
sizes = st.one_of(st.just(""), st.integers(0, 2**62).map(lambda n: f"{n} bytes"))
paths = st.lists(words, min_size=1, max_size=4).map("/".join)
numbers = st.integers(10**9, 10**18).map(str)
references = st.one_of(
    st.tuples(st.just("sha256"), st.builds(lambda n, d: Reference(n, "", "", "sha256", d), names, hexes[64])),
    st.tuples(
        st.just("git-lfs"),
        st.builds(lambda n, s, d: Reference(n, f"{s} bytes", "", "sha256", d), names, st.integers(0, 2**62), hexes[64]),
    ),
    st.tuples(st.just("dvc"), st.builds(lambda n, s, d: Reference(n, s, "", "md5", d), names, sizes, hexes[32])),
    st.tuples(
        st.just("dvc"), st.builds(lambda n, s, d: Reference(n, s, "", "dvc-dir", f"{d}.dir"), names, sizes, hexes[32])
    ),
    st.tuples(
        st.just("pachyderm"),
        st.builds(
            lambda n, r, b, c, p: Reference(n, b, f"pachyderm://{r}@{c}:/{p}", "pachyderm", c),
            *(names, words, st.one_of(st.just(""), words), hexes[32], paths),
        ),
    ),
    st.tuples(
        st.just("pachyderm"), st.builds(lambda n, r, b: Reference(n, b, f"pachyderm://{r}@{b}"), names, words, words)
    ),
    st.tuples(
        st.just("lakefs"),
        st.builds(
            lambda n, r, c, p: Reference(n, "", f"lakefs://{r}/{c}/{p}", "lakefs", c), names, words, hexes[64], paths
        ),
    ),
    st.tuples(
        st.just("lakefs"),
        st.builds(lambda n, r, b, p: Reference(n, b, f"lakefs://{r}/{b}/{p}"), names, words, words, paths),
    ),
    st.tuples(
        st.just("s3"),
        st.builds(
            lambda n, b, k, v: Reference(n, "", f"s3://{b}/{k}?versionId={v}", "s3-version", v),
            *(names, words, paths, words.filter(lambda w: w != "null")),
        ),
    ),
    st.tuples(st.just("s3"), st.builds(lambda n, b, k: Reference(n, "", f"s3://{b}/{k}"), names, words, paths)),
    st.tuples(
        st.just("git"),
        st.builds(
            lambda n, p, c, q: Reference(n, "", f"git+https://host/{p}@{c}#{q}", "git", c),
            names,
            paths,
            hexes[40],
            paths,
        ),
    ),
    st.tuples(st.just("delta"), st.builds(lambda n, p, v: Reference(n, "", p, "delta", v), names, paths, numbers)),
    st.tuples(st.just("iceberg"), st.builds(lambda n, p, v: Reference(n, "", p, "iceberg", v), names, paths, numbers)),
    st.tuples(st.just("mlflow"), st.builds(lambda n, p, d: Reference(n, "", p, "mlflow", d), names, paths, words)),
)


@given(references)
def test_what_is_written_reads_the_same(case: tuple[str, Reference]) -> None:
    form, reference = case
    assert read(form, FORMS[form].write(reference), reference.name) == reference


@given(st.sampled_from(sorted(FORMS)), st.one_of(st.text(max_size=80), st.binary(max_size=80).map(bytes.hex)))
def test_any_text_is_read_or_refused_with_the_way_out(form: str, text: str) -> None:
    try:
        found = read(form, text)
    except DatasetParseError as fault:
        refused = fault
    else:
        assert found.name
        assert form_of(found) in (form, "sha256")
        return
    assert refused.code
    assert refused.detail
    assert refused.field in ("text", "form", "name")


@pytest.mark.parametrize(
    ("form", "text", "code"),
    [
        ("etag", "x", "unknown_form"),
        ("sha256", "  ", "required"),
        ("sha256", "A" * 64, "digest_form"),
        ("sha256", "sha256:" + "a" * 63, "digest_form"),
        ("git-lfs", POINTER.replace("sha256:", "md5:"), "not_a_pointer"),
        ("dvc", "outs: []", "not_dvc"),
        ("dvc", "outs:\n- path: x\n", "no_md5"),
        ("dvc", "outs:\n- etag: abc\n  path: s3://x\n", "no_md5"),
        ("dvc", f"outs:\n- md5: {MD5}\n", "no_path"),
        ("dvc", f"outs:\n- md5: {MD5}\n  path: x\n  size: -1\n", "size"),
        ("dvc", f"outs:\n- md5: {MD5}\n  md5: {MD5}\n  path: x\n", "not_dvc"),
        ("dvc", "a: &x [1]\nouts: *x\n", "not_dvc"),
        ("dvc", f"outs:\n- md5: {MD5}\n  path: a\n- md5: {MD5}\n  path: b\n", "several_outs"),
        ("dvc", DVC_LOCK, "several_outs"),
        ("dvc", "stages:\n  train:\n    cmd: x\n    deps:\n    - data.csv\n", "no_locked_data"),
        ("dvc", "stages: {a: 1, b: [], c: {deps: 1, outs: [1, {}]}}", "no_locked_data"),
        ("dvc", "outs:\n- path: x\n  files: 5\n", "files"),
        ("dvc", "outs:\n- path: x\n  files:\n  - relpath: a\n", "files"),
        ("dvc", f"outs:\n- md5: {MD5}\n  hash: sha1\n  path: x\n", "no_md5"),
        ("dvc", "outs:\n- md5: x\n  path: a\n  x: !!bool maybe\n", "not_dvc"),
        ("dvc", "!!python/object/apply:os.system ['true']", "not_dvc"),
        ("dvc", "[" * 3000, "not_dvc"),
        ("dvc", "x" * 70_000, "too_long"),
        ("pachyderm", "loans", "pachyderm"),
        ("pachyderm", "loans@master^2", "pachyderm"),
        ("lakefs", "lakefs://loans", "lakefs"),
        ("lakefs", "lakefs://loans/main~1/x", "lakefs"),
        ("s3", "https://bucket/key", "s3"),
        ("s3", "s3://datasets/x?etag=9b2cf535f27731c974343645a3985328", "etag"),
        ("s3", "s3://datasets/x?versionId=null", "unversioned"),
        ("s3", "s3://datasets/x?versionId=", "version_id"),
        ("git", "https://git.bank.example/data.git", "git"),
        ("delta", "loans@latest", "delta"),
        ("iceberg", "loans@12", "iceberg"),
        ("mlflow", "[]", "mlflow"),
        ("mlflow", '{"name": "x", "digest": ""}', "digest_form"),
    ],
)
def test_unparseable_dataset_reference_is_rejected(form: str, text: str, code: str) -> None:
    with pytest.raises(DatasetParseError) as refused:
        read(form, text)
    assert refused.value.code == code


def test_of_several_outs_the_name_chooses_one() -> None:
    text = f"outs:\n- md5: {MD5}\n  path: a\n- md5: {'e' * 32}\n  path: b\n"
    assert read("dvc", text, "b").digest == "e" * 32


@pytest.mark.parametrize(
    ("algorithm", "digest", "how"),
    [
        ("sha256", "a" * 64, "strong"),
        ("sha256", "a" * 63, "weak"),
        ("md5", "a" * 32, "medium"),
        ("git", "a" * 40, "medium"),
        ("git", "a" * 64, "medium"),
        ("lakefs", "a" * 64, "medium"),
        ("mlflow", "1a2b3c4d", "weak"),
        ("etag", "a" * 32, "weak"),
        ("", "", "weak"),
    ],
)
def test_a_digest_is_as_strong_as_its_form(algorithm: str, digest: str, how: str) -> None:
    assert identity_strength(algorithm, digest) == how


def test_what_tells_datasets_apart() -> None:
    bytes_here = Reference("loans", "2026", "s3://a/b", "sha256", "a" * 64)
    assert identity(bytes_here) == identity(Reference("other", "", "", "sha256", "a" * 64))
    commit = Reference("x", "", f"lakefs://loans/{COMMIT}/a", "lakefs", COMMIT)
    assert identity(commit) != identity(Reference("x", "", f"lakefs://loans/{COMMIT}/b", "lakefs", COMMIT))
    label = Reference("loans", "2026-07")
    assert identity(label) == identity(Reference("loans", "2026-07"))
    assert identity(label) != identity(Reference("loans", "2026-08"))
    assert identity(Reference("a", "1", "s3://b/c")) == identity(Reference("b", "1", "s3://b/c"))


lines = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@pytest.mark.django_db
@given(
    st.builds(
        Reference,
        lines,
        lines,
        lines,
        st.sampled_from(["", "sha256", "md5", "dvc-dir", "git", "s3-version", "mlflow"]),
        st.one_of(lines, st.sampled_from(["a" * 64, "a" * 32, "a" * 32 + ".dir", "a" * 40])),
    )
)
def test_the_database_tells_them_apart_alike(reference: Reference) -> None:
    how = identity_strength(reference.digest_algorithm, reference.digest)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT registry_dataset_identity(%s, %s, %s, %s, %s, %s)",
            [how, reference.digest_algorithm, reference.digest, reference.uri, reference.name, reference.reference],
        )
        assert cursor.fetchone() == (datasets.identity(reference),)


@pytest.mark.parametrize(
    ("name", "digest"),
    [("data.csv", MD5), ("train:data.csv", MD5), ("model.pkl", "e" * 32), ("train:model.pkl", "e" * 32)],
)
def test_the_data_of_a_stage_is_read_by_its_name(name: str, digest: str) -> None:
    found = read("dvc", DVC_LOCK, name)
    assert (found.digest_algorithm, found.digest, found.name) == ("md5", digest, name)


def test_a_refused_dvc_lock_lists_its_data() -> None:
    with pytest.raises(DatasetParseError, match=r"prepare:data\.csv, train:data\.csv, train:model\.pkl") as caught:
        read("dvc", DVC_LOCK)
    assert caught.value.field == "name"


def test_the_digest_of_dvc_2_is_read_as_its_own_kind_again() -> None:
    reference = Reference("data.csv", "10 bytes", "", "md5-dos2unix", MD5)
    assert read("dvc", FORMS["dvc"].write(reference)) == reference
    assert form_of(reference) == "dvc"
    assert "line ends" in identity_hint(reference)
    assert identity(reference) != identity(Reference("data.csv", "10 bytes", "", "md5", MD5))

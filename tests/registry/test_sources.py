"""One canonical form of where a version's files come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import sources

NAMES = st.text(st.characters(exclude_characters="/:", exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (" s3://models/churn/1 ", "s3://models/churn/1"),
        ("S3://Models/Churn", "s3://Models/Churn"),
        ("models:/churn/3", "models:/churn/3"),
        (" models:/churn/3", "models:/churn/3"),
        ("MODELS:/churn/3", "models:/churn/3"),
        ("models:///churn/0003", "models:/churn/3"),
        ("models:/churn@Champion", "models:/churn@Champion"),
        ("models:/a@b/1", "models:/a@b/1"),
        ("models:/a@b@champion", "models:/a@b@champion"),
        ("models:/churn/Latest", "models:/churn@latest"),
        ("models:/zz%20a/1", "models:/zz%20a/1"),
        ("Models:/m-0123456789abcdef", "models:/m-0123456789abcdef"),
        ("models:/m-0123456789abcdef/artifacts/", "models:/m-0123456789abcdef/artifacts"),
        ("runs:/4f/model", "runs:/4f/model"),
        ("MLFLOW-ARTIFACTS:/1/2", "mlflow-artifacts:/1/2"),
        ("C:/models/churn", "C:/models/churn"),
    ],
)
def test_each_spelling_has_one_form(text: str, canonical: str) -> None:
    assert sources.read(text).text == canonical


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("models:/churn/Production", "source_form"),
        ("models:churn/1", "source_form"),
        ("models://profile/churn/1", "source_form"),
        ("models:/churn/1/2", "source_form"),
        ("models:/churn", "source_form"),
        ("models:/churn@", "source_form"),
        ("models:/ /1", "source_form"),
        ("models:/churn/٣", "source_form"),
        ("models:/", "source_form"),
        ("file:///mnt/mlruns/../etc", "parent_folder"),
        ("s3://models/%2e%2E/other", "parent_folder"),
        ("mlflow-artifacts:/1\\..\\2", "parent_folder"),
    ],
)
def test_an_address_without_a_canonical_form_is_refused(text: str, code: str) -> None:
    with pytest.raises(sources.SourceError) as refused:
        sources.read(text)
    assert refused.value.code == code


@given(NAMES, st.integers(0, 10**9 - 1))
def test_a_version_is_read_as_it_is_written(name: str, number: int) -> None:
    named = sources.NamedVersion(name, number)

    assert sources.read(str(named)).version == named


@given(st.text(max_size=60))
def test_a_canonical_form_is_its_own(text: str) -> None:
    for prefix in ("", "models:/"):
        try:
            first = sources.read(prefix + text)
        except sources.SourceError:
            continue
        assert sources.read(first.text) == first

"""Request schemas of model versions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from governance.interfaces.rest.schemas import RequestBody
from registry.datasets import DIGEST_FORMS
from registry.datasets.parsers import MAX_TEXT
from registry.services.versions import DatasetSpec, DatasetText


class ArtifactCreate(RequestBody):
    """A file of the version."""

    path: str = Field(min_length=1, max_length=500, description="Relative, with forward slashes.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="Bytes.")


class DatasetCreate(RequestBody):
    """A dataset that the version was trained, validated or evaluated with.

    Give `form` and `text` as an existing reference, or the separate fields. The strength of the identification is
    derived from what is given.
    """

    role: Literal["training", "validation", "evaluation"]
    name: str = Field(
        "", max_length=250, description="Required without `form`; otherwise taken from the text by default."
    )
    form: (
        Literal["sha256", "git-lfs", "dvc", "lakefs", "s3", "git", "pachyderm", "delta", "iceberg", "mlflow"] | None
    ) = Field(None, description="The format of `text`.")
    text: str = Field(
        "",
        max_length=MAX_TEXT,
        description="The reference: a .dvc file's content, lakefs://repository/commit/path, s3://bucket/key?versionId=…",
    )
    reference: str = Field("", max_length=250, description="The version, tag or date of the dataset.")
    uri: str = Field("", max_length=2000)
    digest_algorithm: str = Field(
        "",
        max_length=20,
        description=f"{', '.join(DIGEST_FORMS)}, or another label, which does not identify the data reliably.",
    )
    digest: str = Field("", max_length=128)

    @model_validator(mode="after")
    def _one_way(self) -> DatasetCreate:
        if (self.form is None) != (not self.text):
            raise PydanticCustomError("form_and_text", "Give `form` and `text` together.")
        if self.form is not None and (self.reference or self.uri or self.digest_algorithm or self.digest):
            raise PydanticCustomError(
                "form_and_facts", "Give either `form` and `text` or the separate fields, not both."
            )
        return self

    @property
    def spec(self) -> DatasetSpec | DatasetText:
        """The value for the service."""
        if self.form is not None:
            return DatasetText(role=self.role, form=self.form, text=self.text, name=self.name)
        return DatasetSpec(**self.model_dump(exclude={"form", "text"}))


class MetricCreate(RequestBody):
    """A measured value of the version."""

    name: str = Field(min_length=1, max_length=250)
    value: float
    dataset: str = Field("", max_length=250)
    slice: str = Field("", max_length=250)


class VersionReference(RequestBody):
    """A version by model name and number."""

    model: str = Field(min_length=1, max_length=200)
    version: int = Field(ge=1, le=999_999_999)


class VersionCreate(RequestBody):
    """A version to declare: its files, and everything else that is fixed at registration."""

    artifacts: list[ArtifactCreate] = Field([], description="Without files it is registered at once.")
    source: str = Field("", max_length=2000)
    run_id: str = Field("", max_length=500)
    run_link: str = Field("", max_length=2000)
    code_repository: str = Field("", max_length=500)
    code_commit: str = Field("", max_length=64)
    code_clean: bool | None = Field(None, description="Whether the working tree had no changes against the commit.")
    environment_lock: str = Field("", description="Text of the lock file.")
    parameters: dict[str, Any] = Field({})
    signature: dict[str, Any] = Field({}, description="Inputs and outputs in MLflow's format.")
    licence: str = Field("", max_length=200)
    datasets: list[DatasetCreate] = Field([], max_length=100)
    parents: list[VersionReference] = Field([], max_length=100)
    trained_by: str | None = Field(None, description="User name of the person who trained it.")
    metrics: list[MetricCreate] = Field([], max_length=1000)
    card: str = Field("", description="Model card: YAML front matter and Markdown.")
    description: str = Field("", max_length=100_000)
    tags: dict[str, str] = Field({}, max_length=100)

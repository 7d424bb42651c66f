"""What SageMaker, Azure ML and Comet export, told as claims; and files that are none of it, told by place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from governance.integrations.importers.exports import Export, ExportedVersion, ExportFault, read
from governance.integrations.importers.people import TOKEN_SCOPES
from governance.services import setup
from registry.models import ImportRecord, ModelVersion, User
from tests import factories

ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
SAGEMAKER: dict[str, Any] = {
    "ModelPackageGroupName": "churn-xgb",
    "ModelPackageVersion": 3,
    "ModelPackageArn": f"{ARN}:model-package/churn-xgb/3",
    "ModelPackageDescription": "Quarterly retraining",
    "CreationTime": "2026-02-03T04:05:06.789000+01:00",
    "InferenceSpecification": {
        "Containers": [
            {
                "Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/xgb:1.7",
                "ImageDigest": "sha256:" + "0" * 64,
                "ModelDataUrl": "s3://ml-models/churn/3/model.tar.gz",
            }
        ],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    "CertifyForMarketplace": False,
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "looked fine",
    "CreatedBy": {"UserProfileArn": f"{ARN}:user-profile/d-1/nadia", "UserProfileName": "nadia", "DomainId": "d-1"},
    "MetadataProperties": {"CommitId": "a" * 40, "Repository": "git@example:churn", "GeneratedBy": "pipeline-7"},
    "CustomerMetadataProperties": {"team": "retail"},
}
SUMMARIES = {
    "ModelPackageSummaryList": [
        {
            "ModelPackageGroupName": "churn-xgb",
            "ModelPackageVersion": number,
            "ModelPackageArn": f"{ARN}:model-package/churn-xgb/{number}",
            "CreationTime": 1770000000.5,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": status,
        }
        for number, status in ((2, "PendingManualApproval"), (1, "Rejected"))
    ]
}
WORKSPACE = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/risk"
AZURE: dict[str, Any] = {
    "creation_context": {
        "created_at": "2026-01-02T03:04:05.000000+00:00",
        "created_by": "Nadia Okafor",
        "created_by_type": "User",
        "last_modified_at": "2026-01-02T03:04:06.000000+00:00",
    },
    "description": "",
    "flavors": {"python_function": {"loader_module": "mlflow.sklearn"}},
    "id": f"azureml:{WORKSPACE}/models/Loan_Default/versions/12",
    "job_name": "brave_owl_1",
    "name": "Loan_Default",
    "path": "azureml://subscriptions/s-1/resourcegroups/rg/workspaces/risk/datastores/store/paths/model",
    "properties": {},
    "resourceGroup": "rg",
    "stage": "Production",
    "tags": {"pii": "no"},
    "type": "mlflow_model",
    "version": "12",
}
COMET: dict[str, Any] = {
    "registryModelId": "kBCHfU",
    "modelName": "fraud-net",
    "workspaceName": "payments",
    "description": "Card fraud",
    "isPublic": False,
    "createdAt": 1650000000000,
    "lastUpdated": 1650000001000,
    "userName": "omar",
    "versions": [
        {
            "registryModelItemId": "mnYK1",
            "experimentModel": {"experimentModelId": "e1", "experimentModelName": "net", "experimentKey": "k9"},
            "version": version,
            "comment": "tuned",
            "stages": ["production"],
            "status": "Approved",
            "userName": "omar",
            "createdAt": 1650000002000,
            "lastUpdated": 1650000003000,
            "assets": [{"fileName": "net.pt", "assetId": "a1"}],
            "restApiUrl": "https://www.comet.com/api/rest/v2/registry-model/item/download?modelItemId=mnYK1",
        }
        for version in ("1.1.0", "1.0.0")
    ],
}


def exported(document: Any) -> Export:
    return read("export.json", json.dumps(document).encode())


def told(document: Any) -> list[ExportedVersion]:
    found = exported(document)
    assert found.skipped == ()
    return list(found.versions)


def test_a_model_package_of_sagemaker() -> None:
    (version,) = told(SAGEMAKER)

    assert (version.kind, version.origin, version.name, version.number) == ("sagemaker", ARN, "churn-xgb", "3")
    assert version.created == datetime(2026, 2, 3, 3, 5, 6, 789000, tzinfo=UTC)
    assert version.approval == "Approved"
    assert version.source == "s3://ml-models/churn/3/model.tar.gz"
    assert version.author == "nadia"
    assert version.tags == {"team": "retail"}
    assert version.claims is not None
    assert version.claims["ApprovalDescription"] == "looked fine"


def test_a_list_of_model_packages() -> None:
    versions = told(SUMMARIES)

    assert [(v.number, v.approval) for v in versions] == [("2", "PendingManualApproval"), ("1", "Rejected")]
    assert versions[0].source.startswith("arn:")
    assert versions[0].created == datetime.fromtimestamp(1770000000.5, tz=UTC)


def test_models_of_azure_ml() -> None:
    first, second = told([AZURE, {**AZURE, "version": "13", "creation_context": None}])

    assert (first.kind, first.origin, first.name) == ("azureml", f"azureml:{WORKSPACE}", "Loan_Default")
    assert (first.number, second.number) == ("12", "13")
    assert first.author == "Nadia Okafor"
    assert first.stage == "Production"
    assert first.run_id == "brave_owl_1"
    assert second.created is None


def test_a_registry_model_of_comet() -> None:
    versions = told(COMET)

    assert [v.number for v in versions] == ["1.1.0", "1.0.0"]
    assert versions[0].origin == "comet:payments"
    assert versions[0].approval == "Approved"
    assert versions[0].stage == "production"
    assert versions[0].run_id == "k9"
    assert versions[0].created == datetime.fromtimestamp(1650000002, tz=UTC)


def test_what_is_long_is_left_out_and_named() -> None:
    (version,) = told({**SAGEMAKER, "Novelty": "x" * 5_000, "Small": 1})

    assert version.claims is not None
    assert version.claims["Small"] == 1
    assert version.claims["left_out"] == ["Novelty"]


@pytest.mark.parametrize(
    ("document", "pointer", "said"),
    [
        ({"hello": 1}, "", "not a supported export"),
        (5, "", "JSON object"),
        ({**SAGEMAKER, "ModelPackageVersion": "3"}, "/ModelPackageVersion", "number"),
        ({**SAGEMAKER, "ModelPackageArn": "3"}, "/ModelPackageArn", "ARN"),
        ({**SAGEMAKER, "ModelPackageArn": None, "ModelPackageGroupName": None}, "", "not a supported export"),
        ({**AZURE, "version": None}, "/version", "missing"),
        ({**AZURE, "version": None, "latest_version": "7"}, "/version", "az ml model list --name"),
        ({**AZURE, "id": None, "resourceGroup": None}, "/id", "workspace"),
        ({**COMET, "versions": [{"version": []}]}, "/versions/0/version", "missing"),
        ({**COMET, "registryModelId": [1]}, "/registryModelId", "missing"),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(document: Any, pointer: str, said: str) -> None:
    with pytest.raises(ExportFault, match=said) as fault:
        told(document)

    assert fault.value.pointer == pointer
    assert str(fault.value).startswith("export.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ExportFault):
        read("export.json", content)


@pytest.mark.parametrize(
    ("document", "empty"),
    [
        ({**SAGEMAKER, "CreationTime": "yesterday"}, "created"),
        ({**SAGEMAKER, "CreationTime": 1e30}, "created"),
        ({**SAGEMAKER, "CreationTime": [1]}, "created"),
        ({**SAGEMAKER, "MetadataProperties": 5}, "run_id"),
        ({**SAGEMAKER, "MetadataProperties": {"Repository": None}}, "code_repository"),
        ({**SAGEMAKER, "CreatedBy": "nadia"}, "author"),
        ({**SAGEMAKER, "ModelLifeCycle": None}, "stage"),
        ({**SAGEMAKER, "ModelApprovalStatus": 7}, "approval"),
        ({**AZURE, "creation_context": 5}, "author"),
        ({**AZURE, "path": None}, "source"),
        ({**AZURE, "stage": {"a": 1}}, "stage"),
        ({**COMET, "versions": [{**COMET["versions"][0], "stages": [1]}]}, "stage"),
        ({**COMET, "versions": [{**COMET["versions"][0], "experimentModel": None}]}, "run_id"),
    ],
)
def test_a_member_that_is_not_as_expected_stays_empty(document: Any, empty: str) -> None:
    (version,) = told(document)
    assert not getattr(version, empty)


def test_labels_that_are_no_text_are_left_out() -> None:
    (version,) = told({**SAGEMAKER, "CustomerMetadataProperties": {"a/b": 1, "team": "retail"}})
    assert version.tags == {"team": "retail"}


def test_one_odd_record_is_skipped_and_the_others_are_read() -> None:
    found = exported([SAGEMAKER, 5, {**AZURE, "version": None}, {"hello": 1}, AZURE])
    assert [version.name for version in found.versions] == ["churn-xgb", "Loan_Default"]
    assert [fault.pointer for fault in found.skipped] == ["/1", "/2/version", "/3"]


def test_newer_members_of_sagemaker_are_read() -> None:
    data = {"S3DataSource": {"S3Uri": "s3://bucket/churn/3/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    (version,) = told(
        {
            **SAGEMAKER,
            "ModelPackageVersion": None,
            "InferenceSpecification": {"Containers": [{"Image": "x"}, {"ModelDataSource": data}]},
            "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "live"},
        }
    )
    assert (version.number, version.source, version.stage) == ("3", "s3://bucket/churn/3/", "Production")
    assert version.claims is not None
    assert version.claims["ModelLifeCycle"]["StageStatus"] == "Approved"


def test_a_second_run_reports_what_changed_there_and_skips_odd_records(
    henrik: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.initialise()
    monkeypatch.setenv("COUNTERSIGN_TOKEN", factories.token(henrik, TOKEN_SCOPES)[1])
    file = tmp_path / "s.json"
    file.write_text(json.dumps([SAGEMAKER, {**AZURE, "version": None}]))
    first = StringIO()
    call_command("import_registry", str(file), "--as", "henrik", stdout=first)
    assert "s.json/1/version" in first.getvalue()
    assert "skipped" in first.getvalue()

    file.write_text(
        json.dumps({**SAGEMAKER, "ModelApprovalStatus": "Rejected", "ModelLifeCycle": {"Stage": "Retired"}})
    )
    second = StringIO()
    call_command("import_registry", str(file), "--as", "henrik", stdout=second)

    assert "churn-xgb version 3: approval Approved → Rejected; stage – → Retired" in second.getvalue()
    assert "        1  of these changed in the source" in second.getvalue()
    assert ImportRecord.objects.get(name="churn-xgb", number="3").approval == "Approved"


def test_the_command_records_claims_and_approves_nothing(
    henrik: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.initialise()
    monkeypatch.setenv("COUNTERSIGN_TOKEN", factories.token(henrik, TOKEN_SCOPES)[1])
    files = []
    for name, document in (("s.json", [SAGEMAKER, SUMMARIES]), ("a.json", AZURE), ("c.json", COMET)):
        (tmp_path / name).write_text(json.dumps(document))
        files.append(str(tmp_path / name))
    call_command("import_registry", *files, "--as", "henrik", "--dry-run", stdout=StringIO())
    assert not ModelVersion.objects.exists()

    call_command("import_registry", *files, "--as", "henrik", stdout=StringIO())

    found = {(v.model.display_name, v.number) for v in ModelVersion.objects.select_related("model")}
    assert found == {
        *(("churn-xgb", number) for number in (1, 2, 3)),
        ("Loan_Default", 12),
        ("fraud-net", 1),
        ("fraud-net", 2),
    }
    record = ImportRecord.objects.get(name="churn-xgb", number="3")
    assert record.approval == "Approved"
    assert record.version is not None
    assert record.version.stage.slug == "development"
    count = Event.objects.count()
    call_command("import_registry", *files, "--as", "henrik", stdout=StringIO())
    assert Event.objects.count() == count
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(CommandError, match="line 1 column 2"):
        call_command("import_registry", *files, "--as", "henrik")

"""The compose file and its environment held against the product: no engine is needed to see that they agree."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from governance.settings.environment import Storage, read
from registry.storage import S3Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PRODUCT = [name for name, service in SERVICES.items() if service["image"].startswith("countersign")]
ENV_EXAMPLE = (ROOT / ".env.example").read_text()


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def test_the_services_are_those_the_product_has() -> None:
    assert set(SERVICES) == {
        "web",
        "worker",
        "worker-large",
        "beat",
        "sequencer",
        "provision",
        "migrate",
        "postgres",
        "redis",
    }


@pytest.mark.parametrize("name", PRODUCT)
def test_a_product_service_has_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", [n for n in SERVICES if n not in ("provision", "migrate")])
def test_what_runs_on_has_a_health_check_and_restarts(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", list(SERVICES))
def test_secrets_are_files_and_declared(name: str) -> None:
    service = SERVICES[name]
    given = set(service.get("secrets", []))
    assert given <= set(COMPOSE["secrets"])
    for variable, value in settings_of(service).items():
        if value.startswith("/run/secrets/"):
            assert variable.endswith("_FILE")
            assert value.removeprefix("/run/secrets/") in given
        # The KMS key is the name of a key, not a key.
        is_secret = re.search(r"(?i)(password|secret|token|(?<!KMS_)key)$", variable)
        assert not is_secret, f"{variable} contains a secret that is not a file"


def test_only_provision_knows_the_superuser_and_only_migrations_the_owner() -> None:
    assert [n for n in PRODUCT if "provision_url" in SERVICES[n]["secrets"]] == ["provision"]
    assert [n for n in PRODUCT if "database_owner_url" in SERVICES[n]["secrets"]] == ["provision", "migrate"]


IN_A_BUCKET = {
    "COUNTERSIGN_STORAGE": "s3",
    "COUNTERSIGN_S3_BUCKET": "models",
    "COUNTERSIGN_S3_PREFIX": "countersign",
    "COUNTERSIGN_S3_REGION": "eu-central-1",
    "COUNTERSIGN_S3_ENDPOINT": "https://objects.internal:9000",
    "COUNTERSIGN_S3_PUBLIC_ENDPOINT": "https://objects.example",
    "COUNTERSIGN_S3_ENCRYPTION": "aws:kms",
    "COUNTERSIGN_S3_KMS_KEY": "alias/models",
}


@pytest.mark.parametrize("name", PRODUCT)
@pytest.mark.parametrize("chosen", [{}, IN_A_BUCKET], ids=["folder", "bucket"])
def test_the_production_settings_accept_the_environment(name: str, chosen: dict[str, str], tmp_path: Path) -> None:
    lines = [line.split("=", 1) for line in ENV_EXAMPLE.splitlines() if line and not line.startswith("#")]
    example = dict(lines) | chosen
    values = {
        "secret_key": "k3y-" * 5 + "abcdefghijklmnopqrstuvwxyz0123456789",
        "database_url": "postgresql://countersign_app:x@postgres/countersign",
        "database_owner_url": "postgresql://countersign_owner:x@postgres/countersign",
        "provision_url": "postgresql://postgres:x@postgres/postgres",
        "redis_url": "redis://:x@redis:6379/0",
        "secret_key_fallbacks": "",
        "s3_access_key": "access" if chosen else "",
        "s3_secret_key": "not shown" if chosen else "",
    }
    environment = {}
    for variable, value in settings_of(SERVICES[name]).items():
        if value.startswith("/run/secrets/"):
            file = tmp_path / value.removeprefix("/run/secrets/")
            file.write_text(values[file.name])
            environment[variable] = str(file)
        else:
            environment[variable] = _expanded(value, example)
    found = read(environment)
    assert found.database["USER"] == "countersign_app"
    assert found.public_url == example["PUBLIC_URL"]
    if not chosen:
        assert found.storage == Storage("folder", Path("/data/artifacts"))
    else:
        assert found.storage.bucket == S3Settings(
            name="models",
            prefix="countersign/",
            endpoint="https://objects.internal:9000",
            public_endpoint="https://objects.example",
            region="eu-central-1",
            access_key="access",
            secret_key="not shown",
            encryption="aws:kms",
            kms_key="alias/models",
        )


def _expanded(value: str, example: dict[str, str]) -> str:
    """What compose makes of ${NAME:-default} and ${NAME:?fault}."""

    def replace(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2) or ""
        return example.get(name) or default.removeprefix(":-")

    return re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", replace, value)


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    told = set(re.findall(r"^(\w+)=", ENV_EXAMPLE, re.MULTILINE))
    assert asked == told


def test_every_secret_of_the_compose_file_is_made_by_the_example() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert f"secrets/{name}" in ENV_EXAMPLE, name
        assert secret["file"] == f"./secrets/{name}"


@pytest.mark.parametrize("name", PRODUCT)
def test_the_commands_exist(name: str) -> None:
    command = SERVICES[name].get("command") or _image_command()
    words = shlex.split(command[2].replace("&&", " ")) if command[:2] == ["sh", "-c"] else command
    for place, word in enumerate(words):
        if word == "manage.py":
            assert words[place + 1] in get_commands(), words[place + 1]
    if words[0] == "celery":
        assert "--app=governance.celery:app" in words
    if words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(f"{words[2]}.__main__") is not None


def _image_command() -> list[str]:
    found = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    command: list[str] = yaml.safe_load(found.group(1))
    return command


def test_the_image_holds_every_package_and_no_demo_and_runs_as_an_unprivileged_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for package in ("audit", "registry", "governance", "templates", "static"):
        assert f"COPY {package} {package}" in dockerfile
    assert re.search(r"^USER 10001$", dockerfile, re.MULTILINE)
    assert "governance/development/demo" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "http" not in re.sub(r"https?://\S*invalid\S*", "", dockerfile), "an address in the build"


def test_the_port_is_open_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8000:8000"]

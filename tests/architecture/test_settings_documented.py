"""Every setting that production reads is in the compose file, in .env.example and in docs/settings.md, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured

from governance.settings.environment import read, secret

ROOT = Path(__file__).parents[2]
ADMINISTRATION = {"COUNTERSIGN_PROVISION_URL"}
"""Read by a command and not by the settings module."""

OF_THE_IMAGE = {
    "COUNTERSIGN_STORAGE_DIR",
    "COUNTERSIGN_DECISION_KEY_PATH",
    "COUNTERSIGN_LOG_STATE_DIR",
    "COUNTERSIGN_LOG_PUBLISH_DIR",
}
"""Fixed by the compose file, so nothing to choose in .env."""

OF_COMPOSE = {"COUNTERSIGN_VERSION"}
"""Read by the compose file alone."""


class Recorder(Mapping[str, str]):
    """An environment that remembers which names were looked up."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values_given = dict(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.values_given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_given)

    def __len__(self) -> int:
        return len(self.values_given)


def names_read() -> tuple[set[str], set[str]]:
    """The settings that production looks up, and those of them that may be a file."""
    looked_up: set[str] = set()
    for storage in ("folder", "s3"):
        recorder = Recorder({"COUNTERSIGN_STORAGE": storage})
        with pytest.raises(ImproperlyConfigured):
            read(recorder)
        looked_up |= recorder.names
    recorder = Recorder({})
    for name in ADMINISTRATION:
        secret(recorder, name)
    looked_up |= recorder.names
    as_file = {name for name in looked_up if f"{name}_FILE" in looked_up}
    return {
        name for name in looked_up if not name.endswith("_FILE") or name.removesuffix("_FILE") not in as_file
    }, as_file


def missing_or_unknown(where: str, *, read_by_product: set[str], found: set[str]) -> list[str]:
    """One line for each difference, with the name of the setting."""
    return [f"{name} is missing in {where}" for name in sorted(read_by_product - found)] + [
        f"{name} in {where} is read by nothing" for name in sorted(found - read_by_product)
    ]


def in_the_compose_file() -> set[str]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    product = [service for service in services.values() if service["image"].startswith("countersign")]
    return {name.removesuffix("_FILE") for service in product for name in service["environment"]}


def in_the_example() -> set[str]:
    text = (ROOT / ".env.example").read_text()
    files = {name.upper() for name in re.findall(r"> secrets/(\w+)", text)} - {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    # secrets/s3_access_key holds COUNTERSIGN_S3_ACCESS_KEY.
    as_files = {name if name in names_read()[0] else f"COUNTERSIGN_{name}" for name in files}
    return (set(re.findall(r"^(\w+)=", text, re.MULTILINE)) | as_files) - OF_COMPOSE


def in_the_documents() -> set[str]:
    rows = re.findall(r"^\| (`[A-Z].*?) \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_names_are_found_by_reading_the_environment() -> None:
    names, as_file = names_read()

    assert {"PUBLIC_URL", "COUNTERSIGN_S3_BUCKET", "COUNTERSIGN_STORAGE_DIR", "COUNTERSIGN_PROVISION_URL"} <= names
    assert {"SECRET_KEY", "DATABASE_URL", "COUNTERSIGN_S3_SECRET_KEY"} <= as_file
    assert not {name for name in names if name.endswith("_FILE")}


def test_the_compose_file_passes_every_setting() -> None:
    found = in_the_compose_file()

    assert missing_or_unknown("docker-compose.yml", read_by_product=names_read()[0], found=found) == []


def test_web_worker_and_beat_get_the_same_settings() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    assert services["web"]["environment"] == services["worker"]["environment"] == services["beat"]["environment"]


def test_the_example_names_every_setting() -> None:
    wanted = names_read()[0] - OF_THE_IMAGE

    assert missing_or_unknown(".env.example", read_by_product=wanted, found=in_the_example()) == []


def test_the_documents_describe_every_setting() -> None:
    found = in_the_documents()

    assert missing_or_unknown("docs/settings.md", read_by_product=names_read()[0], found=found) == []


def test_the_documents_say_which_settings_may_be_files() -> None:
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    marked = {
        name
        for line in lines
        if line.startswith("| `") and "*secret*" in line
        for name in re.findall(r"`(\w+)`", line.split(" |")[0])
    }

    assert missing_or_unknown("docs/settings.md as *secret*", read_by_product=names_read()[1], found=marked) == []


def test_a_missing_setting_is_reported_with_its_name() -> None:
    assert missing_or_unknown("docs", read_by_product={"PUBLIC_URL"}, found={"OLD"}) == [
        "PUBLIC_URL is missing in docs",
        "OLD in docs is read by nothing",
    ]

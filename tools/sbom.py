"""Write the software bill of materials of the product: CycloneDX 1.6, one component for each pinned run-time package.

Versions and hashes come from ``requirements/run.txt``, which is what the image installs. Licences and dependencies come
from the metadata of the same packages in the virtual environment.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Pin:
    """A line of a pinned requirements file.

    Attributes:
        name: normalised name of the package.
        version: the pinned version.
        hashes: SHA-256 digests of the files that may be installed, in hexadecimal.
        applies: whether its marker is true on this Python and platform.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    applies: bool


def read_pins(path: Path) -> list[Pin]:
    """Read a requirements file with hashes.

    Args:
        path: a file that ``make pins`` made.

    Returns:
        One entry for each requirement, in the order of the file.

    Raises:
        ValueError: when a line pins no exact version or has no hash.
    """
    return [_pin(line) for line in _logical_lines(path.read_text())]


def _logical_lines(text: str) -> Iterator[str]:
    without_comments = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    for line in without_comments.replace("\\\n", " ").splitlines():
        if line.strip():
            yield line.strip()


def _pin(line: str) -> Pin:
    hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    requirement = Requirement(line.split(" --hash=", 1)[0].strip())
    versions = [entry.version for entry in requirement.specifier if entry.operator == "=="]
    if len(versions) != 1 or not hashes:
        raise ValueError(f"not pinned to one version with a hash: {requirement}")
    applies = requirement.marker is None or requirement.marker.evaluate()
    return Pin(canonicalize_name(requirement.name), versions[0], hashes, applies)


def build_bom(pyproject: Path, requirements: Path) -> Bom:
    """Describe the product and the packages that it installs.

    Args:
        pyproject: the product's ``pyproject.toml``.
        requirements: its pinned run-time requirements.

    Returns:
        The bill of materials. Packages whose marker excludes this platform are listed without licence and dependencies,
        because their metadata is not installed.

    Raises:
        LookupError: when a package that applies here is not installed, or is installed in another version.
    """
    project = tomllib.loads(pyproject.read_text())["project"]
    pins = read_pins(requirements)
    bom = Bom()
    product = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        description=project["description"],
        licenses=[LicenseFactory().make_from_string(project["license"])],
        bom_ref=project["name"],
    )
    bom.metadata.component = product
    components = {pin.name: _component(pin) for pin in pins if pin.applies}
    others = [_component(pin) for pin in pins if not pin.applies]
    for component in [*components.values(), *others]:
        bom.components.add(component)
    direct = [canonicalize_name(Requirement(line).name) for line in project["dependencies"]]
    bom.register_dependency(product, [components[name] for name in direct])
    for name, component in components.items():
        needed = sorted(_needed_by(distribution(name)) & set(components))
        bom.register_dependency(component, [components[other] for other in needed])
    return bom


def _component(pin: Pin) -> Component:
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes]
    component = Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=f"{pin.name}@{pin.version}",
    )
    # A package has one hash for each of its files, so they describe the distribution and not the component.
    component.external_references.add(
        ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(purl.to_string()), hashes=hashes)
    )
    if pin.applies:
        found = _installed(pin)
        component.description = found.metadata["Summary"]
        _add_licences(component, found.metadata)
    return component


def _installed(pin: Pin) -> Distribution:
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        raise LookupError(f"{pin.name} is not installed: run `make .venv/run`") from None
    if found.version != pin.version:
        raise LookupError(f"{pin.name} {found.version} is installed, {pin.version} is pinned: run `make .venv/run`")
    return found


def _add_licences(component: Component, metadata: PackageMetadata) -> None:
    """The SPDX expression of the package; otherwise what its metadata says, as text."""
    factory = LicenseFactory()
    if "License-Expression" in metadata:
        component.licenses.add(factory.make_from_string(metadata["License-Expression"]))
        return
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if line.startswith("License :: ")
    ]
    stated = next(iter(metadata.get_all("License") or []), "")
    # Some packages put the whole text of the licence into this field.
    names = [stated] if stated and "\n" not in stated and len(stated) < 100 else classifiers
    for name in names:
        component.licenses.add(factory.make_from_string(name))


def _needed_by(found: Distribution) -> set[str]:
    environment: dict[str, str] = {key: str(value) for key, value in default_environment().items()} | {"extra": ""}
    needed: set[str] = set()
    for line in found.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            needed.add(canonicalize_name(requirement.name))
    return needed


def render(bom: Bom) -> str:
    """Render a bill of materials as CycloneDX 1.6 JSON.

    Raises:
        ValueError: when it does not satisfy the schema of CycloneDX.
    """
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"not valid CycloneDX: {error.data.message}")
    return text


def main() -> None:
    """Write ``dist/countersign-VERSION.cdx.json``, or the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="default: dist/countersign-VERSION.cdx.json")
    arguments = parser.parse_args()
    bom = build_bom(ROOT / "pyproject.toml", ROOT / "requirements" / "run.txt")
    product = bom.metadata.component
    assert product is not None
    output = arguments.output or ROOT / "dist" / f"countersign-{product.version}.cdx.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(render(bom) + "\n")
    unlicensed = sorted(component.name for component in bom.components if not component.licenses)
    print(f"{len(bom.components)} packages: {output}")
    if unlicensed:
        print(f"without a stated licence: {', '.join(unlicensed)}")


if __name__ == "__main__":
    main()

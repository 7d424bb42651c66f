"""CycloneDX bills of materials: components, references and datasets of a parsed, valid document.

Source: https://cyclonedx.org/docs/1.7/json/ (ECMA-424). The schema does not require that a reference resolves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from governance.checks.attestations.members import shown
from governance.checks.base import Finding

MODEL = "machine-learning-model"
DATA = "data"
_EXTERNAL = "urn:cdx:"
"""Beginning of a BOM-Link, which refers to another document."""


def components_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return every component with its place: that of the metadata first, nested ones after their parent."""
    main = document.get("metadata", {}).get("component")
    waiting = [(f"/components/{number}", each) for number, each in enumerate(document.get("components", []))]
    waiting = [*([("/metadata/component", main)] if main is not None else []), *waiting]
    while waiting:
        place, component = waiting.pop(0)
        yield place, component
        nested = component.get("components", [])
        waiting = [*((f"{place}/components/{number}", each) for number, each in enumerate(nested)), *waiting]


def sha256_of(component: Mapping[str, Any]) -> frozenset[str]:
    """Return the SHA-256 digests of a component and of its nested components, in lower case."""
    found = set()
    waiting = [component]
    while waiting:
        each = waiting.pop()
        found |= {row["content"].lower() for row in each.get("hashes", []) if row["alg"] == "SHA-256"}
        waiting += each.get("components", [])
    return frozenset(found)


def datasets_of(component: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the datasets of a model's card: references, or datasets described in place."""
    parameters = component.get("modelCard", {}).get("modelParameters", {})
    return list(parameters.get("datasets", []))


def find_reference_faults(document: Mapping[str, Any]) -> list[Finding]:
    """Return findings about references that lead nowhere, to something else than data, or to two components."""
    names = Counter(_identifiers(document))
    data = {
        each["bom-ref"]
        for _, component in components_of(document)
        for each in (component, *component.get("data", []))
        if "bom-ref" in each and (component.get("type") == DATA or each is not component)
    }
    findings = [
        Finding("duplicate_ref", f"The bom-ref {shown(name)} is given {count} times.", where=name[:500])
        for name, count in names.items()
        if count > 1
    ]
    for place, component in components_of(document):
        for number, dataset in enumerate(datasets_of(component)):
            where = f"{place}/modelCard/modelParameters/datasets/{number}/ref"
            ref = dataset.get("ref")
            if ref is None or ref in data:
                continue
            what = "is no component of the type data" if ref in names else "is not in the document"
            findings.append(Finding("dangling_ref", f"The dataset {shown(ref)} {what}: add it.", where=where))
    findings += [
        Finding("dangling_ref", f"{shown(ref)} is not in the document: add the component, or remove it.", where=where)
        for where, ref in _references(document)
        if ref not in names and not ref.startswith(_EXTERNAL)
    ]
    return findings


def _identifiers(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("bom-ref"), str):
                yield each["bom-ref"]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _references(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the references of dependencies, compositions, vulnerabilities and annotations, with their places."""
    for number, row in enumerate(document.get("dependencies", [])):
        yield f"/dependencies/{number}/ref", row["ref"]
        for name in ("dependsOn", "provides"):
            yield from ((f"/dependencies/{number}/{name}", ref) for ref in row.get(name, []))
    for number, row in enumerate(document.get("compositions", [])):
        for name in ("assemblies", "dependencies", "vulnerabilities"):
            yield from ((f"/compositions/{number}/{name}", ref) for ref in row.get(name, []))
    for number, row in enumerate(document.get("vulnerabilities", [])):
        yield from ((f"/vulnerabilities/{number}/affects", each["ref"]) for each in row.get("affects", []))
    for number, row in enumerate(document.get("annotations", [])):
        yield from ((f"/annotations/{number}/subjects", ref) for ref in row.get("subjects", []))

"""Resolution of a source to a registered version that the caller may see."""

from __future__ import annotations

from dataclasses import replace

from audit.actor import Actor
from registry import access, sources
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion
from registry.selectors.catalogue import models_called
from registry.services.version_spec import VersionSpec
from registry.validation import ErrorCollector


def with_source(faults: ErrorCollector, actor: Actor, spec: VersionSpec) -> VersionSpec:
    """Return the specification with its source in canonical form; a registered version that it names becomes a parent.

    Later resolution uses the recorded parent (`compact_rows.resolve_source`), so a source that names a version is
    stored only together with it.

    Args:
        faults: receives errors, at /source.
        actor: the actor who declares the version: only a version visible to them is a source.
        spec: the specification as received.

    Returns:
        The specification with source and parents as they are stored.
    """
    try:
        address = sources.read(spec.source)
    except sources.SourceError as fault:
        faults.add("/source", fault.code, str(fault))
        return spec
    if address.version is None:
        return replace(spec, source=address.text)
    named = named_version(actor, address.version)
    if named is None:
        faults.add(
            "/source",
            "unknown_version",
            f"{address.text} is no registered version that you may see: name one, or give the address of the files.",
        )
        return spec
    parents = spec.parents if any(parent.pk == named.pk for parent in spec.parents) else [*spec.parents, named]
    return replace(spec, source=address_of(named), parents=parents)


def named_version(actor: Actor, named: sources.NamedVersion) -> ModelVersion | None:
    """Return the registered version that a source names.

    Args:
        actor: the actor.
        named: the parsed source; the name is the model's MLflow name, never its slug.

    Returns:
        The version; None if there is none that the actor may see.
    """
    model = models_called(named.name).filter(pk__in=access.visible_models(actor)).first()
    if model is None:
        return None
    rows = ModelVersion.objects.filter(model=model, status=ModelVersion.Status.REGISTERED).select_related("stage")
    if named.number is not None:
        rows = rows.filter(number=named.number)
    elif named.alias != sources.LATEST:
        pointed = AliasAssignment.objects.filter(IS_CURRENT, model=model, name=named.alias)
        rows = rows.filter(pk__in=pointed.values("version_id"))
    found = rows.order_by("-number").first()
    if found is not None:
        found.model = model
    return found


def address_of(version: ModelVersion) -> str:
    """Return the source that names a registered version."""
    return str(sources.NamedVersion(version.model.display_name, version.number))

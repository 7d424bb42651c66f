"""Model versions: create, get, search, update, tags, download URI; delete versions that were never governed."""

from __future__ import annotations

from typing import Any

from audit.actor import Actor
from governance.interfaces.mlflow import approved, filters, lookups, promotion_errors, serializers
from governance.interfaces.mlflow.errors import MlflowError, invalid
from governance.interfaces.mlflow.request import RequestParams
from governance.selectors import compact_rows
from governance.selectors.compact_search import search_versions
from registry import sources
from registry.models import ModelVersion
from registry.services import deletion, metadata, sourcing, versions
from registry.services.versions import VersionSpec
from registry.validation import RESERVED_TAGS

Answer = dict[str, Any]

MAX_RESULTS = 200_000
_FOLLOWED = 10


def create(actor: Actor, given: RequestParams) -> Answer:
    """Register the next version, READY at once. Its files are not known here and can be attached later.

    Each call creates a version, as on an MLflow server: parallel jobs that register the same source, and a retraining
    into the same path, are separate versions. A retry after a lost response creates a visible duplicate.
    """
    name, source = given.text("name"), given.text("source")
    model = lookups.model(actor, name)
    parent = _copied(actor, source)
    spec = VersionSpec(
        source=source,
        run_id=given.optional("run_id") or (parent.run_id if parent is not None else ""),
        run_link=given.optional("run_link") or "",
        description=given.optional("description") or "",
        # copy_model_version also sends the tags of the copied version; its approval does not apply to the copy.
        tags={k: v for k, v in given.tags().items() if not k.casefold().startswith(RESERVED_TAGS)},
        parents=[parent] if parent is not None else [],
    )
    made = versions.declare_version(actor=actor, model=model, spec=spec, reuse=False)
    return {"model_version": serializers.serialize_version(compact_rows.new_version(made))}


def get(actor: Actor, given: RequestParams) -> Answer:
    """Return a version. One query, and one more for the additions if it deviates from what was approved."""
    return {"model_version": approved.version(lookups.row(actor, given.text("name"), given.number("version")))}


def update(actor: Actor, given: RequestParams) -> Answer:
    """Change the description; without one it is cleared."""
    version = _version(actor, given)
    metadata.describe_version(actor=actor, version=version, description=given.optional("description") or "")
    return {"model_version": approved.version(lookups.row(actor, version.model.display_name, version.number))}


def delete(actor: Actor, given: RequestParams) -> Answer:
    """Delete a version that was never governed; its number is not used again."""
    version = _version(actor, given)
    what = promotion_errors.default_reason(f"delete version {version.number} of {version.model.display_name}")
    deletion.delete_version(actor=actor, version=version, reason=what)
    return {}


def search(actor: Actor, given: RequestParams) -> Answer:
    """Return a page of versions that match a filter."""
    limit = given.count("max_results", MAX_RESULTS, MAX_RESULTS)
    if given.has("max_results") and given.count("max_results", 0, MAX_RESULTS) == 0:
        raise invalid("Invalid value for max_results. It must be a positive number.")
    offset = filters.offset_of(given.optional("page_token"))
    clauses = filters.clauses(given.optional("filter") or "", filters.VERSION_KEYS)
    order = filters.version_order(given.texts("order_by"))
    rows = search_versions(actor, clauses, order, limit=limit + 1, offset=offset)
    answer: Answer = {}
    if rows[:limit]:
        answer["model_versions"] = [serializers.serialize_version(row) for row in rows[:limit]]
    if len(rows) > limit:
        answer["next_page_token"] = filters.token_for(offset + limit)
    return answer


def download_uri(actor: Actor, given: RequestParams) -> Answer:
    """Return the source; for a copy of a version visible to the caller, the source of that version."""
    row = lookups.row(actor, given.text("name"), given.number("version"))
    uri = compact_rows.resolve_source(actor, row.name, row.number, steps=_FOLLOWED)
    if uri is None:
        raise MlflowError(
            "RESOURCE_DOES_NOT_EXIST",
            f"The source of version {row.number} of {row.name} is a registered version but not a recorded parent of "
            f"it, or one that you may not see. Its page: {serializers.model_page(row.slug)}versions/{row.number}/.",
        )
    if not uri:
        raise MlflowError(
            "RESOURCE_DOES_NOT_EXIST",
            f"Version {row.number} of {row.name} has no source that an MLflow client can load from: it was registered "
            f"with its files. Download them from {serializers.model_page(row.slug)}versions/{row.number}/.",
        )
    return {"artifact_uri": uri}


def set_tag(actor: Actor, given: RequestParams) -> Answer:
    """Set one tag."""
    version, key = _version(actor, given), given.text("key")
    metadata.tag_version(actor=actor, version=version, key=key, value=given.optional("value") or "")
    return {}


def delete_tag(actor: Actor, given: RequestParams) -> Answer:
    """Delete one tag; succeeds if the tag does not exist."""
    metadata.tag_version(actor=actor, version=_version(actor, given), key=given.text("key"), value=None)
    return {}


def _version(actor: Actor, given: RequestParams) -> ModelVersion:
    return lookups.version(actor, given.text("name"), given.number("version"))


def _copied(actor: Actor, source: str) -> ModelVersion | None:
    """Return the version that a source refers to, if any. Raises MlflowError if it is invalid or not visible."""
    try:
        address = sources.read(source)
    except sources.SourceError as fault:
        raise invalid(f"Invalid model version source: '{source[:200]}'. {fault}") from fault
    if address.version is None:
        return None
    named = sourcing.named_version(actor, address.version)
    if named is None:
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"{address.text} names no registered version that you may see.")
    return named

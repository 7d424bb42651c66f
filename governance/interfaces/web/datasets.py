"""Datasets, and the versions that depend on them: for example, which live models depend on a recalled dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpResponse

from governance import selectors as governance
from governance.interfaces.web import lineage, pagination
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import dataset_recalls
from registry import selectors
from registry.models import DatasetReference, ModelVersion, Stage

LISTED = 25
"""Datasets per search page."""
LATELY = 400
"""Newest references considered for the list of recent datasets."""


@dataclass(frozen=True)
class StageCount:
    """The number of versions in a stage that depend on the dataset."""

    stage: Stage
    count: int


@page_view()
def dataset_list(request: PageRequest) -> HttpResponse:
    """Search datasets; without a search text, list those of recently registered versions."""
    words = request.GET.get("q", "").strip()[:4000]
    found = selectors.lineage.find_datasets(request.actor, words)
    recent = found.order_by("-pk").values_list("identity", flat=True)[:LATELY]
    identities = list(dict.fromkeys(recent))
    context = {
        "q": words,
        "found": selectors.lineage.counted(request.actor, identities[:LISTED]),
        "more": len(identities) > LISTED,
    }
    return render_page(request, "datasets/list.html", context, part="rows")


@page_view()
def dataset(request: PageRequest, key: str) -> HttpResponse:
    """Show a dataset: the strength of its identification, and all dependent versions, live ones first."""
    found = selectors.lineage.dataset(request.actor, key)
    weight = selectors.lineage.dataset_usage(request.actor, found.identity)
    stages = list(selectors.stages().order_by("-exclusive", "-protected", "position"))
    selected = next((s for s in stages if s.slug == request.GET.get("stage")), None)
    resting = selectors.lineage.dependents(request.actor, found.identity, stage=selected.slug if selected else None)
    cut = pagination.paginate(resting, ("rank", "model__slug", "-number"), request.GET)
    context = {
        "d": found,
        "names": _other_names(request, found),
        "weight": weight,
        "stages": [StageCount(stage, weight.by_stage[stage.slug]) for stage in stages if stage.slug in weight.by_stage],
        "live": sum(weight.by_stage.get(stage.slug, 0) for stage in stages if stage.exclusive or stage.protected),
        "selected": selected,
        "rows": _with_roles(cut.rows, found),
        "page": cut,
        "recall": governance.recall_of(found.identity),
        "may_recall": dataset_recalls.may_recall(request.actor),
    }
    return render_page(request, "datasets/dataset.html", context, part="rows")


def _other_names(request: PageRequest, found: DatasetReference) -> list[str]:
    """Other names of the same data."""
    names = selectors.lineage.references(request.actor).filter(identity=found.identity).exclude(name=found.name)
    return list(names.order_by("name").values_list("name", flat=True).distinct()[:12])


@dataclass(frozen=True)
class DatasetDependent:
    """A version that depends on the dataset, and its roles; no roles if it depends on it only through its parents."""

    version: ModelVersion
    roles: list[str]


def _with_roles(versions: Sequence[ModelVersion], found: DatasetReference) -> list[DatasetDependent]:
    roles = selectors.lineage.roles_of_dataset(found.identity, [version.pk for version in versions])
    return [DatasetDependent(version, roles.get(version.pk, [])) for version in versions]


@page_view()
def version_lineage(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the lineage of a version with more steps than the version page."""
    found = selectors.version(request.actor, slug, number)
    context = {
        "model": found.model,
        "version": found,
        "lineage": lineage.build_lineage(request.actor, found, steps=MAX_STEPS),
    }
    return render_page(request, "versions/lineage.html", context)


MAX_STEPS = 6
"""Maximum steps in each direction on the lineage page."""

"""The models of the demonstration as data: `models.yaml`, read into checked values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from registry import yaml_reader

MODELS = Path(__file__).parent / "models.yaml"


@dataclass(frozen=True)
class Described:
    """One registered model of the demonstration and the history of its versions."""

    slug: str
    title: str
    purpose: str
    team: str
    owner: str
    """User name of the owner. `author` trains the versions, `pipeline` registers them."""
    author: str
    kind: str
    form: str
    quality: tuple[float, float]
    """AUC, accuracy or mean relative error of the first and the last version."""
    rate: float
    features: tuple[str, ...]
    slices: Mapping[str, float]
    intended: str
    prohibited: str
    limitation: str
    ethics: str
    data: str
    months: int
    """Months between the registration and the present."""
    course: tuple[str, ...]
    """The history of each version, oldest first: names of `story.STORIES`."""
    review: int
    """Days until the next periodic review; negative if it is overdue."""
    tier: int | None = None
    assessed: bool = True
    """Whether the tier comes from the questionnaire. False: it is declared only."""
    registered_by: str = ""
    """User name of an earlier owner, who registered the model and left; `owner` took it over."""
    imported_from: str = ""
    """Name of the export of another registry from which the model and its versions are imported."""
    pipeline: str = ""
    regulations: tuple[str, ...] = ()
    affects_people: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    def quality_of(self, number: int) -> float:
        """Return the quality of version `number`: it improves in steps that become smaller."""
        first, last = self.quality
        share = (number - 1) / max(len(self.course) - 1, 1)
        return first + (last - first) * float(share**0.7)


def models() -> list[Described]:
    """Return all models, in the order of the file."""
    return [_described(entry) for entry in yaml_reader.read(MODELS.read_text(encoding="utf-8"))]


def _described(entry: dict[str, Any]) -> Described:
    lists = {f.name for f in fields(Described) if str(f.type).startswith("tuple")}
    given: dict[str, Any] = {name: tuple(value) if name in lists else value for name, value in entry.items()}
    return Described(**given)

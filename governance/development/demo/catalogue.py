"""The forty models, as data: `models/tier-*.yaml`, read and held to their form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from registry import yaml_reader

MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Described:
    """One registered model of the demonstration, and the course its versions took."""

    slug: str
    title: str
    purpose: str
    team: str
    owner: str
    """User name of whoever answers for it; so is `author`, who trains it, and `pipeline`, which registers it."""
    author: str
    kind: str
    form: str
    quality: tuple[float, float]
    """AUC, accuracy or mean relative error of the first version and of the last."""
    rate: float
    features: tuple[str, ...]
    slices: Mapping[str, float]
    intended: str
    prohibited: str
    limitation: str
    ethics: str
    data: str
    months: int
    """How long ago it was registered."""
    course: tuple[str, ...]
    """What became of each version, oldest first: one of `story.CHAPTERS`."""
    review: int
    """Days until the next periodic review; negative when it is overdue."""
    tier: int | None = None
    pipeline: str = ""
    regulations: tuple[str, ...] = ()
    affects_people: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    def quality_of(self, number: int) -> float:
        """What version `number` comes out at: better with time, in steps that grow smaller."""
        first, last = self.quality
        share = (number - 1) / max(len(self.course) - 1, 1)
        return first + (last - first) * float(share**0.7)


def models() -> list[Described]:
    """All forty, tier by tier."""
    return [
        _described(entry, tier)
        for tier in (1, 2, 3)
        for entry in yaml_reader.read((MODELS / f"tier-{tier}.yaml").read_text(encoding="utf-8"))
    ]


def _described(entry: dict[str, Any], tier: int) -> Described:
    lists = {f.name for f in fields(Described) if str(f.type).startswith("tuple")}
    given: dict[str, Any] = {name: tuple(value) if name in lists else value for name, value in entry.items()}
    return Described(**({"tier": tier} | given))

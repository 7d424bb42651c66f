"""The names of models, unique by appearance."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.managers import PreparedModel


class RegisteredName(PreparedModel):
    """A name of a model, by its appearance: one row for its slug, and one for its MLflow name if that differs.

    `skeleton` is the SHA-256 of the name's skeleton (UTS #39, `registry.characters.skeleton`): the database refuses two
    names that look the same, also in concurrent registrations, and a slug that is another model's MLflow name. The name
    of a model that was deleted or renamed is released and free again.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="names")
    skeleton = models.CharField(max_length=64)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="name_held_once", fields=["skeleton"], condition=Q(released_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.skeleton[:12]

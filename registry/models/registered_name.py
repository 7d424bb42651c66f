"""The names under which models are known, each once for everybody who reads it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.managers import PreparedModel


class RegisteredName(PreparedModel):
    """That a model has a name that looks like this: one row for its slug and one for its MLflow name, where that is
    another.

    `skeleton` is the SHA-256 of the name's skeleton (UTS #39, `registry.characters.skeleton`): the database refuses two
    names that cannot be told apart, also where two people register them at once, and a slug that is another model's
    MLflow name. The name of a model that was deleted, or that is called otherwise now, is released and free again.
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

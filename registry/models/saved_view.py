"""Saved views: queries people keep."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower


class SavedView(models.Model):
    """A query somebody keeps under a name, for themselves or for everybody. Not a governed fact: it decides nothing,
    changes nothing anybody else answers for, and shows each reader what they may see; like the colours of a browser it
    is its owner's own business, so no event accounts for it and it goes when its owner deletes it."""

    owner = models.ForeignKey("registry.User", on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint("owner", Lower("name"), name="saved_view_name_once"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(Lower("name"), "id", name="saved_view_shared", condition=models.Q(shared=True)),
        ]

    def __str__(self) -> str:
        return self.name

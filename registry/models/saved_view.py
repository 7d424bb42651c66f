"""Saved views: named search queries."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Lower


class SavedView(models.Model):
    """A search query saved under a name, private or shared.

    It is a preference, not a governed fact: it decides nothing and shows each reader only what is visible to them. So
    it has no events, and its owner can delete it.
    """

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

"""What an installation declares about itself."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import AuditedModel


class Instance(AuditedModel):
    """The single row about this installation: whether its set-up was confirmed, and how many officers it has.

    Until two officers confirm the set-up, its initial settings are in force without a second decision signature, and
    the product shows that. With `single_officer` the organisation declares that one officer decides alone; pages,
    promotions and documents then state it.
    """

    only = models.BooleanField(default=True, unique=True, editable=False, help_text="there is one row")
    single_officer = models.BooleanField(default=False)
    setup_confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="instance_one_row", condition=Q(only=True))]

    def __str__(self) -> str:
        return "this installation"

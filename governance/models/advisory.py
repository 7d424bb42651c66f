"""Published vulnerabilities of packages, imported from an export of the OSV database."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class AdvisoryMirror(AuditedModel):
    """One import of advisories. The rows of an earlier import are kept without their advisories."""

    ecosystem = models.CharField(max_length=30)
    sha256 = models.CharField(max_length=64, help_text="of the imported archive, or of the files of the folder")
    modified = models.DateTimeField(help_text="the newest date of a record")
    records = models.PositiveIntegerField(help_text="advisories that concern a package of the ecosystem")
    packages = models.PositiveIntegerField()
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["ecosystem"], condition=Q(replaced_at__isnull=True), name="advisory_mirror_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"advisories {self.sha256[:12]}"


class PackageAdvisories(models.Model):
    """The advisories of one package in the mirror in use, as `checks.advisories.osv.compact` keeps them."""

    mirror = models.ForeignKey(AdvisoryMirror, on_delete=models.PROTECT, related_name="advisories")
    package = models.CharField(max_length=250, help_text="name in the form of PEP 503")
    advisories = models.JSONField()

    class Meta:
        verbose_name_plural = "package advisories"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["mirror", "package"], name="advisories_of_a_package_once"),
        ]

    def __str__(self) -> str:
        return self.package

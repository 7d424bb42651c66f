"""Published vulnerabilities of packages, imported from an export of the OSV database."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_external_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AdvisoryMirror",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("ecosystem", models.CharField(max_length=30)),
                (
                    "sha256",
                    models.CharField(help_text="of the imported archive, or of the files of the folder", max_length=64),
                ),
                ("modified", models.DateTimeField(help_text="the newest date of a record")),
                (
                    "records",
                    models.PositiveIntegerField(help_text="advisories that concern a package of the ecosystem"),
                ),
                ("packages", models.PositiveIntegerField()),
                ("imported_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(blank=True, null=True)),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="PackageAdvisories",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("package", models.CharField(help_text="name in the form of PEP 503", max_length=250)),
                ("advisories", models.JSONField()),
                (
                    "mirror",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="advisories",
                        to="governance.advisorymirror",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "package advisories",
            },
        ),
        migrations.AddConstraint(
            model_name="advisorymirror",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at__isnull", True)), fields=("ecosystem",), name="advisory_mirror_in_use"
            ),
        ),
        migrations.AddConstraint(
            model_name="packageadvisories",
            constraint=models.UniqueConstraint(fields=("mirror", "package"), name="advisories_of_a_package_once"),
        ),
        migrations.RunSQL(_sql("0006_advisories.sql")),
    ]

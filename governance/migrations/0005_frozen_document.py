"""Technical documents, frozen when a version enters a protected stage: never changed, never taken away."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0004_idempotency_key"),
        ("registry", "0005_mlflow_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="FrozenDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("template", models.CharField(help_text="whose shape it has", max_length=80)),
                ("digest", models.CharField(max_length=64)),
                ("body", models.BinaryField()),
                ("missing", models.PositiveIntegerField(help_text="answers that were missing")),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                ("created_at", models.DateTimeField()),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frozen_document",
                        to="governance.promotionrequest",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="frozen_documents",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="document_digest_form"
                    )
                ],
            },
        ),
        require_event("governance_frozendocument", "frozen_document"),
        refuse_delete("governance_frozendocument", "A document belongs to the promotion it was frozen for."),
        immutable_columns(
            "governance_frozendocument",
            "uid",
            "version_id",
            "request_id",
            "template",
            "digest",
            "body",
            "missing",
            "event",
            "created_at",
        ),
    ]

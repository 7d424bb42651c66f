"""The table of verification keys, with its guards."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_token_check_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="VerificationKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("name", models.CharField(max_length=120)),
                ("owner", models.CharField(help_text="the team or system that holds the private key", max_length=200)),
                ("algorithm", models.CharField(max_length=20)),
                ("public_key", models.TextField(help_text="SubjectPublicKeyInfo in PEM")),
                (
                    "key_id",
                    models.CharField(
                        help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal",
                        max_length=64,
                        unique=True,
                    ),
                ),
                ("for_signatures", models.BooleanField(help_text="it signs the files of versions")),
                ("for_provenance", models.BooleanField(help_text="it signs statements of builders")),
                ("valid_from", models.DateTimeField()),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
                (
                    "revoked_by",
                    models.CharField(blank=True, help_text="pseudonymous id of the actor", max_length=100, null=True),
                ),
                ("revocation_reason", models.TextField(blank=True, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        help_text="the model whose versions it signs; empty for all models",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verification_keys",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verification_key",
                        to="registry.changeproposal",
                    ),
                ),
            ],
            options={
                "ordering": ("name", "pk"),
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("closed_at__isnull", True)),
                        name="key_one_current_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("for_signatures", True), ("for_provenance", True), _connector="OR"),
                        name="key_has_purpose",
                    ),
                    models.CheckConstraint(condition=models.Q(("key_id__regex", "^[0-9a-f]{64}$")), name="key_id_form"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True), ("valid_until__gt", models.F("valid_from")), _connector="OR"
                        ),
                        name="key_valid_span",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("closed_at__isnull", True),
                                ("revocation_reason__isnull", True),
                                ("revoked_by__isnull", True),
                            ),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("revocation_reason__isnull", False),
                                ("revoked_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="key_revoked_with_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                            models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                            _connector="OR",
                        ),
                        name="key_closed_with_event",
                        violation_error_code="closed_without_event",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            (Path(__file__).parent / "sql" / "0006_verification_key_guards.sql").read_text(encoding="utf-8")
        ),
    ]

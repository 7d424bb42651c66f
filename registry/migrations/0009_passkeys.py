"""Passkeys of accounts."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0008_second_factors"),
    ]

    operations = [
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("name", models.CharField(max_length=80)),
                ("credential_id", models.BinaryField()),
                ("credential", models.BinaryField()),
                ("public_key", models.TextField(help_text="SubjectPublicKeyInfo in PEM")),
                (
                    "key_id",
                    models.CharField(
                        help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal",
                        max_length=64,
                        unique=True,
                    ),
                ),
                ("sign_count", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("account", "opened_at", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                            models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                            _connector="OR",
                        ),
                        name="passkey_closed_with_event",
                        violation_error_code="closed_without_event",
                    )
                ],
            },
        ),
        migrations.RunSQL((Path(__file__).parent / "sql" / "0009_passkeys.sql").read_text(encoding="utf-8")),
    ]

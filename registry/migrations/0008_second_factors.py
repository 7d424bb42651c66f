"""Second factors of accounts and locks of signing, with their guards."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_deputies"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("secret", models.BinaryField()),
                ("last_step", models.BigIntegerField()),
                ("recovery_codes", models.JSONField(default=list)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_factors",
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
                        name="second_factor_closed_with_event",
                        violation_error_code="closed_without_event",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("account",),
                        name="second_factor_one_open",
                        violation_error_code="already_enrolled",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SigningLock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("failures", models.PositiveIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signing_locks",
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
                        name="signing_lock_closed_with_event",
                        violation_error_code="closed_without_event",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("account",),
                        name="signing_lock_one_open",
                    ),
                ],
            },
        ),
        migrations.RunSQL((Path(__file__).parent / "sql" / "0008_second_factors.sql").read_text(encoding="utf-8")),
    ]

"""Links by which account holders set their own password."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event, write_once_columns


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0019_joining_and_leaving"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("mailed", "mailed to the address of the account"),
                            ("shown", "shown once to the person who issued it"),
                        ],
                        max_length=8,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, null=True, unique=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, help_text="when a newer link took its place", null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "issued_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="empty where a process of the set-up issued it",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True), ("used_at__isnull", True)),
                        fields=("account",),
                        name="sign_in_link_one_open",
                        violation_error_code="already_issued",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("way", "mailed"), ("digest__isnull", False), _connector="OR"),
                        name="sign_in_link_shown_has_digest",
                    ),
                ],
            },
        ),
        require_event(
            "registry_signinlink",
            "person",
            via=("account_id", "registry_user"),
            unrecorded=("digest", "mailed_at"),
        ),
        refuse_delete("registry_signinlink", "A newer link ends it."),
        immutable_columns(
            "registry_signinlink", "uid", "account_id", "way", "issued_by_id", "created_at", "expires_at"
        ),
        write_once_columns("registry_signinlink", "used_at", "ended_at", "mailed_at"),
    ]

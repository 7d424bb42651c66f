"""Webhooks, what they sign with, and the outbox. What they are is governed; what they have to tell is a queue."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0007_source_copies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("arrival", models.BigIntegerField(default=0)),
                ("horizon", models.BigIntegerField(default=0)),
                ("begun", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=63)),
                ("description", models.TextField(blank=True)),
                ("url", models.TextField()),
                ("events", models.JSONField(help_text='what it is told of: a list of "entity.action"')),
                (
                    "status",
                    models.CharField(
                        choices=[("ACTIVE", "Active"), ("DISABLED", "Disabled")], default="ACTIVE", max_length=8
                    ),
                ),
                ("since", models.BigIntegerField(help_text="order of arrival of the last event it is not told of")),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
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
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.TextField()),
                (
                    "webhook",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.webhook"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("event", models.UUIDField()),
                (
                    "place",
                    models.PositiveSmallIntegerField(help_text="which of the event's news: one may set several tags"),
                ),
                ("entity", models.CharField(max_length=32)),
                ("action", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                            ("withheld", "Withheld"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                (
                    "answer",
                    models.PositiveSmallIntegerField(blank=True, help_text="status of the last answer", null=True),
                ),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="governance.webhook"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "ordering": ("pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["run_after"], name="webhook_delivery_waiting"
                    ),
                    models.Index(fields=["created_at"], name="webhook_delivery_by_age"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("webhook", "event", "place"), name="webhook_told_once")
                ],
            },
        ),
        require_event("governance_webhook", "webhook"),
        refuse_delete("governance_webhook", "Delete it through the service: its row stays, without its secret."),
        immutable_columns("governance_webhook", "uid", "created_by_id", "created_at"),
        require_event("governance_webhooksecret", "webhook", via=("webhook_id", "governance_webhook")),
    ]

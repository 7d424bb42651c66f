"""Notifications, their channels and deliveries. The position in the log becomes one row for each reader."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

POSITION = """
INSERT INTO public.governance_logposition (reader, arrival, horizon, begun, processed)
SELECT 'webhooks', arrival, horizon, begun, '{}' FROM public.governance_webhookposition WHERE id = 1;
"""

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR UPDATE OR DELETE ON public.governance_notificationchannel DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW
    EXECUTE FUNCTION public.audit_require_event('[]', 'notification_channel', 'uid', '');
ALTER TABLE public.governance_notificationchannel ENABLE ALWAYS TRIGGER audit_event_required;
SELECT fence.seal('public.governance_notificationchannel'::regclass, 'audit_event_required');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_notificationchannel
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.audit_refuse(
        'governed rows are never emptied away', 'Change rows one by one, through the services.');
ALTER TABLE public.governance_notificationchannel ENABLE ALWAYS TRIGGER audit_truncate_refused;
SELECT fence.seal('public.governance_notificationchannel'::regclass, 'audit_truncate_refused');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_notificationchannel
    FOR EACH ROW
    EXECUTE FUNCTION public.audit_refuse(
        'what is governed is kept for good', 'Remove the channel instead.');
ALTER TABLE public.governance_notificationchannel ENABLE ALWAYS TRIGGER audit_delete_refused;
SELECT fence.seal('public.governance_notificationchannel'::regclass, 'audit_delete_refused');
CREATE TRIGGER audit_fixed_uid_kind_person_id_group_id_created_by_id__762d2160
    AFTER UPDATE ON public.governance_notificationchannel
    FOR EACH ROW
    EXECUTE FUNCTION public.audit_keep_columns(
        'fixed', 'uid', 'kind', 'person_id', 'group_id', 'created_by_id', 'created_at');
ALTER TABLE public.governance_notificationchannel
    ENABLE ALWAYS TRIGGER audit_fixed_uid_kind_person_id_group_id_created_by_id__762d2160;
SELECT fence.seal('public.governance_notificationchannel'::regclass,
    'audit_fixed_uid_kind_person_id_group_id_created_by_id__762d2160');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0011_waivers"),
        ("registry", "0006_verification_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LogPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reader", models.CharField(max_length=20, unique=True)),
                ("arrival", models.BigIntegerField(default=0)),
                ("horizon", models.BigIntegerField(default=0)),
                ("begun", models.BigIntegerField(default=0)),
                (
                    "processed",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("reason", models.CharField(max_length=32)),
                ("key", models.CharField(max_length=120)),
                ("event", models.UUIDField(blank=True, null=True)),
                ("model_uid", models.UUIDField(blank=True, null=True)),
                ("subject_type", models.CharField(max_length=20)),
                ("subject_id", models.CharField(max_length=64)),
                ("subject", models.CharField(max_length=300)),
                ("title", models.CharField(max_length=300)),
                ("because", models.CharField(max_length=300)),
                ("path", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="registry.reviewergroup",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="NotificationChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("slack", "Slack-compatible"),
                            ("teams", "Teams-compatible"),
                            ("webhook", "Webhook (JSON)"),
                        ],
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(max_length=63)),
                ("url", models.TextField()),
                ("secret", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.reviewergroup",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="NotificationDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claim", models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True)),
                (
                    "heartbeat_at",
                    models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
                ),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="how often it was begun")),
                ("problem", models.TextField(blank=True, help_text="why the last attempt failed")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("digest_at", models.DateTimeField(blank=True, null=True)),
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
                (
                    "answer",
                    models.PositiveSmallIntegerField(blank=True, help_text="status of the last response", null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="governance.notificationchannel",
                    ),
                ),
                ("notifications", models.ManyToManyField(related_name="deliveries", to="governance.notification")),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "notification deliveries",
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="NotificationMute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject_type", models.CharField(max_length=20)),
                ("subject_id", models.CharField(max_length=64)),
                ("subject", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="NotificationPreferences",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("choices", models.JSONField(default=dict)),
                ("digest_hour", models.PositiveSmallIntegerField(default=7, help_text="hour of the day, in `zone`")),
                ("zone", models.CharField(default="UTC", max_length=64)),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UnprocessedEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reader", models.CharField(max_length=20)),
                ("event_pk", models.BigIntegerField()),
                ("event", models.UUIDField()),
                ("action", models.CharField(max_length=80)),
                ("attempts", models.PositiveSmallIntegerField(default=1)),
                ("problem", models.CharField(max_length=500)),
                ("first_failed_at", models.DateTimeField()),
                ("run_after", models.DateTimeField()),
            ],
            options={
                "ordering": ("event_pk",),
            },
        ),
        migrations.RunSQL(POSITION),
        migrations.DeleteModel(
            name="WebhookPosition",
        ),
        migrations.AddConstraint(
            model_name="unprocessedevent",
            constraint=models.UniqueConstraint(fields=("reader", "event_pk"), name="unprocessed_event_once"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["person", "-id"], name="notification_of_person"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at__isnull", True)), fields=["person"], name="notification_unread"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["created_at"], name="notification_by_age"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("person", "reason", "key"), name="notification_once"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("group", "reason", "key"), name="notification_once_for_group"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__isnull", True), ("person__isnull", False)),
                    models.Q(("group__isnull", False), ("person__isnull", True)),
                    _connector="OR",
                ),
                name="notification_one_recipient",
            ),
        ),
        migrations.AddIndex(
            model_name="notificationchannel",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)), fields=["person"], name="notification_channel_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__isnull", True), ("person__isnull", False)),
                    models.Q(("group__isnull", False), ("person__isnull", True)),
                    _connector="OR",
                ),
                name="notification_channel_one_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="notificationdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["run_after"], name="notification_delivery_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="notificationdelivery",
            index=models.Index(fields=["created_at"], name="notification_delivery_by_age"),
        ),
        migrations.AddConstraint(
            model_name="notificationdelivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("digest_at__isnull", False)),
                fields=("person", "channel", "digest_at"),
                name="notification_digest_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationmute",
            constraint=models.UniqueConstraint(
                fields=("person", "subject_type", "subject_id"), name="notification_mute_once"
            ),
        ),
        migrations.RunSQL(GUARDS),
    ]

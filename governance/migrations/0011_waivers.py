"""Waivers of checks."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR UPDATE OR DELETE ON public.governance_waiver DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'waiver', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_waiver
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse(
        'governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_waiver
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse(
        'what is governed is kept for good', 'Revoke the waiver instead.');
CREATE TRIGGER audit_fixed_uid_model_id_version_id_request_id_check_s_a8457969
    AFTER UPDATE ON public.governance_waiver
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns(
        'fixed', 'uid', 'model_id', 'version_id', 'request_id', 'check_slug', 'codes', 'fingerprint', 'inputs_digest',
        'reason', 'control', 'accepted_by_id', 'groups', 'signed_name', 'signed_meaning', 'signed_method',
        'granted_at', 'valid_until', 'event');
CREATE TRIGGER governance_waiver_has_ended
    BEFORE UPDATE ON public.governance_waiver
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL)
    EXECUTE FUNCTION public.audit_refuse('a waiver that has ended is final', 'Grant another waiver.');
ALTER TABLE public.governance_waiver ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_waiver ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_waiver ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_waiver
    ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_version_id_request_id_check_s_a8457969;
ALTER TABLE public.governance_waiver ENABLE ALWAYS TRIGGER governance_waiver_has_ended;
SELECT fence.seal('public.governance_waiver'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_waiver'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_waiver'::regclass, 'audit_delete_refused');
SELECT fence.seal(
    'public.governance_waiver'::regclass, 'audit_fixed_uid_model_id_version_id_request_id_check_s_a8457969');
SELECT fence.seal('public.governance_waiver'::regclass, 'governance_waiver_has_ended');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0010_discussion"),
        ("registry", "0006_verification_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Waiver",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("check_slug", models.CharField(max_length=80)),
                (
                    "codes",
                    models.JSONField(
                        blank=True, default=list, help_text="codes of findings; empty for the whole check"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64)),
                ("inputs_digest", models.CharField(max_length=64)),
                ("reason", models.TextField()),
                ("control", models.TextField(help_text="what limits the risk while the check is not satisfied")),
                ("groups", models.JSONField(default=list, help_text="slugs of the groups in which the person counted")),
                ("signed_name", models.CharField(max_length=200)),
                ("signed_meaning", models.TextField()),
                ("signed_method", models.CharField(max_length=16)),
                ("granted_at", models.DateTimeField()),
                ("valid_until", models.DateTimeField()),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True, choices=[("revoked", "Revoked"), ("expired", "Expired")], max_length=10
                    ),
                ),
                ("end_reason", models.TextField(blank=True)),
                (
                    "accepted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="waivers", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waivers",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        help_text="the request on which it was granted; it applies to every request of the version",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waivers",
                        to="governance.promotionrequest",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="waivers", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["valid_until"],
                        name="waiver_open_by_end",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("valid_until__gt", models.F("granted_at"))), name="waiver_ends_later"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("end", ""), ("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("end", "expired"), ("ended_at__isnull", False), ("ended_by__isnull", True)),
                            models.Q(
                                ("end", "revoked"),
                                ("ended_at__isnull", False),
                                ("ended_by__isnull", False),
                                models.Q(("end_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="waiver_ended_in_one_way",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS),
    ]

"""Sign-offs of the parts of regulatory documents."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR UPDATE OR DELETE ON public.governance_documentsignoff DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event('[]', 'sign_off', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_documentsignoff
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse(
        'governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_documentsignoff
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse(
        'what is governed is kept for good', 'Attach another document instead.');
CREATE TRIGGER audit_fixed_uid_model_id_version_id_evidence_id_parts__63b7a7bd
    AFTER UPDATE ON public.governance_documentsignoff
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns(
        'fixed', 'uid', 'model_id', 'version_id', 'evidence_id', 'parts', 'person_id', 'roles', 'signed_name',
        'signed_meaning', 'signed_method', 'signed_at', 'event');
ALTER TABLE public.governance_documentsignoff ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_documentsignoff ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_documentsignoff ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_documentsignoff
    ENABLE ALWAYS TRIGGER audit_fixed_uid_model_id_version_id_evidence_id_parts__63b7a7bd;
SELECT fence.seal('public.governance_documentsignoff'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_documentsignoff'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_documentsignoff'::regclass, 'audit_delete_refused');
SELECT fence.seal(
    'public.governance_documentsignoff'::regclass, 'audit_fixed_uid_model_id_version_id_evidence_id_parts__63b7a7bd');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0021_policy_terms"),
        ("registry", "0008_second_factors"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentSignOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("parts", models.JSONField(help_text="SHA-256 of the content of each signed part, by point")),
                (
                    "roles",
                    models.JSONField(default=list, help_text="roles of the person on the model when they signed"),
                ),
                ("signed_name", models.CharField(max_length=200)),
                ("signed_meaning", models.TextField()),
                ("signed_method", models.CharField(max_length=16)),
                ("signed_at", models.DateTimeField()),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                (
                    "evidence",
                    models.ForeignKey(
                        help_text="the document that was read",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to="registry.evidence",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.RunSQL(GUARDS),
    ]

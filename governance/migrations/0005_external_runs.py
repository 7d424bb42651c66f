"""Results of checks that other systems run: `ExternalRun`, and the check runs that follow one."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE CONSTRAINT TRIGGER audit_event_required
    AFTER INSERT OR UPDATE OR DELETE ON public.governance_externalrun DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.audit_require_event(
        '["status", "progress", "details_url", "started_at", "reported_at"]', 'external_run', 'uid', '');
CREATE TRIGGER audit_truncate_refused
    BEFORE TRUNCATE ON public.governance_externalrun
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse(
        'governed rows are never emptied away', 'Change rows one by one, through the services.');
CREATE TRIGGER audit_delete_refused
    BEFORE DELETE ON public.governance_externalrun
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse(
        'what is governed is kept for good', 'Every reported run is kept; the latest counts.');
CREATE TRIGGER audit_fixed_uid_version_id_check_slug_inputs_digest_re_b187d3c4
    AFTER UPDATE ON public.governance_externalrun
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns(
        'fixed', 'uid', 'version_id', 'check_slug', 'inputs_digest', 'reported_by_id', 'reported_with_id',
        'created_at');
CREATE TRIGGER governance_report_is_final
    BEFORE UPDATE ON public.governance_externalrun
    FOR EACH ROW WHEN (((old.status)::text = 'completed'::text))
    EXECUTE FUNCTION public.audit_refuse('a completed run is final', 'Report another run; the latest counts.');
CREATE TRIGGER audit_fixed_external_run_id
    AFTER UPDATE ON public.governance_checkrun
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'external_run_id');
ALTER TABLE public.governance_externalrun ENABLE ALWAYS TRIGGER audit_event_required;
ALTER TABLE public.governance_externalrun ENABLE ALWAYS TRIGGER audit_truncate_refused;
ALTER TABLE public.governance_externalrun ENABLE ALWAYS TRIGGER audit_delete_refused;
ALTER TABLE public.governance_externalrun
    ENABLE ALWAYS TRIGGER audit_fixed_uid_version_id_check_slug_inputs_digest_re_b187d3c4;
ALTER TABLE public.governance_externalrun ENABLE ALWAYS TRIGGER governance_report_is_final;
ALTER TABLE public.governance_checkrun ENABLE ALWAYS TRIGGER audit_fixed_external_run_id;
SELECT fence.seal('public.governance_externalrun'::regclass, 'audit_event_required');
SELECT fence.seal('public.governance_externalrun'::regclass, 'audit_truncate_refused');
SELECT fence.seal('public.governance_externalrun'::regclass, 'audit_delete_refused');
SELECT fence.seal(
    'public.governance_externalrun'::regclass, 'audit_fixed_uid_version_id_check_slug_inputs_digest_re_b187d3c4');
SELECT fence.seal('public.governance_externalrun'::regclass, 'governance_report_is_final');
SELECT fence.seal('public.governance_checkrun'::regclass, 'audit_fixed_external_run_id');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0004_production_signals"),
        ("registry", "0005_token_check_names"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("check_slug", models.CharField(max_length=80)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting_evidence", "Waiting for evidence"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "conclusion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("success", "Passed"),
                            ("failure", "Failed"),
                            ("action_required", "Needs action"),
                            ("neutral", "Information"),
                            ("skipped", "Not applicable"),
                            ("error", "Check error"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("inputs_digest", models.CharField(max_length=64)),
                ("progress", models.CharField(blank=True, max_length=500)),
                ("summary", models.TextField(blank=True)),
                ("findings", models.JSONField(blank=True, default=list)),
                ("measures", models.JSONField(blank=True, default=dict)),
                ("details_url", models.CharField(blank=True, max_length=1000)),
                (
                    "attachment_format",
                    models.CharField(
                        blank=True, choices=[("sarif", "SARIF"), ("junit", "JUnit"), ("json", "JSON")], max_length=8
                    ),
                ),
                ("attachment_name", models.CharField(blank=True, max_length=250)),
                (
                    "objections",
                    models.JSONField(
                        blank=True, default=list, help_text="what in the attachment contradicts a success, in words"
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("reported_at", models.DateTimeField(help_text="when its reporter last sent something")),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="checkrun",
            name="check_run_running_is_claimed",
        ),
        migrations.AddField(
            model_name="externalrun",
            name="attachment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="external_runs",
                to="registry.blob",
            ),
        ),
        migrations.AddField(
            model_name="externalrun",
            name="reported_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="external_runs", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="externalrun",
            name="reported_with",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="external_runs", to="registry.accesstoken"
            ),
        ),
        migrations.AddField(
            model_name="externalrun",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="external_runs", to="registry.modelversion"
            ),
        ),
        migrations.AddField(
            model_name="checkrun",
            name="external_run",
            field=models.ForeignKey(
                blank=True,
                help_text="the reported run that this run follows; empty if the product runs the check",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="check_runs",
                to="governance.externalrun",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "running"), _negated=True),
                    ("claim__isnull", False),
                    ("external_run__isnull", False),
                    _connector="OR",
                ),
                name="check_run_running_is_claimed",
            ),
        ),
        migrations.AddIndex(
            model_name="externalrun",
            index=models.Index(fields=["version", "check_slug", "-id"], name="external_run_of_version"),
        ),
        migrations.AddIndex(
            model_name="externalrun",
            index=models.Index(
                condition=models.Q(("status", "completed"), _negated=True),
                fields=["created_at"],
                name="external_run_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="externalrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("completed_at__isnull", False),
                        ("status", "completed"),
                        models.Q(("conclusion", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("status", "completed"), _negated=True),
                        ("completed_at__isnull", True),
                        ("conclusion", ""),
                    ),
                    _connector="OR",
                ),
                name="external_run_completed_has_conclusion",
            ),
        ),
        migrations.RunSQL(GUARDS),
    ]

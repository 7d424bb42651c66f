"""One register of findings: the findings of signals get severity, owner, due date, closure by two, and other sources.

The table keeps its name and its columns `resolved_…`, because a governed table is not renamed and no row is rewritten:
earlier findings are of the source `signal` and the severity `high`, without a due date.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER "audit_fixed_request_id_decision_id_source_severity_tit_418654f0"
    AFTER UPDATE ON public.governance_monitoringfinding
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns(
        'fixed', 'request_id', 'decision_id', 'source', 'severity', 'title', 'description', 'blocks', 'blocks_model');
ALTER TABLE public.governance_monitoringfinding
    ENABLE ALWAYS TRIGGER "audit_fixed_request_id_decision_id_source_severity_tit_418654f0";
SELECT fence.seal(
    'public.governance_monitoringfinding'::regclass,
    'audit_fixed_request_id_decision_id_source_severity_tit_418654f0');
CREATE TRIGGER governance_finding_is_closed
    BEFORE UPDATE ON public.governance_monitoringfinding
    FOR EACH ROW WHEN (OLD.resolved_at IS NOT NULL)
    EXECUTE FUNCTION public.audit_refuse('a closed finding is final', 'Open another finding.');
ALTER TABLE public.governance_monitoringfinding ENABLE ALWAYS TRIGGER governance_finding_is_closed;
SELECT fence.seal('public.governance_monitoringfinding'::regclass, 'governance_finding_is_closed');
"""


def _nullable(name, field):
    return migrations.AlterField(model_name="finding", name=name, field=field)


def _person():
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0007_check_progress"),
        ("registry", "0006_verification_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="monitoringfinding", name="finding_one_open_per_limit"),
        migrations.RemoveConstraint(model_name="monitoringfinding", name="finding_resolved_by_a_person"),
        migrations.RemoveConstraint(model_name="monitoringfinding", name="finding_acknowledged_by_a_person"),
        migrations.RemoveIndex(model_name="monitoringfinding", name="finding_open_by_model"),
        migrations.AlterModelTable(name="monitoringfinding", table="governance_monitoringfinding"),
        migrations.RenameModel(old_name="MonitoringFinding", new_name="Finding"),
        migrations.AlterField(
            model_name="finding",
            name="resolved_at",
            field=models.DateTimeField(blank=True, db_column="resolved_at", null=True),
        ),
        migrations.AlterField(
            model_name="finding",
            name="resolved_by",
            field=models.ForeignKey(
                blank=True,
                db_column="resolved_by_id",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="resolution",
            field=models.TextField(blank=True, db_column="resolution", help_text="the reason that the person gave"),
        ),
        migrations.RenameField(model_name="finding", old_name="resolved_at", new_name="closed_at"),
        migrations.RenameField(model_name="finding", old_name="resolved_by", new_name="closed_by"),
        migrations.RenameField(model_name="finding", old_name="resolution", new_name="closure"),
        _nullable(
            "version",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="registry.modelversion",
            ),
        ),
        _nullable("kind", models.CharField(blank=True, max_length=20)),
        _nullable("signal", models.CharField(blank=True, max_length=200)),
        _nullable("direction", models.CharField(blank=True, help_text="min or max", max_length=3)),
        _nullable("op", models.CharField(blank=True, max_length=2)),
        _nullable("limit", models.FloatField(blank=True, null=True)),
        _nullable(
            "policy_revision",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="governance.policyrevision",
            ),
        ),
        _nullable(
            "stage",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.stage",
            ),
        ),
        _nullable("first_value", models.FloatField(blank=True, null=True)),
        _nullable(
            "first_at",
            models.DateTimeField(
                blank=True, help_text="end of the period of the first value beyond the limit", null=True
            ),
        ),
        _nullable(
            "last_value", models.FloatField(blank=True, help_text="the latest value beyond the limit", null=True)
        ),
        _nullable("last_at", models.DateTimeField(blank=True, null=True)),
        _nullable(
            "breaches",
            models.PositiveIntegerField(default=0, help_text="number of reports with a value beyond the limit"),
        ),
        migrations.AddField(
            model_name="finding",
            name="request",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="governance.promotionrequest",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="decision",
            field=models.ForeignKey(
                blank=True,
                help_text="the approval of which this is a condition",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="conditions",
                to="governance.decision",
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="source",
            field=models.CharField(
                choices=[
                    ("review", "Review"),
                    ("check", "Check"),
                    ("signal", "Production signal"),
                    ("incident", "Incident"),
                    ("decision", "Condition of an approval"),
                    ("emergency", "Emergency change"),
                    ("change", "Change after promotion"),
                ],
                default="signal",
                max_length=20,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="finding",
            name="severity",
            field=models.CharField(
                choices=[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")],
                default="high",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="title",
            field=models.CharField(
                blank=True, default="", help_text="empty for a signal: the limit is its title", max_length=200
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="finding",
            name="description",
            field=models.TextField(blank=True, default="", help_text="Markdown"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="finding",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                help_text="who is to correct it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="owned_findings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="due",
            field=models.DateField(blank=True, help_text="last day on which it is not late", null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="blocks",
            field=models.JSONField(blank=True, default=list, help_text="slugs of stages, or @ and an alias"),
        ),
        migrations.AddField(
            model_name="finding",
            name="blocks_model",
            field=models.BooleanField(default=False, help_text="blocks every version of the model"),
        ),
        migrations.AddField(
            model_name="finding", name="proposed_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(model_name="finding", name="proposed_by", field=_person()),
        migrations.AddField(
            model_name="finding",
            name="closure_evidence",
            field=models.TextField(blank=True, default="", help_text="what the person who proposes closure shows"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="finding",
            name="closure_attachment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.evidence",
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["model"], name="finding_open_by_model"
            ),
        ),
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["due"], name="finding_open_by_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True), ("source", "signal")),
                fields=("version", "kind", "signal", "slice", "dataset", "direction"),
                name="finding_one_open_per_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True, closed_by__isnull=True)
                | models.Q(closed_at__isnull=False, closed_by__isnull=False) & ~models.Q(closure=""),
                name="finding_closed_by_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=~models.Q(severity="critical")
                | models.Q(closed_at__isnull=True)
                | models.Q(proposed_by__isnull=False) & ~models.Q(proposed_by=models.F("closed_by")),
                name="finding_critical_closed_by_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(proposed_at__isnull=True, proposed_by__isnull=True)
                | models.Q(proposed_at__isnull=False, proposed_by__isnull=False) & ~models.Q(closure_evidence=""),
                name="finding_proposed_by_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | models.Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="finding_acknowledged_by_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    source="signal",
                    version__isnull=False,
                    limit__isnull=False,
                    policy_revision__isnull=False,
                    stage__isnull=False,
                    first_value__isnull=False,
                    first_at__isnull=False,
                    last_value__isnull=False,
                    last_at__isnull=False,
                )
                | ~models.Q(source="signal") & ~models.Q(title="") & models.Q(limit__isnull=True),
                name="finding_of_a_signal_has_a_limit",
            ),
        ),
        migrations.RunSQL(GUARDS),
    ]

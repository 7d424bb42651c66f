"""Production signals of versions, and the findings that breaches of approved limits open."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0003_help_texts"),
        ("registry", "0004_help_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MonitoringFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("kind", models.CharField(max_length=20)),
                ("signal", models.CharField(max_length=200)),
                (
                    "slice",
                    models.CharField(blank=True, help_text="as the policy names it; * for every slice", max_length=200),
                ),
                ("dataset", models.CharField(blank=True, max_length=200)),
                ("direction", models.CharField(help_text="min or max", max_length=3)),
                ("op", models.CharField(max_length=2)),
                ("limit", models.FloatField()),
                ("first_value", models.FloatField()),
                ("first_slice", models.CharField(blank=True, max_length=200)),
                ("first_at", models.DateTimeField(help_text="end of the period of the first value beyond the limit")),
                ("opened_at", models.DateTimeField()),
                ("last_value", models.FloatField(help_text="the latest value beyond the limit")),
                ("last_slice", models.CharField(blank=True, max_length=200)),
                ("last_at", models.DateTimeField()),
                (
                    "breaches",
                    models.PositiveIntegerField(default=1, help_text="number of reports with a value beyond the limit"),
                ),
                (
                    "recovered_at",
                    models.DateTimeField(
                        blank=True, help_text="since when the latest values are within the limit", null=True
                    ),
                ),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("resolution", models.TextField(blank=True, help_text="the reason that the person gave")),
                (
                    "acknowledged_by",
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
                        related_name="findings",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "policy_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.policyrevision"
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.stage"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="FindingMail",
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
                ("created_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "finding",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="governance.monitoringfinding"
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="SignalReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("source", models.CharField(max_length=100)),
                ("format", models.CharField(max_length=20)),
                ("window_from", models.DateTimeField()),
                ("window_to", models.DateTimeField()),
                ("signals", models.PositiveIntegerField(help_text="number of signals")),
                ("sha256", models.CharField(max_length=64)),
                ("unread", models.JSONField(default=list)),
                ("unread_total", models.PositiveIntegerField(default=0)),
                ("reported_at", models.DateTimeField()),
                (
                    "reported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signal_reports",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="SignalSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=200)),
                ("slice", models.CharField(blank=True, max_length=200)),
                ("dataset", models.CharField(blank=True, max_length=200)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signal_series",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "signal series",
                "ordering": ("kind", "name", "slice", "dataset"),
            },
        ),
        migrations.CreateModel(
            name="SignalValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series_id", "at", "report_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(help_text="end of the period that it describes")),
                ("value", models.FloatField()),
                ("sample_size", models.BigIntegerField(blank=True, null=True)),
                (
                    "report",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values",
                        to="governance.signalreport",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values",
                        to="governance.signalseries",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="monitoringfinding",
            index=models.Index(
                condition=models.Q(("resolved_at__isnull", True)), fields=["model"], name="finding_open_by_model"
            ),
        ),
        migrations.AddConstraint(
            model_name="monitoringfinding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=("version", "kind", "signal", "slice", "dataset", "direction"),
                name="finding_one_open_per_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitoringfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", True), ("resolved_by__isnull", True)),
                    models.Q(
                        ("resolved_at__isnull", False),
                        ("resolved_by__isnull", False),
                        models.Q(("resolution", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="finding_resolved_by_a_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitoringfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("acknowledged_at__isnull", True), ("acknowledged_by__isnull", True)),
                    models.Q(("acknowledged_at__isnull", False), ("acknowledged_by__isnull", False)),
                    _connector="OR",
                ),
                name="finding_acknowledged_by_a_person",
            ),
        ),
        migrations.AddIndex(
            model_name="signalreport",
            index=models.Index(fields=["version", "-window_to"], name="signal_report_by_window"),
        ),
        migrations.AddConstraint(
            model_name="signalreport",
            constraint=models.UniqueConstraint(fields=("version", "sha256"), name="signal_report_once"),
        ),
        migrations.AddConstraint(
            model_name="signalreport",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_from__lte", models.F("window_to"))), name="signal_window_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="signalseries",
            constraint=models.UniqueConstraint(
                fields=("version", "kind", "name", "slice", "dataset"), name="signal_series_once"
            ),
        ),
        migrations.RunSQL(_sql("0004_production_signals.sql")),
    ]

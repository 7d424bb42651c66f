"""Delegations of decisions, and the decisions that are signed by one."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0013_policy_reasons"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="on_behalf_of",
            field=models.ForeignKey(
                blank=True,
                help_text="the member whose place the person takes by a delegation",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="groups",
            field=models.JSONField(
                default=list,
                help_text="slugs of the policy's groups in which the decision counts, as of when it was signed",
            ),
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                (
                    "groups",
                    models.JSONField(blank=True, default=list, help_text="slugs of reviewer groups; empty for all"),
                ),
                ("model_uids", models.JSONField(blank=True, default=list, help_text="uids of models; empty for all")),
                ("tiers", models.JSONField(blank=True, default=list, help_text="risk tiers; empty for all")),
                ("valid_from", models.DateTimeField()),
                ("valid_until", models.DateTimeField()),
                ("reason", models.TextField(blank=True)),
                ("signed_name", models.CharField(max_length=200)),
                ("signed_meaning", models.TextField()),
                (
                    "delegate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="delegations_received",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delegator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="delegations_given",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="delegation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="governance.delegation",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce("on_behalf_of", "person"),
                models.F("request"),
                condition=models.Q(("lapsed_at__isnull", True)),
                name="decision_one_standing_per_member",
                violation_error_code="already_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("delegation__isnull", True), ("on_behalf_of__isnull", True)),
                    models.Q(
                        ("delegation__isnull", False),
                        ("on_behalf_of__isnull", False),
                        models.Q(("on_behalf_of", models.F("person")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="decision_by_delegation",
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["delegator"], name="delegation_by"
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["delegate"], name="delegation_to"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("valid_until__gt", models.F("valid_from"))),
                name="delegation_span",
                violation_error_code="ends_before_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("delegate", models.F("delegator")), _negated=True),
                name="delegation_to_another",
                violation_error_code="to_oneself",
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="delegation_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.RunSQL(_sql("0014_delegations.sql")),
    ]

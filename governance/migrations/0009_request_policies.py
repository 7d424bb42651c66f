"""Every policy revision that governs a promotion request, and why. Existing requests keep the one they have."""

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event

# Each request that has a policy was made under it; its own event accounts for the row. A policy that governs a move
# to an unprotected stage governs leaving the stage the version is in. The guards follow after.
FILL = """
INSERT INTO public.governance_requestpolicy (request_id, policy_revision_id, basis, added_at, event)
SELECT r.id, r.policy_revision_id, CASE WHEN r.target_alias <> '' OR t.protected THEN 'target' ELSE 'leaving' END,
       r.created_at, e.event_id
  FROM public.governance_promotionrequest r
  LEFT JOIN public.registry_stage t ON t.id = r.target_stage_id
  JOIN public.audit_event e ON e.touched @> ARRAY['promotion:' || r.uid] AND e.action = 'promotion.requested'
 WHERE r.policy_revision_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0008_webhooks"),
    ]

    operations = [
        migrations.CreateModel(
            name="RequestPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("target", "the target"),
                            ("leaving", "leaving the stage it is in"),
                            ("represented_stage", "the stage the alias represents"),
                            ("tier", "a stricter risk tier while it was open"),
                            ("newer_revision", "a stricter revision published while it was open"),
                        ],
                        max_length=20,
                    ),
                ),
                ("added_at", models.DateTimeField()),
                ("event", models.UUIDField(help_text="the event that recorded it")),
                (
                    "policy_revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="governed",
                        to="governance.policyrevision",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(fields=("request", "policy_revision", "basis"), name="request_policy_once")
                ],
            },
        ),
        migrations.RunSQL(FILL, reverse_sql=migrations.RunSQL.noop),
        require_event("governance_requestpolicy", "promotion", via=("request_id", "governance_promotionrequest")),
        refuse_delete("governance_requestpolicy", "A request keeps every policy that governs it."),
        immutable_columns("governance_requestpolicy", "request_id", "policy_revision_id", "basis", "added_at", "event"),
    ]

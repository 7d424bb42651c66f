"""A policy revision comes into force with the signature of a second officer."""

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns

# Once the set-up of the installation is confirmed, the revision in force changes with the confirmed proposal it came
# from only, in the transaction of the confirmation.
BY_TWO = """
BEGIN
    IF NEW.in_force_id IS NULL
       OR (TG_OP = 'UPDATE' AND NEW.in_force_id IS NOT DISTINCT FROM OLD.in_force_id)
       OR NOT EXISTS (SELECT FROM public.registry_instance WHERE setup_confirmed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.governance_policyrevision r
          JOIN public.registry_changeproposal p ON p.id = r.proposal_id
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE r.id = NEW.in_force_id AND r.policy_id = NEW.id
           AND p.kind = 'policy.publication' AND p.outcome = 'confirmed' AND p.subject_id = NEW.slug
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'policy % comes into force with a confirmed proposal only', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.policies.propose.';
    END IF;
    RETURN NULL;
END
"""
GUARD = (
    (
        "CREATE FUNCTION public.governance_policy_by_two() RETURNS trigger LANGUAGE plpgsql "
        f"SET search_path = pg_catalog, pg_temp AS $${BY_TWO}$$"
    ),
    "SELECT fence.take('public.governance_policy_by_two()'::regprocedure)",
    (
        "CREATE CONSTRAINT TRIGGER governance_policy_by_two AFTER INSERT OR UPDATE ON public.governance_policy "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_policy_by_two()"
    ),
    "ALTER TABLE public.governance_policy ENABLE ALWAYS TRIGGER governance_policy_by_two",
    "SELECT fence.seal('public.governance_policy'::regclass, 'governance_policy_by_two')",
)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0009_request_policies"),
        ("registry", "0015_change_proposals"),
    ]

    operations = [
        migrations.AddField(
            model_name="policyrevision",
            name="confirmed_by",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="pseudonymous id of the officer who put it in force; empty for the set-up",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="policyrevision",
            name="proposal",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="policy_revision",
                to="registry.changeproposal",
            ),
        ),
        migrations.AlterField(
            model_name="policyrevision",
            name="published_by",
            field=models.CharField(help_text="pseudonymous id of the actor who proposed it", max_length=40),
        ),
        immutable_columns("governance_policyrevision", "confirmed_by", "proposal_id"),
        migrations.RunSQL(GUARD),
    ]

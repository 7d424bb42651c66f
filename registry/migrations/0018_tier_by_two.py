"""An assessed risk tier becomes less strict with a confirmed proposal only."""

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns

# A tier that rests on an assessment is the tier of that assessment. It is never taken away, and becomes less strict in
# the transaction that confirms a proposal of that tier for the model.
BY_TWO = """
BEGIN
    IF NEW.tier_basis_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.registry_assessment a
         WHERE a.id = NEW.tier_basis_id AND a.model_id = NEW.id AND a.tier = NEW.risk_tier) THEN
        RAISE EXCEPTION 'the tier of model % is not that of the assessment it names', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.assessments.assess.';
    END IF;
    IF OLD.tier_basis_id IS NULL THEN
        RETURN NULL;
    END IF;
    IF NEW.tier_basis_id IS NULL THEN
        RAISE EXCEPTION 'the assessed tier of model % cannot be taken away', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Assess the model again.';
    END IF;
    IF NEW.risk_tier > OLD.risk_tier AND NOT EXISTS (
        SELECT FROM public.registry_changeproposal p
          JOIN public.registry_user u ON u.id = p.proposed_by_id
          JOIN public.audit_event e ON e.event_id = p.closed_event
         WHERE p.kind = 'model.tier_lowering' AND p.outcome = 'confirmed' AND p.model_id = NEW.id
           AND p.payload ->> 'tier' = NEW.risk_tier::text AND (p.single_officer OR p.closed_by <> u.uid)
           AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'the tier of model % becomes less strict with a confirmed proposal only', NEW.slug
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.tier_lowering.submit.';
    END IF;
    RETURN NULL;
END
"""
GUARD = (
    (
        "CREATE FUNCTION public.registry_tier_by_two() RETURNS trigger LANGUAGE plpgsql "
        f"SET search_path = pg_catalog, pg_temp AS $${BY_TWO}$$"
    ),
    "SELECT fence.take('public.registry_tier_by_two()'::regprocedure)",
    (
        "CREATE CONSTRAINT TRIGGER registry_tier_by_two AFTER UPDATE ON public.registry_registeredmodel "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.risk_tier IS DISTINCT FROM NEW.risk_tier "
        "OR OLD.tier_basis_id IS DISTINCT FROM NEW.tier_basis_id) EXECUTE FUNCTION public.registry_tier_by_two()"
    ),
    "ALTER TABLE public.registry_registeredmodel ENABLE ALWAYS TRIGGER registry_tier_by_two",
    "SELECT fence.seal('public.registry_registeredmodel'::regclass, 'registry_tier_by_two')",
)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0017_registered_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="assessment",
            name="proposal",
            field=models.OneToOneField(
                blank=True,
                help_text="the confirmed proposal of a tier that lowers; empty where one person sufficed",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assessment",
                to="registry.changeproposal",
            ),
        ),
        immutable_columns("registry_assessment", "proposal_id"),
        migrations.RunSQL(GUARD),
    ]

"""A protected stage is left under a policy that applies to leaving this stage for the target."""

from django.db import migrations

# Beside governance_leaving_needs_promotion, which asks for some policy bound with the basis "leaving": a version can
# have moved since the policy for leaving its former stage was bound. As governance.policies.paths: a document with
# `from` covers the sources and targets it names, or every target; one without covers the unprotected targets it names.
GUARD = """
DECLARE
    left_stage public.registry_stage;
    entered public.registry_stage;
    request public.governance_promotionrequest;
BEGIN
    SELECT s.* INTO left_stage FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
     WHERE o.version_id = NEW.version_id AND o.closed_event = NEW.opened_event AND o.id <> NEW.id
     ORDER BY o.id DESC LIMIT 1;
    IF NOT FOUND OR left_stage.id = NEW.stage_id
       OR NOT (left_stage.protected OR left_stage.protected_exit) OR NEW.before_governance THEN
        RETURN NULL;
    END IF;
    SELECT * INTO entered FROM public.registry_stage WHERE id = NEW.stage_id;
    SELECT * INTO request FROM public.governance_promotionrequest WHERE uid = NEW.promotion;
    -- What another version displaces leaves by that version's request; from one protected stage to another the policy
    -- for entering is enough where the exit is not protected.
    IF request.version_id <> NEW.version_id OR (entered.protected AND NOT left_stage.protected_exit) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.governance_requestpolicy b
          JOIN public.governance_policyrevision r ON r.id = b.policy_revision_id
          CROSS JOIN LATERAL (SELECT r.document -> 'applies_to' AS said) d
         WHERE b.request_id = request.id AND b.basis = 'leaving'
           AND CASE WHEN jsonb_array_length(coalesce(said -> 'from', '[]')) > 0 THEN
                   said -> 'from' ? left_stage.slug
                   AND (jsonb_array_length(coalesce(said -> 'stages', '[]')) = 0 OR said -> 'stages' ? entered.slug)
               ELSE said -> 'stages' ? entered.slug AND NOT entered.protected END
    ) THEN
        RAISE EXCEPTION 'the policy for leaving another stage does not let a version leave %', left_stage.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
"""
NAME = "governance_leaving_names_its_source"


class Migration(migrations.Migration):
    dependencies = [("governance", "0018_settlement_failures")]

    operations = [
        migrations.RunSQL(
            (
                (
                    f"CREATE FUNCTION public.{NAME}() RETURNS trigger LANGUAGE plpgsql "
                    f"SET search_path = pg_catalog, pg_temp AS $${GUARD}$$"
                ),
                f"SELECT fence.take('public.{NAME}()'::regprocedure)",
                "SET CONSTRAINTS ALL IMMEDIATE",
                "SET CONSTRAINTS ALL DEFERRED",
                (
                    f"CREATE CONSTRAINT TRIGGER {NAME} AFTER INSERT ON public.registry_stageoccupancy "
                    f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.{NAME}()"
                ),
                f"ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER {NAME}",
                f"SELECT fence.seal('public.registry_stageoccupancy'::regclass, '{NAME}')",
            ),
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]

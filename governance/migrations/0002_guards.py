"""The fence of the deciding storey: no change without its event, facts that stay facts, and no version in a protected
stage without the promoted request that put it there."""

from django.db import migrations

from audit.migration_guards import EventRequirement, allow_close_only, immutable_columns, refuse_delete, require_event

PROMOTION = ("request_id", "governance_promotionrequest")

OCCUPANCY_NEEDS_PROMOTION = """
CREATE FUNCTION public.governance_require_promotion() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF (SELECT protected FROM public.registry_stage WHERE id = NEW.stage_id) AND NOT EXISTS (
        SELECT 1 FROM public.governance_promotionrequest AS request
        WHERE request.uid = NEW.promotion AND request.version_id = NEW.version_id AND request.state = 'promoted'
    ) THEN
        RAISE EXCEPTION 'a protected stage is entered by a promoted request only'
            USING ERRCODE = '23514', CONSTRAINT = 'occupancy_needs_promotion',
            HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION public.governance_alias_needs_promotion() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM public.registry_protectedalias WHERE name = NEW.name) AND NOT EXISTS (
        SELECT 1 FROM public.governance_promotionrequest AS request
        WHERE request.uid = NEW.promotion AND request.version_id = NEW.version_id
            AND request.target_alias = NEW.name AND request.state = 'promoted'
    ) THEN
        RAISE EXCEPTION 'a protected alias is set by a promoted request only'
            USING ERRCODE = '23514', CONSTRAINT = 'alias_needs_promotion',
            HINT = 'Ask with governance.promotions.request; the gate sets the alias.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER governance_alias_needs_promotion AFTER INSERT ON public.registry_aliasassignment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_alias_needs_promotion();
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER governance_alias_needs_promotion;
SELECT fence.take('public.governance_alias_needs_promotion()'::regprocedure);
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'governance_alias_needs_promotion');
CREATE CONSTRAINT TRIGGER governance_occupancy_needs_promotion AFTER INSERT ON public.registry_stageoccupancy
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.governance_require_promotion();
ALTER TABLE public.registry_stageoccupancy ENABLE ALWAYS TRIGGER governance_occupancy_needs_promotion;
SELECT fence.take('public.governance_require_promotion()'::regprocedure);
SELECT fence.seal('public.registry_stageoccupancy'::regclass, 'governance_occupancy_needs_promotion');
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial"), ("registry", "0002_guards"), ("audit", "0001_initial")]

    operations = [
        require_event("governance_policy", "policy"),
        refuse_delete("governance_policy", "Publish a revision instead; what a policy said stays."),
        require_event("governance_policyrevision", "policy_revision"),
        refuse_delete("governance_policyrevision", "Publish the next revision instead."),
        immutable_columns(
            "governance_policyrevision",
            "uid",
            "policy_id",
            "number",
            "source",
            "document",
            "digest",
            "published_at",
            "published_by",
        ),
        require_event("governance_promotionrequest", "promotion"),
        refuse_delete("governance_promotionrequest", "Withdraw the request instead."),
        immutable_columns(
            "governance_promotionrequest",
            "uid",
            "model_id",
            "version_id",
            "source_stage_id",
            "target_stage_id",
            "target_alias",
            "champion_id",
            "reason",
            "policy_revision_id",
            "requested_by_id",
            "requested_with_id",
            "created_at",
        ),
        require_event("governance_packet", "promotion", via=PROMOTION),
        refuse_delete("governance_packet", "What an approver was shown is kept for good."),
        immutable_columns("governance_packet", "request_id", "digest", "body", "created_at"),
        require_event("governance_decision", "decision", alternatives=[EventRequirement("promotion", via=PROMOTION)]),
        refuse_delete("governance_decision", "A decision lapses; it is never taken away."),
        allow_close_only("governance_decision", "lapsed_at", "lapsed_event"),
        migrations.RunSQL(OCCUPANCY_NEEDS_PROMOTION, reverse_sql=migrations.RunSQL.noop),
    ]

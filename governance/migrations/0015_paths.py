"""Leaving a protected stage, and receiving an alias outside the stage it represents, need their own policy."""

from django.db import migrations

FUNCTIONS = {
    # What leaves a protected stage does so by a promoted request under a policy: one for leaving it, where the exit is
    # protected or the target is not; or the request that put another version of the model in its place.
    "governance_leaving_needs_promotion": """
DECLARE
    left_stage public.registry_stage;
    request public.governance_promotionrequest;
BEGIN
    SELECT s.* INTO left_stage FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
     WHERE o.version_id = NEW.version_id AND o.closed_event = NEW.opened_event AND o.id <> NEW.id
     ORDER BY o.id DESC LIMIT 1;
    -- An approval that is renewed where the version is opens another occupancy of the same stage.
    IF NOT FOUND OR left_stage.id = NEW.stage_id
       OR NOT (left_stage.protected OR left_stage.protected_exit) OR NEW.before_governance THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND model_id = NEW.model_id AND state = 'promoted' AND policy_revision_id IS NOT NULL;
    IF NOT FOUND OR NOT (CASE
        WHEN request.version_id <> NEW.version_id THEN request.target_stage_id = left_stage.id
        WHEN request.target_stage_id <> NEW.stage_id THEN false
        ELSE NOT (left_stage.protected_exit
                  OR NOT (SELECT protected FROM public.registry_stage WHERE id = NEW.stage_id))
             OR EXISTS (SELECT FROM public.governance_requestpolicy
                         WHERE request_id = request.id AND basis = 'leaving')
    END) THEN
        RAISE EXCEPTION 'a protected stage is left by a promoted request under a policy for leaving it only'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
""",
    # An alias that represents a protected stage is received in that stage, or by a request that the policy for entering
    # the stage governs as well; one that carries the stage's name, by such a request always.
    "governance_alias_in_its_stage": """
DECLARE
    request public.governance_promotionrequest;
BEGIN
    IF NEW.before_governance OR NOT EXISTS (
        SELECT FROM public.registry_stage s
         WHERE s.protected
           AND ((lower(NEW.name) IN (lower(s.slug), lower(s.name)))
             OR (s.id = (SELECT stage_id FROM public.registry_protectedalias WHERE name = NEW.name)
                 AND NOT EXISTS (SELECT FROM public.registry_stageoccupancy o
                                  WHERE o.version_id = NEW.version_id AND o.stage_id = s.id
                                    AND o.opened_at <= NEW.opened_at
                                    AND (o.closed_at IS NULL OR o.closed_at >= NEW.opened_at))))
    ) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND version_id = NEW.version_id AND target_alias = NEW.name AND state = 'promoted';
    IF NOT FOUND OR NOT EXISTS (SELECT FROM public.governance_requestpolicy
                                 WHERE request_id = request.id AND basis = 'represented_stage') THEN
        RAISE EXCEPTION 'the alias % represents a stage: it is received there, or under the policy for entering it',
            NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate sets the alias.';
    END IF;
    RETURN NULL;
END
""",
}


def function(name):
    head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    return migrations.RunSQL(
        (f"{head} AS $${FUNCTIONS[name]}$$", f"SELECT fence.take('public.{name}()'::regprocedure)"),
        reverse_sql=migrations.RunSQL.noop,
    )


def guard(table, name):
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON public.{table} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW EXECUTE FUNCTION public.{name}()"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("governance", "0014_guards_of_content"), ("registry", "0022_represented_stages")]

    operations = [
        function("governance_leaving_needs_promotion"),
        guard("registry_stageoccupancy", "governance_leaving_needs_promotion"),
        function("governance_alias_in_its_stage"),
        guard("registry_aliasassignment", "governance_alias_in_its_stage"),
    ]

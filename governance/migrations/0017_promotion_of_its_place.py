"""A promotion places one version, once: a stay or a pointed alias names the promotion that its own event ended."""

from django.db import migrations

# A promotion is used by one event: the one that carried it out. Its rows are that version in that place and, where the
# place holds one version, the version that left for it.
GUARD = """
DECLARE
    request public.governance_promotionrequest;
    placed jsonb := to_jsonb(NEW);
    broken text;
BEGIN
    IF NEW.promotion IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM public.governance_promotionrequest
     WHERE uid = NEW.promotion AND model_id = NEW.model_id AND state = 'promoted';
    IF NOT FOUND THEN
        broken := 'it names no promoted request of its model';
    ELSIF NOT coalesce(CASE
        WHEN TG_TABLE_NAME = 'registry_aliasassignment' THEN
            request.version_id = NEW.version_id AND request.target_alias = placed ->> 'name'
        WHEN request.version_id = NEW.version_id THEN request.target_stage_id = (placed ->> 'stage_id')::bigint
        ELSE EXISTS (SELECT FROM public.registry_stage s
                      WHERE s.id = request.target_stage_id AND s.displaced_to_id = (placed ->> 'stage_id')::bigint)
        END, false) THEN
        broken := 'its promotion was asked for another place';
    ELSIF EXISTS (SELECT FROM public.registry_stageoccupancy o
                   WHERE o.model_id = NEW.model_id AND o.promotion = NEW.promotion
                     AND o.opened_event <> NEW.opened_event)
       OR EXISTS (SELECT FROM public.registry_aliasassignment a
                   WHERE a.model_id = NEW.model_id AND a.promotion = NEW.promotion
                     AND a.opened_event <> NEW.opened_event) THEN
        broken := 'its promotion was carried out before';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a row of % is refused: %', TG_TABLE_NAME, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request; the gate moves the version.';
    END IF;
    RETURN NULL;
END
"""
NAME = "governance_promotion_of_its_place"


def guard(table):
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE CONSTRAINT TRIGGER {NAME} AFTER INSERT ON public.{table} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW EXECUTE FUNCTION public.{NAME}()"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {NAME}",
            f"SELECT fence.seal('public.{table}'::regclass, '{NAME}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("governance", "0016_closed_requests_and_revisions")]

    operations = [
        migrations.RunSQL(
            (
                (
                    f"CREATE FUNCTION public.{NAME}() RETURNS trigger LANGUAGE plpgsql "
                    f"SET search_path = pg_catalog, pg_temp AS $${GUARD}$$"
                ),
                f"SELECT fence.take('public.{NAME}()'::regprocedure)",
            ),
            reverse_sql=migrations.RunSQL.noop,
        ),
        guard("registry_stageoccupancy"),
        guard("registry_aliasassignment"),
    ]

"""What was promoted before governance: a mark on promotions and places, and what it takes to carry it."""

from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import immutable_columns

FUNCTIONS = {
    # What is said to have been promoted before governance is what an import record says, and nothing else: a version
    # brought from elsewhere, into the place it had there. And whatever else entered a protected place was judged by a
    # policy. Asked when the request is made or closed, at the end of the transaction.
    "governance_promoted_by_right": """
DECLARE
    broken text;
BEGIN
    IF NEW.before_governance THEN
        IF NOT EXISTS (
            SELECT FROM public.registry_importrecord r
             LEFT JOIN public.registry_stage s ON s.id = NEW.target_stage_id
             WHERE r.version_id = NEW.version_id
               AND CASE WHEN s.id IS NULL THEN NEW.target_alias = ANY (r.aliases)
                        ELSE lower(r.stage) = lower(s.name) END
        ) THEN
            broken := 'no import record says that the version was there before it came here';
        ELSIF EXISTS (SELECT FROM public.governance_decision WHERE request_id = NEW.id)
           OR EXISTS (SELECT FROM public.governance_checkrun WHERE request_id = NEW.id) THEN
            broken := 'what was promoted before governance has neither checks nor decisions';
        END IF;
    ELSIF NEW.state = 'promoted' AND NEW.policy_revision_id IS NULL AND (
        EXISTS (SELECT FROM public.registry_stage WHERE id = NEW.target_stage_id AND protected)
        OR EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.target_alias)
    ) THEN
        broken := 'a protected stage or alias is reached under a policy';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'promotion % refused: %', NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
    END IF;
    RETURN NULL;
END
""",
    # A place says that it was held before governance if and only if the promotion that put the version there does, and
    # such a promotion puts it there and nowhere else.
    "governance_place_says_how": """
DECLARE
    request public.governance_promotionrequest;
BEGIN
    SELECT * INTO request FROM public.governance_promotionrequest WHERE uid = NEW.promotion;
    IF NEW.before_governance IS DISTINCT FROM coalesce(request.before_governance, false)
       OR (NEW.before_governance AND NOT (
            request.version_id = NEW.version_id
            AND (to_jsonb(NEW) ->> 'stage_id')::bigint IS NOT DISTINCT FROM request.target_stage_id
            AND coalesce(to_jsonb(NEW) ->> 'name', '') = request.target_alias)) THEN
        RAISE EXCEPTION 'a row of % does not say how the version came there', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.promotions.';
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


def guard(table, name, when):
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE CONSTRAINT TRIGGER {name} {when} ON public.{table} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW EXECUTE FUNCTION public.{name}()"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_frozen_document"),
        ("registry", "0011_import_records"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="promotionrequest",
            name="before_governance",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="not asked for, checked or approved here: it stood so where it was brought from",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("before_governance", False),
                    models.Q(
                        ("champion__isnull", True),
                        ("packet_digest", ""),
                        ("policy_revision__isnull", True),
                        ("state", "promoted"),
                    ),
                    _connector="OR",
                ),
                name="promotion_before_governance_is_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("before_governance", True)),
                fields=("version", "target_stage", "target_alias"),
                name="promotion_one_before_governance",
                nulls_distinct=False,
                violation_error_code="already_there",
            ),
        ),
        immutable_columns("governance_promotionrequest", "before_governance"),
        function("governance_promoted_by_right"),
        guard("governance_promotionrequest", "governance_promoted_by_right", "AFTER INSERT OR UPDATE OF state"),
        function("governance_place_says_how"),
        guard("registry_stageoccupancy", "governance_place_says_how", "AFTER INSERT"),
        guard("registry_aliasassignment", "governance_place_says_how", "AFTER INSERT"),
    ]

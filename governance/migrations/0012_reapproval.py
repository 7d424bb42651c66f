"""Approving a version again in the place it holds; no unreviewed file and no unnamed addition in a protected place."""

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns

HELD = """
    SELECT o.stage_id, ''::varchar AS alias, o.promotion, o.before_governance FROM public.registry_stageoccupancy o
      JOIN public.registry_stage s ON s.id = o.stage_id AND s.protected
     WHERE o.version_id = about AND o.closed_at IS NULL
    UNION ALL
    SELECT NULL, a.name, a.promotion, a.before_governance FROM public.registry_aliasassignment a
      JOIN public.registry_protectedalias p ON p.name = a.name
     WHERE a.version_id = about AND a.closed_at IS NULL"""

FUNCTIONS = {
    # What a version consists of grows, while the version holds a place since before governance, only together with a
    # live request to approve it there: asked at the end of the transaction. A version in a place by a promotion of this
    # registry takes nothing at all, see registry_while_open. Argument: the version's column.
    "governance_attached_under_review": """
DECLARE
    about bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
BEGIN
    IF EXISTS (
        SELECT FROM (HELD) held
         WHERE held.before_governance AND NOT EXISTS (
            SELECT FROM public.governance_promotionrequest r
             WHERE r.version_id = about AND r.state IN ('open', 'blocked', 'ready')
               AND r.target_stage_id IS NOT DISTINCT FROM held.stage_id AND r.target_alias = held.alias)
    ) THEN
        RAISE EXCEPTION 'a version in a protected place takes nothing that no promotion request covers'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.evidence.attach_file.';
    END IF;
    RETURN NULL;
END
""",
    # Whatever changes the fingerprint of a version in a protected place names the promotion it deviates from.
    "governance_addition_names_promotion": """
DECLARE
    about bigint := NEW.id;
BEGIN
    IF EXISTS (
        SELECT FROM (HELD) held
         WHERE held.promotion IS NOT NULL AND NOT EXISTS (
            SELECT FROM public.audit_event e
             WHERE e.touched @> ARRAY['promotion:' || held.promotion::text, 'version:' || NEW.uid::text]
               AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp())
    ) THEN
        RAISE EXCEPTION 'the inputs of version % change without an event that names its promotion', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use governance.services.evidence.';
    END IF;
    RETURN NULL;
END
""",
}


def function(name):
    head = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    return migrations.RunSQL(
        (
            f"{head} AS $${FUNCTIONS[name].replace('(HELD)', f'({HELD})')}$$",
            f"SELECT fence.take('public.{name}()'::regprocedure)",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


def guard(table, name, when, call, *, condition="TRUE", deferred=True):
    kind, deferral = ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED ") if deferred else ("TRIGGER", "")
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            (
                f"CREATE {kind} {name} {when} ON public.{table} {deferral}FOR EACH ROW WHEN ({condition}) "
                f"EXECUTE FUNCTION public.{call}"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


REVIEWED = "governance_attached_under_review"
NAMED = "governance_addition_names_promotion"
CLOSED = "audit_refuse('what a closed request was about stays', 'Open a new request for what the version has now.')"


class Migration(migrations.Migration):
    dependencies = [("governance", "0011_pdf_files"), ("registry", "0016_contributions")]

    operations = [
        migrations.AddField(
            model_name="promotionrequest",
            name="reapproves",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text=(
                    "the promotion behind the place that the version holds already, and is to be approved in again"
                ),
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reapprovals",
                to="governance.promotionrequest",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reapproves__isnull", True),
                    models.Q(("before_governance", False), ("target_stage", models.F("source_stage"))),
                    models.Q(("before_governance", False), models.Q(("target_alias", ""), _negated=True)),
                    _connector="OR",
                ),
                name="promotion_reapproval_moves_nothing",
            ),
        ),
        immutable_columns("governance_promotionrequest", "reapproves_id"),
        guard(
            "governance_promotionrequest",
            "governance_closed_keeps_fingerprint",
            "BEFORE UPDATE",
            CLOSED,
            condition="OLD.fingerprint <> NEW.fingerprint AND OLD.state NOT IN ('open', 'blocked', 'ready')",
            deferred=False,
        ),
        function(REVIEWED),
        guard("registry_artifact", REVIEWED, "AFTER INSERT", f"{REVIEWED}('version_id')"),
        guard("registry_datasetreference", REVIEWED, "AFTER INSERT", f"{REVIEWED}('version_id')"),
        guard("registry_modelversion_parents", REVIEWED, "AFTER INSERT", f"{REVIEWED}('from_modelversion_id')"),
        function(NAMED),
        guard(
            "registry_modelversion",
            NAMED,
            "AFTER UPDATE",
            f"{NAMED}()",
            condition="OLD.fingerprint <> NEW.fingerprint AND OLD.status = 'registered'",
        ),
    ]

"""What a promotion was requested for under a policy is neither deleted nor renamed."""

from django.db import migrations

REQUESTED = """
BEGIN
    IF EXISTS (
        SELECT FROM public.governance_promotionrequest r
         WHERE r.policy_revision_id IS NOT NULL
           AND CASE WHEN TG_TABLE_NAME = 'registry_modelversion' THEN NEW.id IN (r.version_id, r.champion_id)
                    ELSE r.model_id = NEW.id END) THEN
        RAISE EXCEPTION '% of % refused: a promotion was requested under a policy', TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
    END IF;
    RETURN NULL;
END
"""
GUARDED = (
    ("registry_modelversion", "governance_deleted_unrequested", "deleted_at"),
    ("registry_registeredmodel", "governance_deleted_unrequested", "deleted_at"),
    ("registry_registeredmodel", "governance_renamed_unrequested", "renamed"),
)


def guard(table, name, column):
    return migrations.RunSQL(
        (
            (
                f"CREATE TRIGGER {name} AFTER UPDATE ON public.{table} FOR EACH ROW "
                f"WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) "
                "EXECUTE FUNCTION public.governance_deleted_unrequested()"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("governance", "0020_check_error_label"), ("registry", "0025_deletion")]

    operations = [
        migrations.RunSQL(
            (
                (
                    "CREATE FUNCTION public.governance_deleted_unrequested() RETURNS trigger LANGUAGE plpgsql "
                    f"SET search_path = pg_catalog, pg_temp AS $${REQUESTED}$$"
                ),
                "SELECT fence.take('public.governance_deleted_unrequested()'::regprocedure)",
            ),
            reverse_sql=migrations.RunSQL.noop,
        ),
        *(guard(*of) for of in GUARDED),
    ]

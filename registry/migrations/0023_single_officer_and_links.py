"""A single officer is declared by a transaction of its own; the secret of a sign-in link that left stays what it is."""

from django.db import migrations

FUNCTIONS = {
    # The declaration changes under the event that names it, which is there already, and not around a confirmation that
    # rests on it: neither before it nor after it in one transaction.
    "registry_single_officer_declared": """
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.single_officer = NEW.single_officer
       OR TG_OP = 'INSERT' AND NOT NEW.single_officer THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND e.touched @> ARRAY['instance:' || NEW.uid::text]
           AND e.action = CASE WHEN NEW.single_officer THEN 'instance.single_officer_declared'
                               ELSE 'instance.single_officer_ended' END
           AND convert_from(e.leaf, 'UTF8')::jsonb -> 'changes'
               @> jsonb_build_array(jsonb_build_object('field', 'single_officer', 'to', NEW.single_officer))) THEN
        RAISE EXCEPTION '% of % refused: no event of this transaction names the change of single_officer',
            TG_OP, TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.instance.';
    END IF;
    -- A visible row that is no older than this transaction was written by it.
    IF EXISTS (SELECT FROM public.registry_changeproposal p
                WHERE p.outcome = 'confirmed' AND p.single_officer
                  AND age(p.xmin) <= age(pg_current_xact_id()::xid)) THEN
        RAISE EXCEPTION 'single_officer does not change in the transaction of a confirmation that rests on it'
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Commit the confirmation first.';
    END IF;
    RETURN NULL;
END
""",
    "registry_confirmed_by_single_officer": """
BEGIN
    IF NEW.outcome = 'confirmed' AND NEW.single_officer AND EXISTS (
        SELECT FROM public.audit_event e
         WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
           AND e.action IN ('instance.single_officer_declared', 'instance.single_officer_ended')) THEN
        RAISE EXCEPTION 'confirmation of change proposal % refused: its transaction changes single_officer', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Commit the declaration of a single officer first.';
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


def guard(table, name, when, call=None):
    return migrations.RunSQL(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION public.{call or name + '()'}",
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


# A message that could not be sent gets a fresh secret; a link that was shown, or whose message left, keeps its own.
LEFT = (
    "OLD.digest IS DISTINCT FROM NEW.digest AND (OLD.way <> 'mailed' OR OLD.mailed_at IS NOT NULL "
    "OR OLD.used_at IS NOT NULL OR OLD.ended_at IS NOT NULL)"
)
KEPT = "audit_refuse('the secret of a link that left stays', 'Issue a new link; it ends this one.')"


class Migration(migrations.Migration):
    dependencies = [("registry", "0022_represented_stages")]

    operations = [
        function("registry_single_officer_declared"),
        guard(
            "registry_instance",
            "registry_single_officer_declared",
            "AFTER INSERT OR UPDATE ON public.registry_instance FOR EACH ROW",
        ),
        function("registry_confirmed_by_single_officer"),
        guard(
            "registry_changeproposal",
            "registry_confirmed_by_single_officer",
            "AFTER INSERT OR UPDATE ON public.registry_changeproposal FOR EACH ROW",
        ),
        guard(
            "registry_signinlink",
            "registry_link_keeps_digest",
            f"BEFORE UPDATE ON public.registry_signinlink FOR EACH ROW WHEN ({LEFT})",
            KEPT,
        ),
    ]

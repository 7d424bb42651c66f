"""The guard of columns that give or take power: the event that accounts for their change names column and new value."""

from django.db import migrations

# Arguments: the type of the thing, the column of its uid, then the guarded columns. A new row is held to those of its
# guarded columns that are true.
FUNCTION = """
CREATE FUNCTION public.audit_require_named_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    was jsonb := coalesce(to_jsonb(OLD), '{}');
    became jsonb := to_jsonb(NEW);
    named text;
BEGIN
    SELECT name INTO named FROM unnest(TG_ARGV[2:]) AS name
     WHERE CASE WHEN TG_OP = 'INSERT' THEN became -> name = 'true' ELSE was -> name IS DISTINCT FROM became -> name END
       AND NOT EXISTS (
            SELECT FROM public.audit_event e
             WHERE e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()
               AND e.touched @> ARRAY[TG_ARGV[0] || ':' || (became ->> TG_ARGV[1])]
               AND convert_from(e.leaf, 'UTF8')::jsonb -> 'changes'
                   @> jsonb_build_array(jsonb_build_object('field', name, 'to', became -> name)))
     LIMIT 1;
    IF named IS NOT NULL THEN
        RAISE EXCEPTION '% of % refused: no event of this transaction names the change of %',
            TG_OP, TG_TABLE_NAME, named
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Its event has Change(column, before, after) with the value that is written.';
    END IF;
    RETURN NULL;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL((FUNCTION, "SELECT fence.take('public.audit_require_named_change()'::regprocedure)")),
    ]

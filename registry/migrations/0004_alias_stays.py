"""A protected alias never points nowhere: it is closed only in the transaction that points it elsewhere."""

from django.db import migrations

STAYS = """
CREATE FUNCTION public.registry_protected_alias_stays() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL
        AND EXISTS (SELECT FROM public.registry_protectedalias WHERE name = NEW.name)
        AND NOT EXISTS (SELECT FROM public.registry_aliasassignment
                         WHERE model_id = NEW.model_id AND name = NEW.name AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'the alias % is protected and never points nowhere', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Point it at another version with governance.promotions.request.';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER registry_protected_alias_stays AFTER UPDATE ON public.registry_aliasassignment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.registry_protected_alias_stays();
ALTER TABLE public.registry_aliasassignment ENABLE ALWAYS TRIGGER registry_protected_alias_stays;
SELECT fence.take('public.registry_protected_alias_stays()'::regprocedure);
SELECT fence.seal('public.registry_aliasassignment'::regclass, 'registry_protected_alias_stays');
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_dataset_identity")]

    operations = [migrations.RunSQL(STAYS, reverse_sql=migrations.RunSQL.noop)]

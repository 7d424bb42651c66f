"""What was never governed can be deleted and renamed: the rows stay, and their names are free again."""

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Coalesce

from audit.migration_guards import write_once_columns

MODEL = "registry_registeredmodel"
VERSION = "registry_modelversion"
NAME = "registry_registeredname"

FUNCTIONS = {
    # At commit, what was deleted or renamed was never governed: never in a protected place, never imported, never
    # assessed, and no version that is there was made from it; and the event of this transaction says so. Arguments: the
    # action, and whether versions of the model itself that name others of it count.
    "registry_deleted_ungoverned": """
DECLARE
    of_version boolean := TG_TABLE_NAME = 'registry_modelversion';
    thing text := CASE WHEN of_version THEN 'version:' ELSE 'model:' END || NEW.uid;
    concerned bigint[] := CASE WHEN of_version THEN ARRAY[NEW.id] ELSE ARRAY(
        SELECT v.id FROM public.registry_modelversion v WHERE v.model_id = NEW.id) END;
    broken text;
BEGIN
    IF NOT EXISTS (SELECT FROM public.audit_event e
                    WHERE e.touched @> ARRAY[thing] AND e.action = TG_ARGV[0]
                      AND e.xid = pg_current_xact_id() AND e.began_at = transaction_timestamp()) THEN
        broken := 'no event of this transaction says so';
    ELSIF EXISTS (SELECT FROM public.registry_stageoccupancy o JOIN public.registry_stage s ON s.id = o.stage_id
                   WHERE o.version_id = ANY (concerned) AND (s.protected OR s.protected_exit)) THEN
        broken := 'it is or was in a protected stage';
    ELSIF EXISTS (SELECT FROM public.registry_aliasassignment a
                   WHERE a.version_id = ANY (concerned)
                     AND (EXISTS (SELECT FROM public.registry_protectedalias p WHERE p.name = a.name)
                          OR EXISTS (SELECT FROM public.registry_stage s
                                      WHERE s.protected AND lower(a.name) IN (lower(s.slug), lower(s.name))))) THEN
        broken := 'it is or was behind a protected alias';
    ELSIF EXISTS (SELECT FROM public.registry_importrecord r
                   WHERE r.version_id = ANY (concerned) OR (NOT of_version AND r.model_id = NEW.id)) THEN
        broken := 'it was imported';
    ELSIF NOT of_version AND (EXISTS (SELECT FROM public.registry_assessment a WHERE a.model_id = NEW.id)
                              OR EXISTS (SELECT FROM public.registry_periodicreview r WHERE r.model_id = NEW.id)) THEN
        broken := 'it was assessed or reviewed';
    ELSIF EXISTS (SELECT FROM public.registry_modelversion_parents p
                    JOIN public.registry_modelversion child ON child.id = p.from_modelversion_id
                   WHERE p.to_modelversion_id = ANY (concerned) AND child.deleted_at IS NULL
                     AND (TG_ARGV[1] = 'all' OR child.model_id <> (CASE WHEN of_version THEN 0 ELSE NEW.id END))) THEN
        broken := 'a version was made from it';
    ELSIF TG_ARGV[0] = 'model.deleted' AND EXISTS (
        SELECT FROM public.registry_modelversion v WHERE v.model_id = NEW.id AND v.deleted_at IS NULL) THEN
        broken := 'versions of it are not deleted';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% of % % refused: %', TG_ARGV[0], TG_TABLE_NAME, NEW.id, broken
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
    END IF;
    RETURN NULL;
END
""",
    # A deleted model has no version that is there.
    "registry_version_of_deleted": """
BEGIN
    IF NEW.deleted_at IS NULL AND EXISTS (
        SELECT FROM public.registry_registeredmodel WHERE id = NEW.model_id AND deleted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'version % belongs to a deleted model', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Use registry.services.deletion.';
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


def guard(table, name, function, column, *arguments):
    """At commit, where a column changed."""
    given = ", ".join(f"'{argument}'" for argument in arguments)
    return migrations.RunSQL(
        (
            (
                f"CREATE CONSTRAINT TRIGGER {name} AFTER UPDATE ON public.{table} DEFERRABLE INITIALLY DEFERRED "
                f"FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) "
                f"EXECUTE FUNCTION public.{function}({given})"
            ),
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0024_format_once")]

    operations = [
        migrations.AddField(
            "registeredmodel", "deleted_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            "registeredmodel",
            "renamed",
            models.CharField(
                blank=True,
                editable=False,
                help_text="what MLflow clients call it since one of them renamed it; the slug stays",
                max_length=256,
                null=True,
            ),
        ),
        migrations.AddField(
            "modelversion",
            "deleted_at",
            models.DateTimeField(
                blank=True,
                editable=False,
                help_text="when it was deleted: never, where anything of it was governed",
                null=True,
            ),
        ),
        migrations.AddField("registeredname", "released_at", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveConstraint("registeredmodel", "model_called_once"),
        migrations.AlterField("registeredmodel", "slug", models.CharField(db_index=True, max_length=200)),
        migrations.AddConstraint(
            "registeredmodel",
            models.UniqueConstraint(condition=Q(deleted_at__isnull=True), fields=("slug",), name="model_slug_once"),
        ),
        migrations.AddConstraint(
            "registeredmodel",
            models.UniqueConstraint(
                Coalesce("renamed", "mlflow_name", "slug"), condition=Q(deleted_at__isnull=True), name="model_name_once"
            ),
        ),
        migrations.AlterField("registeredname", "skeleton", models.CharField(max_length=64)),
        migrations.AddConstraint(
            "registeredname",
            models.UniqueConstraint(condition=Q(released_at__isnull=True), fields=("skeleton",), name="name_held_once"),
        ),
        write_once_columns(MODEL, "deleted_at"),
        write_once_columns(VERSION, "deleted_at"),
        write_once_columns(NAME, "released_at"),
        function("registry_deleted_ungoverned"),
        function("registry_version_of_deleted"),
        guard(
            VERSION,
            "registry_deleted_ungoverned",
            "registry_deleted_ungoverned",
            "deleted_at",
            "version.deleted",
            "all",
        ),
        guard(
            MODEL, "registry_deleted_ungoverned", "registry_deleted_ungoverned", "deleted_at", "model.deleted", "other"
        ),
        guard(MODEL, "registry_renamed_ungoverned", "registry_deleted_ungoverned", "renamed", "model.renamed", "all"),
        migrations.RunSQL(
            (
                (
                    f"CREATE TRIGGER registry_version_of_deleted AFTER INSERT ON public.{VERSION} "
                    "FOR EACH ROW EXECUTE FUNCTION public.registry_version_of_deleted()"
                ),
                f"ALTER TABLE public.{VERSION} ENABLE ALWAYS TRIGGER registry_version_of_deleted",
                f"SELECT fence.seal('public.{VERSION}'::regclass, 'registry_version_of_deleted')",
            ),
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]

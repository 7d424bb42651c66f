"""A protected alias represents a stage; an alias with the name of a protected stage is protected with it; a protected
stage is left by a promotion only."""

import django.db.models.deletion
from django.db import connection, migrations, models

from audit import recorder
from audit.actor import process
from audit.recorder import Change, ObjectRef
from registry.actions import LIFECYCLE_INSTALLED

REPRESENTED = {"champion": "production"}
"""What the default lifecycle says. An officer changes it where an organisation means another stage."""

FUNCTIONS = {
    # A protected alias is set by a promotion only, and so is one that carries the name of a protected stage.
    "registry_stage_alias_by_promotion": """
BEGIN
    IF NEW.promotion IS NULL AND EXISTS (
        SELECT FROM public.registry_stage
         WHERE protected AND lower(NEW.name) IN (lower(slug), lower(name))
    ) THEN
        RAISE EXCEPTION 'the alias % carries the name of a protected stage and is set by a promotion only', NEW.name
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
    END IF;
    RETURN NULL;
END
""",
    # A version leaves a protected stage by a promotion only, whatever the target.
    "registry_stage_left_by_promotion": """
BEGIN
    IF NEW.stage_id <> OLD.stage_id
       AND EXISTS (SELECT FROM public.registry_stage WHERE id = OLD.stage_id AND protected)
       AND NOT EXISTS (
        SELECT FROM public.registry_stageoccupancy
         WHERE version_id = NEW.id AND stage_id = NEW.stage_id AND closed_at IS NULL AND promotion IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'version % leaves a protected stage by a promotion only', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = TG_NAME, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  HINT = 'Ask with governance.promotions.request.';
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
            f"CREATE TRIGGER {name} {when} ON public.{table} FOR EACH ROW EXECUTE FUNCTION public.{name}()",
            f"ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {name}",
            f"SELECT fence.seal('public.{table}'::regclass, '{name}')",
        ),
        reverse_sql=migrations.RunSQL.noop,
    )


def represent(apps, schema_editor):
    """Give the aliases of the default lifecycle their stage, each with its event."""
    aliases, stages = apps.get_model("registry", "ProtectedAlias"), apps.get_model("registry", "Stage")
    for name, slug in REPRESENTED.items():
        alias = aliases.objects.filter(name=name).first()
        stage = stages.objects.filter(slug=slug, protected=True).first()
        if alias is None or stage is None:
            continue
        # An action of every release: the database learns the actions of this one when the migration ends.
        recorder.record_event(
            LIFECYCLE_INSTALLED,
            actor=process("migration"),
            target=ObjectRef("protected_alias", name),
            stream="organisation",
            changes=[Change("stage", None, slug)],
            reason="the alias represents this stage in the default lifecycle",
        )
        alias.stage = stage
        alias.save(update_fields=["stage"])
    with connection.cursor() as cursor:  # a table with changes that wait for their check cannot be altered
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [("registry", "0021_named_changes")]

    operations = [
        migrations.AddField(
            model_name="protectedalias",
            name="stage",
            field=models.ForeignKey(
                blank=True,
                help_text="the stage it represents: who follows the alias expects a version that may be there",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="represented_by",
                to="registry.stage",
            ),
        ),
        migrations.RunPython(represent, reverse_code=migrations.RunPython.noop),
        function("registry_stage_alias_by_promotion"),
        guard("registry_aliasassignment", "registry_stage_alias_by_promotion", "AFTER INSERT"),
        function("registry_stage_left_by_promotion"),
        guard("registry_modelversion", "registry_stage_left_by_promotion", "AFTER UPDATE OF stage_id"),
    ]

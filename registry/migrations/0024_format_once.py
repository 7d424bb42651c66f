"""The format of stored bytes is written once, by the worker that looked at them; no event accounts for it."""

from django.db import migrations

# Empty until a worker looked. A format that was written is fixed as the digest and the size are.
WRITTEN = "OLD.format <> '' AND OLD.format IS DISTINCT FROM NEW.format"


class Migration(migrations.Migration):
    dependencies = [("registry", "0023_single_officer_and_links")]

    operations = [
        migrations.RunSQL(
            (
                "SET CONSTRAINTS ALL IMMEDIATE",
                "SET CONSTRAINTS ALL DEFERRED",
                (
                    "CREATE TRIGGER registry_format_once BEFORE UPDATE ON public.registry_blob FOR EACH ROW "
                    f"WHEN ({WRITTEN}) EXECUTE FUNCTION "
                    "public.audit_refuse('the format of stored bytes is written once', 'It follows from the bytes.')"
                ),
                "ALTER TABLE public.registry_blob ENABLE ALWAYS TRIGGER registry_format_once",
                "SELECT fence.seal('public.registry_blob'::regclass, 'registry_format_once')",
            ),
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]

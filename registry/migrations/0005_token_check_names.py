"""Tokens name the checks whose results they may report; the names are fixed when the token is issued."""

import django.contrib.postgres.fields
from django.db import migrations, models

GUARDS = """
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE TRIGGER audit_fixed_check_names
    AFTER UPDATE ON public.registry_accesstoken
    FOR EACH ROW EXECUTE FUNCTION public.audit_keep_columns('fixed', 'check_names');
ALTER TABLE public.registry_accesstoken ENABLE ALWAYS TRIGGER audit_fixed_check_names;
SELECT fence.seal('public.registry_accesstoken'::regclass, 'audit_fixed_check_names');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_help_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="check_names",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80),
                blank=True,
                default=list,
                help_text="checks whose results it may report",
                size=None,
            ),
        ),
        migrations.RunSQL(GUARDS),
    ]

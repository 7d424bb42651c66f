"""Columns that give or take power change only under an event that names the column and its new value."""

from django.db import migrations

from audit.migration_guards import require_named_change


class Migration(migrations.Migration):
    dependencies = [("registry", "0020_sign_in_links"), ("audit", "0002_named_changes")]

    operations = [
        require_named_change("registry_user", "person", "uid", "is_superuser", "is_staff", on_insert=True),
        require_named_change("registry_user", "person", "uid", "is_active"),
        require_named_change("registry_stage", "stage", "slug", "protected", "protected_exit"),
        require_named_change("registry_registeredmodel", "model", "uid", "risk_tier"),
    ]

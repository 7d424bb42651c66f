"""The columns of an upload that a worker claims get the names they have in every other queue: `alive_at` becomes
`heartbeat_at`, `due_at` becomes `run_after`, `detail` becomes `problem`. Rows keep their values."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="upload",
            name="upload_to_examine",
        ),
        migrations.RenameField(model_name="upload", old_name="alive_at", new_name="heartbeat_at"),
        migrations.RenameField(model_name="upload", old_name="due_at", new_name="run_after"),
        migrations.RenameField(model_name="upload", old_name="detail", new_name="problem"),
        migrations.AlterField(
            model_name="upload",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
        ),
        migrations.AlterField(
            model_name="upload",
            name="problem",
            field=models.TextField(blank=True, help_text="why the last attempt failed"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="run_after",
            field=models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
        ),
        migrations.AlterField(
            model_name="upload",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, help_text="how often it was begun"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="claim",
            field=models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("state__in", ("queued", "examining"))),
                fields=["run_after"],
                name="upload_to_examine",
            ),
        ),
    ]

"""The columns of work that a worker claims get one name each: `claimed_at` of webhook deliveries and PDF files becomes
`heartbeat_at`, and a PDF file gets `run_after`. Reminders of periodic reviews get a queue (`ReminderMail`), so that
they are sent outside the transaction that locks the model. Check runs and source copies keep their columns."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0001_initial"),
        ("registry", "0002_claimable_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReminderMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claim", models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True)),
                (
                    "heartbeat_at",
                    models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
                ),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="how often it was begun")),
                ("problem", models.TextField(blank=True, help_text="why the last attempt failed")),
                ("due", models.DateField(help_text="the day on which the review is due")),
                ("step", models.IntegerField(help_text="days before the due day; negative after it")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.RemoveIndex(
            model_name="pdffile",
            name="pdf_file_waiting",
        ),
        migrations.RenameField(model_name="pdffile", old_name="claimed_at", new_name="heartbeat_at"),
        migrations.AlterField(
            model_name="pdffile",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
        ),
        migrations.AddField(
            model_name="pdffile",
            name="run_after",
            field=models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
        ),
        migrations.RenameField(model_name="webhookdelivery", old_name="claimed_at", new_name="heartbeat_at"),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
        ),
        migrations.AlterField(
            model_name="checkrun",
            name="claim",
            field=models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True),
        ),
        migrations.AlterField(
            model_name="checkrun",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
        ),
        migrations.AlterField(
            model_name="pdffile",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, help_text="how often it was begun"),
        ),
        migrations.AlterField(
            model_name="pdffile",
            name="claim",
            field=models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True),
        ),
        migrations.AlterField(
            model_name="pdffile",
            name="problem",
            field=models.TextField(blank=True, help_text="why the last attempt failed"),
        ),
        migrations.AlterField(
            model_name="sourcecopy",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, help_text="how often it was begun"),
        ),
        migrations.AlterField(
            model_name="sourcecopy",
            name="claim",
            field=models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True),
        ),
        migrations.AlterField(
            model_name="sourcecopy",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="when its worker last reported progress", null=True),
        ),
        migrations.AlterField(
            model_name="sourcecopy",
            name="problem",
            field=models.TextField(blank=True, help_text="why the last attempt failed"),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, help_text="how often it was begun"),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="claim",
            field=models.UUIDField(blank=True, help_text="token of the worker that holds the row", null=True),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="problem",
            field=models.TextField(blank=True, help_text="why the last attempt failed"),
        ),
        migrations.AddIndex(
            model_name="pdffile",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["run_after"], name="pdf_file_waiting"),
        ),
        migrations.AddField(
            model_name="remindermail",
            name="model",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.registeredmodel"
            ),
        ),
        migrations.AddField(
            model_name="remindermail",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
    ]
